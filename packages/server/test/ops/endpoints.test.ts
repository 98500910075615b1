import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { type Probe, readiness } from '../../src/ops/readiness.ts';
import type { NodeState } from '../../src/runtime/node-api.ts';
import { answerOf, API_KEY, type ServerUnderTest, startServer } from '../http-api/server-under-test.ts';

const open: ServerUnderTest[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((s) => s.close()));
});

async function start(): Promise<ServerUnderTest> {
  const s = await startServer();
  open.push(s);
  return s;
}

const ask = async (url: string) =>
  answerOf(await fetch(url, { headers: { authorization: `Bearer ${API_KEY}` } }));

describe("the operator's endpoints", () => {
  it('/health and /ready say yes of a server that serves, without a key', async () => {
    const s = await start();
    expect(await ask(`${s.url}/health`)).toMatchObject({ status: 200, body: { alive: true } });
    expect(await ask(`${s.url}/ready`)).toMatchObject({ status: 200, body: { ready: true } });
  });

  it('/ready says no from the first moment of a drain, /health still yes', async () => {
    const s = await start();
    void s.server.node.drain(0);
    expect(await ask(`${s.url}/ready`)).toMatchObject({
      status: 503,
      body: { ready: false, reason: 'draining' },
    });
    expect(await ask(`${s.url}/health`)).toMatchObject({ status: 200 });
  });

  it('/ready says no while the database cannot be written, and yes again by itself', async () => {
    const s = await start();
    const other = new BetterSqlite3(join(s.folder, 'test.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    expect(await ask(`${s.url}/ready`)).toMatchObject({ status: 503, body: { ready: false } });
    other.exec('ROLLBACK');
    other.close();
    await expect.poll(() => ask(`${s.url}/ready`), { timeout: 15_000 }).toMatchObject({ status: 200 });
  });

  it('/metrics shows what happens on the sockets', async () => {
    const s = await start();
    await s.api('PUT', '/v1/users/fan');
    await s.api('PUT', '/v1/users/star');
    await s.api('PUT', '/v1/users/fan/follows/star');
    const fan = await s.logIn('fan');
    await s.logIn('star');
    await fan.next('o');
    const { body } = await ask(`${s.url}/metrics`);
    for (const line of [
      'carillon_connections 2',
      'carillon_sessions{state="attached"} 2',
      'carillon_logins_total{result="fresh"} 2',
      'carillon_messages_in_total{type="login"} 2',
      'carillon_watched_users 1',
    ])
      expect(String(body).split('\n')).toContain(line);
    expect(String(body)).toMatch(/^carillon_fan_out_viewers_sum 1$/m);
  });

  it('/metrics counts messages from clients in bytes, those that are none too', async () => {
    const s = await start();
    await s.api('PUT', '/v1/users/zoe');
    const zoe = await s.logIn('zoe');
    const bytesIn = async (): Promise<number> => {
      const { body } = await ask(`${s.url}/metrics`);
      return Number(/^carillon_bytes_in_total (\d+)$/m.exec(String(body))?.[1]);
    };
    const before = await bytesIn();
    const sent = ['{"t":"statusUpdate","a":"Zoë läutet 🔔","i":1}', 'kein JSON: ☕'];
    for (const text of sent) zoe.socket.send(text);
    await zoe.next('ok');
    await zoe.next('err');
    expect(await bytesIn()).toBe(before + 50 + 14);
  });

  it('/metrics is for whoever has the key: a proxy on this machine asks from loopback too', async () => {
    const s = await start();
    expect((await fetch(`${s.url}/metrics`)).status).toBe(401);
    expect((await fetch(`${s.url}/metrics`, { headers: { authorization: 'Bearer wrong' } })).status).toBe(
      401,
    );
    expect(await ask(`${s.url}/metrics`)).toMatchObject({ status: 200 });
  });

  it.each(['X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'Via'])(
    'without a key /metrics is for this machine, not for a proxy that sends %s',
    async (header) => {
      const s = await startServer({ config: { apiKey: undefined } });
      open.push(s);
      expect((await fetch(`${s.url}/metrics`)).status).toBe(200);
      expect((await fetch(`${s.url}/metrics`, { headers: { [header]: '203.0.113.7' } })).status).toBe(401);
    },
  );

  it('errors of requests are counted by their code', async () => {
    const s = await start();
    await s.api('GET', '/nope');
    expect((await ask(`${s.url}/metrics`)).body).toContain('carillon_errors_total{code="not_found"} 1');
  });
});

describe('readiness', () => {
  const well: Probe = { of: 'the database', ask: () => Promise.resolve(null) };
  const refuses: Probe = { of: 'Redis', ask: () => Promise.resolve('Redis cannot be reached') };
  const hangs: Probe = { of: 'Redis', ask: () => new Promise(() => undefined) };
  const reasonOf = async (state: NodeState, ...probes: readonly Probe[]) => {
    const { ready, reason } = await readiness({ state: () => state, probes, timeLimitMs: 1 });
    expect(ready).toBe(reason === 'ready');
    return reason;
  };

  it('is yes of a node that is ready, where all that it needs is there', async () => {
    expect(await reasonOf('ready')).toBe('ready');
    expect(await reasonOf('ready', well, well)).toBe('ready');
  });

  it.each(['starting', 'draining', 'stopped'] as const)(
    'of a node that is %s is no, and nothing is asked',
    async (state) => {
      const asked: Probe = { of: 'Redis', ask: () => Promise.reject(new Error('asked')) };
      expect(await reasonOf(state, asked)).toBe(state);
    },
  );

  it('names what is missing, and nothing else', async () => {
    expect(await reasonOf('ready', well, refuses)).toBe('Redis cannot be reached');
    expect(await reasonOf('ready', hangs, well)).toBe('Redis does not answer');
    expect(await reasonOf('ready', hangs, { ...hangs, of: 'the database' })).toBe(
      'Redis does not answer; the database does not answer',
    );
  });

  it('of a node that is cut off names what it is cut off from', async () => {
    expect(await reasonOf('cut_off', refuses, well)).toBe('cut_off: Redis cannot be reached');
    expect(await reasonOf('cut_off', well)).toBe('cut_off');
  });
});
