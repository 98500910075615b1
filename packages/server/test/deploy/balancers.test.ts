import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type ClusterOptions, type ClusterScene, openClusterScene } from '../faults/cluster/cluster-scene.ts';
import type { Commuter } from '../faults/cluster/commuter.ts';
import { type Commute, ROOMS_CONFIG, startCommute } from '../faults/cluster/commute.ts';
import { type BareClient, connectBare } from '../wire/scene/bare-client.ts';
import { scrape } from '../wire/scene/server-metrics.ts';
import { API_KEY } from '../wire/scene/server-process.ts';
import { within } from '../wire/scene/within.ts';
import { type Balancer, type BalancerOptions, startBalancer } from './balancer.ts';
import { sdkClient, type SdkClient } from './sdk-client.ts';
import { FRESH, nodeThatCounts, RESUMED } from './which-node.ts';

let scene: ClusterScene;
let balancer: Balancer;
const ending: (() => void)[] = [];
afterEach(() => {
  for (const end of ending.splice(0)) end();
});

/** Three nodes over one Redis, and the balancer in front of them. */
async function open(
  name: Balancer['name'],
  { settings, ...options }: ClusterOptions = {},
  changes: BalancerOptions['changes'] = [],
): Promise<void> {
  scene = await openClusterScene({
    configModule: ROOMS_CONFIG,
    settings: { CARILLON_TRUSTED_PROXIES: '127.0.0.1', ...settings },
    ...options,
  });
  balancer = await startBalancer(name, { nodes: scene.nodes.map(({ port }) => port), changes });
}

async function close(): Promise<void> {
  for (const end of ending.splice(0)) end();
  await balancer.stop();
  await scene.close();
}

function sdk(user: string, tls: boolean): SdkClient {
  const client = sdkClient(user, tls ? { port: balancer.tlsPort, ca: balancer.ca } : { port: balancer.port });
  ending.push(() => client.client.disconnect());
  return client;
}

async function commute(people: number): Promise<Commute> {
  const started = await startCommute(scene, { people, rooms: 4, port: () => balancer.port });
  ending.push(() => started.stop());
  return started;
}

/** How an upgrade is answered: 101 or the status of the refusal. */
async function upgrade(localAddress: string, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${balancer.port}/ws`, { localAddress, headers });
  ending.push(() => socket.terminate());
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  socket.on('open', () => resolve(101));
  socket.on('unexpected-response', (_request, response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  socket.on('error', reject);
  return within(promise, 'the upgrade is answered');
}

/** A request to the balancer; the answer's status. */
async function ask(path: string, init: RequestInit = {}): Promise<number> {
  const headers = { authorization: `Bearer ${API_KEY}` };
  const response = await fetch(`http://127.0.0.1:${balancer.port}${path}`, { headers, ...init });
  await response.arrayBuffer();
  return response.status;
}

