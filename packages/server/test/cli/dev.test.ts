import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { API_KEY, carillon, newFolder, type Run, SECRET } from './run-cli.ts';

async function dev(
  cwd: string,
  env: Record<string, string> = {},
): Promise<{ run: Run; url: string; ask(path: string, init?: RequestInit): Promise<unknown> }> {
  const run = carillon(['dev'], { cwd, env: { PORT: '0', CARILLON_API_KEY: API_KEY, ...env } });
  const [, url = ''] = await run.says(/^Carillon is at (http:\/\/127\.0\.0\.1:\d+)$/m);
  return { run, url, ask: async (path, init) => (await fetch(url + path, init)).json() };
}

async function stop({ run }: { run: Run }): Promise<void> {
  run.child.kill('SIGTERM');
  expect(await run.ended).toEqual({ code: 0, signal: null });
}

describe('carillon dev', () => {
  it("needs nothing: it makes a secret for its owner's eyes, and logins that work", async () => {
    const cwd = newFolder();
    const server = await dev(cwd);
    const file = join(cwd, '.carillon', 'dev-secret');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const secret = readFileSync(file, 'utf8');
    expect(secret.trim().length).toBeGreaterThanOrEqual(32);
    const { token } = (await server.ask('/dev/token', { method: 'POST', body: '{"user":"alice"}' })) as {
      token: string;
    };
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, { origin: server.url });
    await once(socket, 'open');
    socket.send(JSON.stringify({ t: 'login', username: 'alice', token }));
    const [first] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(first.toString())).toMatchObject({ t: 'token', resumed: false });
    socket.terminate();
    await stop(server);
    expect(server.run.stdout() + server.run.stderr()).not.toContain(secret.trim());
  });

  it('has sample people who follow each other, and keeps what was edited over a restart', async () => {
    const cwd = newFolder();
    const headers = { authorization: `Bearer ${API_KEY}` };
    const follows = async (
      server: Awaited<ReturnType<typeof dev>>,
      user: string,
    ): Promise<readonly string[]> =>
      ((await server.ask(`/v1/users/${user}/follows`, { headers })) as { follows: string[] }).follows;
    const first = await dev(cwd);
    const { people } = (await first.ask('/dev/logins')) as { people: { user: string; name: string }[] };
    expect(people.length).toBeGreaterThanOrEqual(6);
    for (const { user } of people) {
      const others = await follows(first, user);
      expect(others.length).toBeGreaterThanOrEqual(3);
      expect(others.length).toBeLessThan(people.length - 1);
    }
    expect(await follows(first, 'alice')).toContain('bob');
    expect(await follows(first, 'bob')).toContain('alice');
    const { token } = (await first.ask('/dev/token', { method: 'POST', body: '{"user":"alice"}' })) as {
      token: string;
    };
    expect(
      await first.ask('/dev/follows/bob', {
        method: 'DELETE',
        headers: { authorization: `Bearer ${token}` },
      }),
    ).toEqual({ changed: true });
    await stop(first);
    const second = await dev(cwd);
    expect(await follows(second, 'alice')).not.toContain('bob');
    // The secret is the same, so yesterday's token still works.
    expect(
      await second.ask('/dev/follows/bob', { method: 'PUT', headers: { authorization: `Bearer ${token}` } }),
    ).toEqual({ changed: true });
    await stop(second);
  });

  it("keeps its sample people out of serve's database, and runs beside it", async () => {
    const cwd = newFolder();
    const server = await dev(cwd);
    const serve = carillon(['serve'], {
      cwd,
      env: { PORT: '0', CARILLON_JWT_SECRET: SECRET, CARILLON_API_KEY: API_KEY },
    });
    const [, url] = await serve.says(/"url":"([^"]+)"/);
    const headers = { authorization: `Bearer ${API_KEY}` };
    expect((await fetch(`${server.url}/v1/users/alice/follows`, { headers })).status).toBe(200);
    expect(await (await fetch(`${url}/v1/users/alice/follows`, { headers })).json()).toMatchObject({
      error: { code: 'user_unknown' },
    });
    expect(existsSync(join(cwd, '.carillon', 'dev.sqlite'))).toBe(true);
    await Promise.all([stop(server), stop({ run: serve })]);
  });

  it('refuses tokens that it did not sign', async () => {
    const server = await dev(newFolder());
    const forged =
      'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OX0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    for (const token of [forged, 'nonsense', forged.replace('HUzI1NiJ9', 'ub25lIn0')])
      expect(
        await server.ask('/dev/follows/bob', {
          method: 'PUT',
          headers: { authorization: `Bearer ${token}` },
        }),
      ).toMatchObject({ error: { code: 'token_invalid' } });
    await stop(server);
  });

  it("with a secret configured it signs with that; with somebody else's keys it hands out no logins", async () => {
    const own = await dev(newFolder(), { CARILLON_JWT_SECRET: SECRET });
    expect(await own.ask('/dev/token', { method: 'POST', body: '{"user":"alice"}' })).toMatchObject({
      token: expect.any(String),
    });
    const others = await dev(newFolder(), { CARILLON_JWKS_URL: 'https://id.example/keys' });
    expect(await others.ask('/dev/logins')).toMatchObject({ error: { code: 'not_found' } });
    await Promise.all([stop(own), stop(others)]);
  });
});
