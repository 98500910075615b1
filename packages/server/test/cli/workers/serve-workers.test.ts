import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClusterScene, openClusterScene } from '../../faults/cluster/cluster-scene.ts';
import { type Commute, ROOMS_CONFIG, startCommute } from '../../faults/cluster/commute.ts';
import { startRedis } from '../../servers/redis-server.ts';
import { connectBare } from '../../wire/scene/bare-client.ts';
import { API_KEY } from '../../wire/scene/server-process.ts';
import { type Metrics, scrape } from '../../wire/scene/server-metrics.ts';
import { newFolder, result, SECRET } from '../run-cli.ts';

const ending: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

/** Somebody who asks for the board `bomb` brings down the process that he asks, behind the answer. */
const BOMB_CONFIG = ROOMS_CONFIG.replace(
  "'board:{id}': () => true",
  "'board:{id}': ({ params }) => { if (params.id === 'bomb') setImmediate(() => { throw new Error('bomb'); }); return true; }",
);

/** The process that finds a file called `hang` stops while it starts, before it has said anything. Only the first one finds it. */
const HANG_CONFIG = `
import { rmSync } from 'node:fs';
let found = true;
try { rmSync('hang'); } catch { found = false; }
if (found) process.kill(process.pid, 'SIGSTOP');
${ROOMS_CONFIG}`;

async function open(
  workers: number,
  settings: Readonly<Record<string, string>> = {},
  configModule = BOMB_CONFIG,
): Promise<ClusterScene> {
  const scene = await openClusterScene({
    nodes: 1,
    args: ['--workers', String(workers)],
    configModule,
    settings,
  });
  ending.push(() => scene.close());
  await allServe(scene, workers);
  return scene;
}

async function commute(scene: ClusterScene, people: number): Promise<Commute> {
  const started = await startCommute(scene, { people, rooms: 4 });
  ending.push(() => started.stop());
  return started;
}

const logOf = (scene: ClusterScene): readonly Record<string, unknown>[] =>
  scene.nodes[0]!.process.log.map((line) => JSON.parse(line) as Record<string, unknown>);

/** The processes that served so far, of one worker or of all, oldest first. */
function lives(scene: ClusterScene, worker?: number): readonly number[] {
  return logOf(scene)
    .filter((line) => line['msg'] === 'worker_serving' && (worker === undefined || line['worker'] === worker))
    .map((line) => line['pid'] as number);
}

async function allServe(scene: ClusterScene, count: number): Promise<void> {
  await expect
    .poll(() => lives(scene).length, { timeout: 60_000, interval: 50 })
    .toBeGreaterThanOrEqual(count);
}

const connectionsOf = (metrics: Metrics, worker: number): number =>
  metrics.value('carillon_connections', `{worker="${worker}"}`);