describe.each(['nginx', 'haproxy'] as const)('behind %s: three nodes that stay', (name) => {
  beforeAll(() => open(name));
  afterAll(close);

  it.each([
    ['plain', false],
    ['over TLS', true],
  ])(
    '%s: connections go to each node in turn, and a session is resumed on another one',
    async (door, tls) => {
      const connect = (): Promise<BareClient> =>
        tls ? connectBare(balancer.tlsPort, { ca: balancer.ca }) : connectBare(balancer.port);
      const homes = new Map<number, number>();
      for (let i = 0; i < 6; i++) {
        const { node, result: client } = await nodeThatCounts(scene, FRESH, async () => {
          const connected = await connect();
          ending.push(() => connected.drop());
          await connected.logIn(`user${i} ${door}`);
          return connected;
        });
        homes.set(node.port, (homes.get(node.port) ?? 0) + 1);
        client.drop();
        const { node: next, result: again } = await nodeThatCounts(scene, RESUMED, async () => {
          const connected = await connect();
          ending.push(() => connected.drop());
          const { token } = await connected.logIn(`user${i} ${door}`, {
            resume: client.resumeToken,
            at: client.at,
            v: 1,
          });
          return token;
        });
        expect(again['resumed']).toBe(true);
        expect(next.port).not.toBe(node.port);
      }
      expect([...homes.values()]).toEqual([2, 2, 2]);
    },
  );

  it.each([
    ['plain', false],
    ['over TLS', true],
  ])(
    '%s: clients of the SDK talk and see each other across nodes, and come back on another one',
    async (_, tls) => {
      const [annasName, bensName] = tls ? (['anna', 'ben'] as const) : (['anja', 'bob'] as const);
      await scene.follow([annasName, bensName], [bensName, annasName]);
      const logIn = (user: string) =>
        nodeThatCounts(scene, FRESH, async () => {
          const client = sdk(user, tls);
          await client.connected();
          return client;
        });
      const { node: annas, result: anna } = await logIn(annasName);
      const { node: bens, result: ben } = await logIn(bensName);
      expect(annas.port).not.toBe(bens.port);

      const heard: unknown[] = [];
      const room = ben.client.stream('room:{id}', { id: 'tea' });
      room.onPublication(({ data }) => heard.push(data));
      await room.subscribe();
      await anna.client.stream('room:{id}', { id: 'tea' }).publish('one');
      await expect.poll(() => heard).toEqual(['one']);
      await anna.client.setStatus({ status: 'Busy' });
      await expect.poll(() => ben.client.presence.get(annasName)?.status).toBe('Busy');

      const { session } = ben.client;
      const { node: next } = await nodeThatCounts(scene, RESUMED, async () => {
        const back = Promise.withResolvers<void>();
        let wasDown = false;
        ben.client.onConnection(({ status }) => {
          if (status !== 'connected') wasDown = true;
          else if (wasDown) back.resolve();
        });
        ben.cut();
        await anna.client.stream('room:{id}', { id: 'tea' }).publish('two');
        await within(back.promise, 'ben is back');
      });
      expect(next.port).not.toBe(bens.port);
      expect(ben.client.session).toBe(session);
      await expect.poll(() => heard).toEqual(['one', 'two']);
      await anna.client.setStatus({ status: 'Away' });
      await expect.poll(() => ben.client.presence.get(annasName)?.status).toBe('Away');
    },
  );

  it.each(['/yjs/paper', '/yjs/team%2Fpaper', '/hocuspocus', '/hocuspocus/'])(
    'an upgrade to %s reaches a node, which has no such gateway here',
    async (path) => {
      const socket = new WebSocket(`ws://127.0.0.1:${balancer.port}${path}`);
      ending.push(() => socket.terminate());
      const body = await new Promise<string>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('unexpected-response', (_request, response) => {
          response.on('data', (part: Buffer) => resolve(part.toString()));
        });
      });
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'not_found' } });
    },
  );

  it('the operator’s endpoints are not for the world; the HTTP API is, whatever the size of an import', async () => {
    for (const path of ['/metrics', '/ready', '/health', '/', '/dev/logins'])
      expect([path, await ask(path)]).toEqual([path, 404]);
    expect(await ask('/v1/users/anna', { method: 'PUT' })).toBeLessThan(300);
    const lines = Array.from(
      { length: 60_000 },
      (_, i) => `follower-${i % 50},somebody-with-a-long-name-${i}`,
    );
    const body = lines.join('\n');
    expect(body.length).toBeGreaterThan(2 * 1024 * 1024);
    expect(await ask('/v1/import', { method: 'POST', body })).toBe(200);
  });
});

