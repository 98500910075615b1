import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type LineSettings,
  type LinesUnderTest,
  post,
  startLines,
  streamRequest,
} from './lines-under-test.ts';
import { connectRaw, runOf } from '../websocket/gateway-under-test.ts';

let underTest: LinesUnderTest;
afterEach(() => underTest.stop());

async function begin(settings: LineSettings = {}): Promise<number> {
  underTest = await startLines(settings);
  return underTest.port;
}

const PAGE = 'https://app.example';

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe.each(['/sse', '/poll'])('a request to %s', (path) => {
  it.each([
    ['no JSON', '{"ms":', 400, 'bad_json'],
    ['no object', '[]', 400, 'bad_json'],
    ['null', 'null', 400, 'bad_json'],
    ['nothing', '', 400, 'bad_json'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400, 'bad_json'],
    ['no messages', '{}', 400, 'bad_message'],
    ['messages that are no list', '{"ms":{}}', 400, 'bad_message'],
    ['129 messages', { ms: Array.from({ length: 129 }, () => ({})) }, 400, 'bad_message'],
    ['a number without a line', '{"n":1,"ms":[]}', 400, 'bad_message'],
    ['a line that is no text', '{"line":1,"n":1,"ms":[]}', 400, 'bad_message'],
    ['a line of 257 characters', { line: 'x'.repeat(257), n: 1, ms: [] }, 400, 'bad_message'],
    ['a line and nothing to do', '{"line":"x"}', 400, 'bad_message'],
    ['both a number and an ack', '{"line":"x","n":1,"ms":[],"ack":1}', 400, 'bad_message'],
    ['a number that is none', '{"line":"x","n":"1","ms":[]}', 400, 'bad_message'],
    ['number 0', '{"line":"x","n":0,"ms":[]}', 400, 'bad_message'],
    ['a number beyond 2^53', '{"line":"x","n":9007199254740993,"ms":[]}', 400, 'bad_message'],
    ['a fraction to acknowledge', '{"line":"x","ack":0.5}', 400, 'bad_message'],
    ['a negative wait', '{"line":"x","ack":0,"wait":-1}', 400, 'bad_message'],
    ['1,001 lists in each other', `{"ms":[${nested(1_001)}]}`, 400, 'bad_message'],
    ['60,000 lists in each other', `{"line":"x","n":1,"ms":[${nested(60_000)}]}`, 400, 'bad_message'],
  ])('[HTTP1] with %s is refused', async (_what, body, status, code) => {
    const port = await begin();
    const answer = await post(port, path, body);
    expect(answer).toMatchObject({ status, body: { code, m: expect.any(String) } });
    expect(answer.body).not.toHaveProperty('retryAfterMs');
    expect(underTest.refusals).toEqual([code]);
    expect(underTest.door.connections).toBe(0);
  });

  it('[HTTP1] takes 128 messages', async () => {
    const port = await begin();
    const opening = underTest.nextOpened();
    const answer = post(port, path, { ms: Array.from({ length: 128 }, () => ({})) });
    const { told, connection } = await opening;
    await expect.poll(() => told.length).toBe(128);
    connection.terminate();
    await answer.catch(() => undefined);
  });

  it('[HTTP1] takes messages of 1,000 levels', async () => {
    const port = await begin();
    expect((await post(port, path, `{"line":"x","n":1,"ms":[${nested(1_000)}]}`)).status).toBe(404);
  });

  it('[HTTP1] is refused from limits.lineBytes on, whether or not it says its size', async () => {
    const port = await begin({ lineBytes: 2_048 });
    const fits = JSON.stringify({ line: 'x', n: 1, ms: ['x'.repeat(2_048 - 28)] });
    expect(fits).toHaveLength(2_048);
    expect((await post(port, path, fits)).body['code']).toBe('line_unknown');
    expect(await post(port, path, `${fits} `)).toMatchObject({ status: 413, body: { code: 'too_large' } });
    const chunked = await post(port, path, `${fits} `, { headers: { 'transfer-encoding': 'chunked' } });
    expect(chunked).toMatchObject({ status: 413, body: { code: 'too_large' } });
  });

  it('[HTTP1] is refused beyond limits.lineBytesPerSecond of one address, before it is parsed, and taken after the wait', async () => {
    const port = await begin({ lineBytes: 2_048, lineBytesPerSecond: 4_096, lineBytesBurst: 6_144 });
    const body = `${JSON.stringify({ line: 'x', n: 1, ms: ['x'.repeat(2_048 - 28)] })}`;
    for (let i = 0; i < 3; i++) expect((await post(port, path, body)).status).toBe(404);
    for (const more of [body, 'no JSON'.repeat(200)])
      expect(await post(port, path, more)).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect((await post(port, path, body)).body['retryAfterMs']).toBe(500);
    await underTest.clock.advance(499);
    expect((await post(port, path, body)).status).toBe(429);
    await underTest.clock.advance(1);
    expect((await post(port, path, body)).status).toBe(404);
    // 1 KiB for each, however small.
    await underTest.clock.advance(500);
    for (const status of [404, 404, 429])
      expect((await post(port, path, { line: 'x', n: 1, ms: [] })).status).toBe(status);
  });

  it('[HTTP1] of the largest size is taken however small the burst', async () => {
    const port = await begin({ lineBytes: 2_048, lineBytesPerSecond: 1_024, lineBytesBurst: 1_024 });
    const body = `${JSON.stringify({ line: 'x', n: 1, ms: ['x'.repeat(2_048 - 28)] })}`;
    expect((await post(port, path, body)).status).toBe(404);
    expect((await post(port, path, body)).body['retryAfterMs']).toBe(2_000);
  });

  it('[HTTP1] is read whatever type its content says it has', async () => {
    const port = await begin();
    for (const type of ['text/plain', 'text/plain;charset=UTF-8', 'application/json', 'image/png']) {
      const headers = { 'content-type': type };
      expect((await post(port, path, { line: 'x', n: 1, ms: [] }, { headers })).status).toBe(404);
    }
  });

  it('[HTTP1] [LIM3] of a page whose origin is not allowed is refused, whatever it asks for', async () => {
    const port = await begin({ origins: [PAGE] });
    const headers = { origin: 'https://evil.example' };
    for (const body of [{ ms: [] }, { line: 'x', n: 1, ms: [] }, { line: 'x', ack: 0 }]) {
      const answer = await post(port, path, body, { headers });
      expect(answer).toMatchObject({ status: 403, body: { code: 'origin_refused' } });
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    }
    const preflight = await post(port, path, '', { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(403);
    expect(underTest.node.state).toBe('ready');
    expect(underTest.door.connections).toBe(0);
  });

  it('[HTTP1] of a page whose origin is allowed may read its answers, refusals too', async () => {
    const port = await begin({ origins: [PAGE] });
    const answer = await post(port, path, { line: 'x', n: 1, ms: [] }, { headers: { origin: PAGE } });
    expect(answer.status).toBe(404);
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': PAGE, vary: 'origin' });
    const preflight = await post(port, path, '', { method: 'OPTIONS', headers: { origin: PAGE } });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type, last-event-id',
    });
  });

  it('[HTTP1] with a method that it has not is refused', async () => {
    const port = await begin();
    const answer = await post(port, path, '', { method: 'PUT' });
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect(answer.headers['allow']).toContain('POST');
  });

  it('[LIM3] counts against the limits of the server, and of an address, over all transports', async () => {
    const port = await begin({ connections: 3, connectionsPerAddress: 2 });
    await openOne(port, '/sse');
    await openOne(port, '/poll');
    expect(await post(port, path, { ms: [] })).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
      body: { code: 'too_many_connections', retryAfterMs: 1_000 },
    });
    underTest.door.enter('198.51.100.7');
    expect(await post(port, path, { ms: [] })).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    underTest.door.leave('198.51.100.7');
  });

  it('[LIM3] is refused while the node takes nobody', async () => {
    const port = await begin();
    underTest.node.state = 'draining';
    expect(await post(port, path, { ms: [] })).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  });

  it('leaves nothing behind where its client hangs up in the middle of it', async () => {
    const port = await begin();
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"ms":[`);
    socket.end();
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    // Of Node's own, where it says anything.
    expect(answer).not.toContain('HTTP/1.1 200');
    expect(underTest.door.connections).toBe(0);
    expect(underTest.refusals).toEqual([]);
  });
});

async function openOne(port: number, path: string): Promise<void> {
  const opening = underTest.nextOpened();
  if (path === '/sse') await connectRaw(port, streamRequest({ ms: [] }));
  else void post(port, path, { ms: [] }).catch(() => undefined);
  const { connection } = await opening;
  connection.write(runOf('{}'));
}
