import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerUnderTest, startServer } from './server-under-test.ts';

describe('requests that offer to upgrade', () => {
  let s: ServerUnderTest;
  beforeAll(async () => {
    s = await startServer();
  });
  afterAll(() => s.close());

  it('an offer of h2c, as curl makes it, is answered as the request it is', async () => {
    const { hostname, port } = new URL(s.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\n' +
        'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    );
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain('{"alive":true}');
  });
});