describe.each(['nginx', 'haproxy'] as const)('behind %s', (name) => {
  afterEach(close);

  it('a node that is killed under load costs its clients a reconnect, and the others nothing', async () => {
    await open(name);
    const people = await commute(60);
    people.keepPublishing();
    await people.acknowledged(1_500);
    const [victim] = scene.nodes;
    const theirs = (await scrape(victim!.process)).value('carillon_connections');
    expect(theirs, 'connections on the node that is killed').toBeGreaterThan(10);
    const before = people.all.map(({ client, inFlight }) => ({ client, inFlight }));
    await victim!.end('SIGKILL');
    await people.acknowledged(1_500);
    await people.calm();
    const isCut = ({ client }: Commuter, i: number): boolean => client !== before[i]!.client;
    const cut = people.all.filter(isCut);
    expect(cut).toHaveLength(theirs);
    const struck = people.all.filter((commuter, i) => isCut(commuter, i) && before[i]!.inFlight);
    expect(struck.length, 'publications in flight on the node that was killed').toBeGreaterThan(0);
    for (const { resumed, lost } of cut) expect({ resumed, lost }).toEqual({ resumed: 1, lost: 0 });
    expect(people.flaps()).toEqual([]);
    people.verify();
    await people.verifyViews();
  });

  it(
    'a node that is restarted sends its clients to the others, and has its share of new ones again',
    {
      // Thirty clients reconnect, and the balancer takes its time to send anybody to a node that was gone.
      timeout: 120_000,
    },
    async () => {
      await open(name, { settings: { CARILLON_DRAIN_WINDOW_MS: '500' } });
      const people = await commute(30);
      people.keepPublishing();
      await people.acknowledged(500);
      const [node] = scene.nodes;
      const theirs = (await scrape(node!.process)).value('carillon_connections');
      expect(theirs, 'connections on the node that is restarted').toBeGreaterThan(5);
      expect(await node!.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await people.acknowledged(500);
      await node!.start();
      await people.calm();
      for (const { resumed, lost } of people.all)
        expect({ resumed: resumed <= 1, lost }).toEqual({ resumed: true, lost: 0 });
      expect(people.all.reduce((sum, { resumed }) => sum + resumed, 0)).toBe(theirs);
      expect(people.flaps()).toEqual([]);
      people.verify();
      const openedOn = async (): Promise<number> => {
        expect(await upgrade('127.0.0.1')).toBe(101);
        return (await scrape(node!.process)).value('carillon_connections_opened_total');
      };
      // A balancer that took the node out looks at it again in its own time.
      await expect.poll(openedOn, { timeout: 60_000, interval: 200 }).toBeGreaterThan(0);
    },
  );

  it('what counts is the address of the client, and not what it says of itself', async () => {
    await open(name, { settings: { CARILLON_LIMITS_CONNECTIONS_PER_ADDRESS: '1' } });
    for (let node = 0; node < scene.nodes.length; node++) expect(await upgrade('127.0.0.5')).toBe(101);
    expect(await upgrade('127.0.0.5')).toBe(429);
    expect(await upgrade('127.0.0.5', { 'x-forwarded-for': '203.0.113.7' })).toBe(429);
    expect(await upgrade('127.0.0.6')).toBe(101);
  });

  it('heartbeats keep a connection open on which nobody says anything', async () => {
    // The same proportions in a fiftieth of the time: what is shipped is 90 s for a heartbeat of 30.
    const timeouts: BalancerOptions['changes'] =
      name === 'nginx'
        ? [
            ['proxy_read_timeout 90s', 'proxy_read_timeout 1800ms'],
            ['proxy_send_timeout 90s', 'proxy_send_timeout 1800ms'],
          ]
        : [['timeout tunnel 90s', 'timeout tunnel 1800ms']];
    await open(name, { settings: { CARILLON_SESSIONS_HEARTBEAT_MS: '600' } }, timeouts);
    const client = await connectBare(balancer.port);
    ending.push(() => client.drop());
    await client.logIn('anna');
    const beats = Promise.withResolvers<void>();
    let count = 0;
    client.onMessage = ({ t }) => {
      if (t === 'hb' && ++count === 8) beats.resolve();
    };
    await within(Promise.race([beats.promise, client.closed]), 'eight heartbeats have come');
    expect({ count, closedWith: client.closedWith }).toEqual({ count: 8, closedWith: null });
    await client.settle();
  });

  it('a node that takes nobody is passed over, and nobody is refused for it', async () => {
    await open(name, { settingsOf: (node) => (node === 0 ? { CARILLON_LIMITS_CONNECTIONS: '1' } : {}) });
    for (let i = 0; i < 9; i++) expect(await upgrade('127.0.0.1')).toBe(101);
    const refusals = (await scrape(scene.nodes[0]!.process)).value(
      'carillon_errors_total',
      '{code="unavailable"}',
    );
    expect(refusals, 'upgrades that the full node refused').toBeGreaterThan(0);
  });
});