describe('carillon serve --workers', () => {
  const env = { PORT: '0', CARILLON_JWT_SECRET: SECRET };

  it('does not start without Redis, and says so in one line', async () => {
    const { code, stdout, stderr } = await result(['serve', '--workers', '2'], { cwd: newFolder(), env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^carillon: --workers: .*set CARILLON_REDIS_URL, or leave --workers out.*\n$/);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });

  it.each(['0', '257', '-1', '1.5', 'many', ''])('refuses %j workers', async (count) => {
    const { code, stderr } = await result(['serve', `--workers=${count}`], { cwd: newFolder(), env });
    expect(code).toBe(2);
    expect(stderr).toBe('carillon: --workers must be auto, or a whole number from 1 to 256\n');
  });

  it('ends with one line where no worker can start: nobody answers at CARILLON_REDIS_URL', async () => {
    const { code, stderr } = await result(['serve', '--workers', '3'], {
      cwd: newFolder(),
      env: { ...env, CARILLON_REDIS_URL: 'redis://127.0.0.1:1' },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^carillon: CARILLON_REDIS_URL: .*\n$/);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });

  it('ends with one line where no worker can start: the port is taken', async () => {
    const redis = await startRedis();
    ending.push(() => redis.stop());
    const other = createServer().listen(0, '127.0.0.1');
    ending.push(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await result(['serve', '--workers', '2', '--port', String(port)], {
      cwd: newFolder(),
      env: { ...env, CARILLON_REDIS_URL: redis.url },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^carillon: PORT ${port} on 127\\.0\\.0\\.1 is in use: .*\\n$`));
  });

  it('spreads connections evenly, and any worker answers for all when it is scraped', async () => {
    const scene = await open(3);
    for (let i = 0; i < 12; i++) {
      const client = await connectBare(scene.pick().port);
      ending.push(() => client.drop());
      await client.logIn(`user${i}`);
    }
    // Scrapes come in turn as well: each of them asks another worker. At once, so that some samples are NaN, which may not
    // become anything else on the way: the delay of the event loop since the one before.
    const scrapes = await Promise.all(Array.from({ length: 3 }, () => scene.api('GET', '/metrics')));
    for (const { body } of scrapes) {
      const metrics = await scrape({ api: () => Promise.resolve({ status: 200, body }) });
      const counted = [1, 2, 3].map((worker) => connectionsOf(metrics, worker));
      expect(counted.reduce((sum, count) => sum + count)).toBe(12);
      // Requests take turns too, so that it need not come out even.
      for (const count of counted) expect(count).toBeGreaterThanOrEqual(3);
      expect([1, 2, 3].map((worker) => metrics.value('carillon_worker_up', `{worker="${worker}"}`))).toEqual([
        1, 1, 1,
      ]);
      expect(String(body)).not.toMatch(/^nodejs_eventloop_lag_.* \+Inf$/m);
    }
    expect(
      new Set(
        logOf(scene)
          .filter(({ msg }) => msg === 'listening')
          .map(({ worker }) => worker),
      ),
    ).toEqual(new Set([1, 2, 3]));
  });

  it('kill -9 of a worker under load: its clients resume with the others, nobody sees it, and it is replaced', async () => {
    const scene = await open(3);
    const people = await commute(scene, 60);
    people.keepPublishing();
    await people.acknowledged(1_000);
    const before = people.all.map(({ client }) => client);
    const theirs = connectionsOf(await scrape(scene.nodes[0]!.process), 2);
    expect(theirs, 'connections of the worker that is killed').toBeGreaterThan(10);
    expect(people.inFlight(), 'publications in flight').toBeGreaterThan(0);
    process.kill(lives(scene, 2)[0]!, 'SIGKILL');
    await people.acknowledged(1_000);
    await expect.poll(() => lives(scene, 2).length, { timeout: 60_000 }).toBe(2);
    await people.calm();
    const cut = people.all.filter(({ client }, i) => client !== before[i]);
    expect(cut).toHaveLength(theirs);
    for (const { resumed, lost } of cut) expect({ resumed, lost }).toEqual({ resumed: 1, lost: 0 });
    expect(people.flaps()).toEqual([]);
    people.verify();
    await people.verifyViews();
    expect(logOf(scene)).toContainEqual(
      expect.objectContaining({ msg: 'worker_died', worker: 2, signal: 'SIGKILL' }),
    );
  });

  it('an uncaught error ends one worker, with its number in the log, and no other', async () => {
    const scene = await open(2);
    const people = await commute(scene, 20);
    const before = people.all.map(({ client }) => client);
    const bomber = await connectBare(scene.pick().port);
    ending.push(() => bomber.drop());
    await bomber.logIn('bomber');
    people.keepPublishing();
    await people.acknowledged(100);
    expect(people.inFlight(), 'publications in flight').toBeGreaterThan(0);
    bomber.send({ t: 'sub', c: 'board:bomb', i: 1 });
    await bomber.closed;
    await allServe(scene, 3);
    await people.calm();
    const uncaught = logOf(scene).filter(({ msg }) => msg === 'uncaught');
    expect(uncaught).toHaveLength(1);
    const worker = uncaught[0]!['worker'] as number;
    expect(uncaught[0]!['error']).toContain('bomb');
    expect(logOf(scene)).toContainEqual(expect.objectContaining({ msg: 'worker_died', worker, code: 1 }));
    expect(lives(scene, worker)).toHaveLength(2);
    const cut = people.all.filter(({ client }, i) => client !== before[i]);
    expect(cut.length).toBeGreaterThan(0);
    expect(cut.length).toBeLessThan(people.all.length);
    for (const { lost } of people.all) expect(lost).toBe(0);
    expect(people.flaps()).toEqual([]);
    people.verify();
  });

  it('[RES7] SIGTERM drains all workers, each client is told when to come back, and it exits 0', async () => {
    const scene = await open(3, { CARILLON_DRAIN_WINDOW_MS: '700' });
    const clients = await Promise.all(
      Array.from({ length: 9 }, async (_, i) => {
        const client = await connectBare(scene.pick().port);
        await client.logIn(`user${i}`);
        return client;
      }),
    );
    // To every process of the group, as some service managers and every terminal do it: each worker gets two.
    for (const pid of lives(scene)) process.kill(pid, 'SIGTERM');
    expect(await scene.nodes[0]!.end('SIGTERM')).toEqual({ code: 0, signal: null });
    for (const client of clients) {
      expect(client.closedWith?.code).toBe(4000);
      expect(client.received.at(-1)).toMatchObject({ t: 'bye', code: 'draining', advice: 'resume' });
    }
    // All of them: who was on which worker makes no difference.
    await scene.nodes[0]!.start();
    for (const client of clients) {
      const again = await connectBare(scene.pick().port);
      ending.push(() => again.drop());
      const user = `user${clients.indexOf(client)}`;
      const { token } = await again.logIn(user, { resume: client.resumeToken, at: client.at, v: 1 });
      expect(token['resumed']).toBe(true);
    }
  });

  it('[RES7] SIGUSR2 under load puts a new process in each place: everybody resumes, once for each restart at most', async () => {
    const scene = await open(2, { CARILLON_DRAIN_WINDOW_MS: '500' });
    const people = await commute(scene, 40);
    people.keepPublishing();
    await people.acknowledged(500);
    const first = lives(scene);
    scene.nodes[0]!.process.signal('SIGUSR2');
    await expect
      .poll(() => logOf(scene).some(({ msg }) => msg === 'restarted'), { timeout: 60_000, interval: 50 })
      .toBe(true);
    await people.acknowledged(500);
    await people.calm();
    expect(lives(scene)).toHaveLength(4);
    expect(new Set(lives(scene)).size).toBe(4);
    for (const pid of lives(scene).slice(2)) expect(first).not.toContain(pid);
    for (const { resumed, lost } of people.all) {
      expect(lost).toBe(0);
      expect(resumed).toBeLessThanOrEqual(2);
    }
    expect(people.all.reduce((sum, { resumed }) => sum + resumed, 0)).toBeGreaterThanOrEqual(40);
    expect(people.flaps()).toEqual([]);
    people.verify();
    await people.verifyViews();
  });

  it('a worker that hangs does not keep the others from being scraped, and is said to be down', async () => {
    const scene = await open(3);
    const [hung] = lives(scene, 2);
    const bodies: string[] = [];
    const asked: Promise<void>[] = [];
    process.kill(hung!, 'SIGSTOP');
    try {
      // One of three goes to it, and is answered when it goes on.
      for (let i = 0; i < 3; i++)
        asked.push(scene.api('GET', '/metrics').then(({ body }) => void bodies.push(String(body))));
      await expect.poll(() => bodies.length, { timeout: 20_000 }).toBe(2);
      for (const body of bodies) {
        expect(body).toContain('carillon_worker_up{worker="2"} 0');
        expect(body).toContain('carillon_connections{worker="1"}');
        expect(body).toContain('carillon_connections{worker="3"}');
        expect(body).not.toContain('carillon_connections{worker="2"}');
      }
    } finally {
      process.kill(hung!, 'SIGCONT');
    }
    await Promise.all(asked);
    expect(bodies[2]).toContain('carillon_worker_up{worker="2"} 1');
  });

  it('a worker that hangs while it starts is killed and replaced, and the log says so', async () => {
    const scene = await open(2, { CARILLON_WORKERS_START_TIMEOUT_MS: '10000' }, HANG_CONFIG);
    writeFileSync(join(scene.folder, 'hang'), '');
    const [first] = lives(scene, 2);
    process.kill(first!, 'SIGKILL');
    await expect.poll(() => lives(scene, 2).length, { timeout: 60_000 }).toBe(2);
    expect(existsSync(join(scene.folder, 'hang')), 'a process of which none hung').toBe(false);
    const notes = logOf(scene).filter(({ msg, worker }) => worker === 2 && String(msg).startsWith('worker_'));
    expect(notes.slice(1)).toMatchObject([
      { msg: 'worker_died', signal: 'SIGKILL' },
      { msg: 'worker_hangs_starting', startTimeoutMs: 10_000 },
      { msg: 'worker_did_not_start', signal: 'SIGKILL' },
      { msg: 'worker_serving' },
    ]);
  });

  it('where the supervisor hangs a scrape is answered, with unavailable, and again by all when it goes on', async () => {
    const scene = await open(2);
    const { port, pid } = scene.nodes[0]!.process;
    // Nobody accepts a new connection meanwhile: it has to be one that a worker has already.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    ending.push(() => agent.destroy());
    const ask = async (
      path: string,
    ): Promise<{ status: number | undefined; reused: boolean; body: string }> => {
      const headers = { authorization: `Bearer ${API_KEY}` };
      const request = get({ host: '127.0.0.1', port, path, agent, headers });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return { status: response.statusCode, reused: request.reusedSocket, body: await text(response) };
    };
    expect(await ask('/metrics')).toMatchObject({ status: 200, reused: false });
    process.kill(pid, 'SIGSTOP');
    try {
      const { status, reused, body } = await ask('/metrics');
      expect({ status, reused }).toEqual({ status: 503, reused: true });
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'unavailable', retryAfterMs: 1_000 } });
      // It still serves.
      expect(await ask('/ready')).toMatchObject({ status: 200, reused: true });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const again = await ask('/metrics');
    expect(again.status).toBe(200);
    for (const worker of [1, 2]) expect(again.body).toContain(`carillon_worker_up{worker="${worker}"} 1`);
  });
});
