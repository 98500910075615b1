import { createServer } from 'node:http';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { signToken } from '../../src/auth/sign-token.ts';
import { API_KEY, carillon, newFolder, result, type Run, SECRET } from './run-cli.ts';

const env = {
  PORT: '0',
  CARILLON_JWT_SECRET: SECRET,
  CARILLON_API_KEY: API_KEY,
  CARILLON_DRAIN_WINDOW_MS: '700',
};

async function serve(cwd: string, more: Record<string, string> = {}): Promise<{ run: Run; url: string }> {
  const run = carillon(['serve'], { cwd, env: { ...env, ...more } });
  const [, url = ''] = await run.says(/"url":"([^"]+)"/);
  return { run, url };
}

/** Logs in, and collects every message that follows. */
async function logIn(url: string, user: string, resume?: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  const received: Record<string, unknown>[] = [];
  const synced = Promise.withResolvers<void>();
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Record<string, unknown>;
    received.push(message);
    if (message['t'] === 'sync') synced.resolve();
  });
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  const token = await signToken({
    secret: SECRET,
    user,
    ttlMs: 60_000,
    issuer: null,
    audience: null,
    nowMs: Date.now(),
  });
  socket.send(
    JSON.stringify({ t: 'login', username: user, token, ...(resume === undefined ? {} : { resume }) }),
  );
  await synced.promise;
  return { socket, received, closed };
}

describe('carillon serve', () => {
  it('does not start without somebody who may log in, and says so in one line', async () => {
    const { code, stdout, stderr } = await result(['serve'], { cwd: newFolder(), env: { PORT: '0' } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^carillon: nothing says who may log in: set CARILLON_JWT_SECRET .*\n$/);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });

  it.each([
    [{ PORT: 'x' }, /^carillon: PORT must be .*\n$/],
    [{ CARILLON_JWT_SECRET: 'short' }, /^carillon: CARILLON_JWT_SECRET has 5 bytes.*\n$/],
    [
      { CARILLON_DATABASE_URL: 'postgres://u:hush@127.0.0.1:1/d' },
      /^carillon: CARILLON_DATABASE_URL: postgres:\/\/127\.0\.0\.1:1\/d cannot be opened: Postgres: connect ECONNREFUSED 127\.0\.0\.1:1\n$/,
    ],
    [
      { CARILLON_REDIS_URL: 'http://h' },
      /^carillon: CARILLON_REDIS_URL has a scheme this server does not know.*\n$/,
    ],
    [
      { CARILLON_REDIS_URL: 'redis://127.0.0.1:1' },
      /^carillon: CARILLON_REDIS_URL: Redis at 127\.0\.0\.1:1 cannot be reached.*\n$/,
    ],
    [{ HOST: '192.0.2.1' }, /^carillon: HOST 192\.0\.2\.1 is not an address of this machine.*\n$/],
    [
      { CARILLON_DATABASE_URL: 'sqlite:/dev/null/x.sqlite' },
      /^carillon: CARILLON_DATABASE_URL: \/dev\/null\/x\.sqlite cannot be opened.*\n$/,
    ],
  ])('a wrong setting stops the start with one line: %j', async (wrong, line) => {
    const { code, stdout, stderr } = await result(['serve'], { cwd: newFolder(), env: { ...env, ...wrong } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(line);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });

  it('a port that is taken is named', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await result(['serve', '--port', String(port)], { cwd: newFolder(), env });
    other.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^carillon: PORT ${port} on 127\\.0\\.0\\.1 is in use: .*\\n$`));
  });

  it('a database that another server uses is left alone', async () => {
    const cwd = newFolder();
    await serve(cwd);
    const { code, stderr } = await result(['serve'], { cwd, env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^carillon: CARILLON_DATABASE_URL: another process uses .*\n$/);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s sends the clients away with a time to come back, then exits 0',
    async (signal) => {
      const { run, url } = await serve(newFolder());
      const clients = await Promise.all(['alice', 'bob', 'carol'].map((user) => logIn(url, user)));
      run.child.kill(signal);
      for (const { closed, received } of clients) {
        expect(await closed).toBe(4000);
        const bye = received.find((message) => message['t'] === 'bye');
        expect(bye).toMatchObject({ code: 'draining', advice: 'resume' });
        expect(bye?.['afterMs']).toBeGreaterThanOrEqual(0);
        expect(bye?.['afterMs']).toBeLessThanOrEqual(700);
      }
      expect(await run.ended).toEqual({ code: 0, signal: null });
      expect(run.stderr()).toBe('');
    },
  );

  it('exits 0 on SIGTERM though a client does not answer the close and another uploads for ever', async () => {
    const { run, url } = await serve(newFolder());
    const { socket } = await logIn(url, 'alice');
    socket.pause();
    const upload = fetch(`${url}/v1/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}` },
      body: new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('a,b\n')) }),
      duplex: 'half',
    });
    upload.catch(() => undefined);
    await expect
      .poll(
        async () =>
          (
            await fetch(`${url}/v1/import`, {
              method: 'POST',
              headers: { authorization: `Bearer ${API_KEY}` },
            })
          ).status,
      )
      .toBe(503);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 0, signal: null });
    socket.terminate();
  }, 20_000);

  it('a second signal ends it at once', async () => {
    const { run, url } = await serve(newFolder());
    // A client that does not answer the close holds the first signal up.
    const { socket } = await logIn(url, 'alice');
    socket.pause();
    run.child.kill('SIGTERM');
    await run.says(/"msg":"draining"/);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 143, signal: null });
    expect(run.stdout()).not.toContain('"msg":"stopped"');
    socket.terminate();
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('sessions outlive a restart after %s', async (signal) => {
    const cwd = newFolder();
    const first = await serve(cwd);
    const before = await logIn(first.url, 'alice');
    const token = before.received.find((message) => message['t'] === 'token');
    first.run.child.kill(signal);
    await first.run.ended;
    const second = await serve(cwd);
    const after = await logIn(second.url, 'alice', String(token?.['token']));
    expect(after.received.find((message) => message['t'] === 'token')).toMatchObject({
      resumed: true,
      session: token?.['session'],
    });
    after.socket.terminate();
  });

  it('a failure that nobody caught is logged, and ends it with 1', async () => {
    const cwd = newFolder();
    writeFileSync(
      join(cwd, 'carillon.config.mjs'),
      `export default { auth: { authenticate: () => { setImmediate(() => { throw new Error('in nobody\\'s arms') }); return null } } }`,
    );
    const run = carillon(['serve'], { cwd, env: { PORT: '0' } });
    const [, url = ''] = await run.says(/"url":"([^"]+)"/);
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
    socket.on('error', () => undefined);
    await once(socket, 'open');
    socket.send('{"t":"login","username":"a","token":"t"}');
    expect(await run.ended).toEqual({ code: 1, signal: null });
    expect(run.stdout()).toMatch(/"level":60.*in nobody's arms.*"msg":"uncaught"/);
  });

  it('logs one JSON object a line, and no secret', async () => {
    const { run, url } = await serve(newFolder(), { CARILLON_TYPO: 'x', CARILLON_LOG_LEVEL: 'debug' });
    const { socket } = await logIn(url, 'alice');
    run.child.kill('SIGTERM');
    await run.ended;
    socket.terminate();
    const lines = run
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['unknown_setting', 'listening', 'draining', 'stopped']),
    );
    for (const secret of [SECRET, API_KEY, 'eyJ']) expect(run.stdout()).not.toContain(secret);
  });
});
