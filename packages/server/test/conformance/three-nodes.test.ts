import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Balancer, startBalancer } from '../deploy/balancer.ts';
import { type ClusterNode, type ClusterScene, openClusterScene } from '../faults/cluster/cluster-scene.ts';
import { CHANNEL_CONFIG } from '../wire/scene/channel-config.ts';
import { loginToken } from '../wire/scene/login-token.ts';
import { post } from '../lines/lines-under-test.ts';
import { connectLine } from './line-client.ts';
import { TRANSPORTS, transportSuite } from './suite.ts';

const HEARTBEAT_MS = 1_000;

/** What is stored would need a Postgres; which transport is used is nothing to it. */
const CONFIG = CHANNEL_CONFIG.replace('stream({ data: note })', 'stream(memory)');

let scene: ClusterScene;
let nginx: Balancer;

beforeAll(async () => {
  scene = await openClusterScene({
    configModule: CONFIG,
    settings: {
      CARILLON_TRUSTED_PROXIES: '127.0.0.1',
      CARILLON_SESSIONS_HEARTBEAT_MS: String(HEARTBEAT_MS),
      CARILLON_SESSIONS_GRACE_MS: '10000',
    },
  });
  // Keeping back whatever it is not told to let through.
  nginx = await startBalancer('nginx', {
    nodes: scene.nodes.map(({ port }) => port),
    changes: [['proxy_buffering off', 'proxy_buffering on']],
  });
});
afterAll(async () => {
  await nginx.stop();
  await scene.close();
});

// Nothing is sticky: each request of a line goes to the next node.
for (const transport of TRANSPORTS) {
  transportSuite(transport, () =>
    Promise.resolve({
      port: nginx.port,
      api: (method, path, body) => scene.api(method, path, body),
      close: () => Promise.resolve(),
    }),
  );
}

const login = async (user: string): Promise<object> => ({
  ...{ t: 'login', username: user, token: await loginToken(user), v: 1 },
});

describe('behind nginx that keeps back what it may', () => {
  it('[HTTP4] a stream over TLS and HTTP/2 comes event by event', async () => {
    const session = connectHttp2(`https://127.0.0.1:${nginx.tlsPort}`, { ca: nginx.ca });
    const stream = session.request({ ':method': 'POST', ':path': '/sse' });
    stream.setEncoding('utf8');
    let text = '';
    let arrived = Promise.withResolvers<void>();
    stream.on('data', (chunk: string) => {
      text += chunk;
      arrived.resolve();
      arrived = Promise.withResolvers();
    });
    const until = async (part: string): Promise<void> => {
      while (!text.includes(part)) await arrived.promise;
    };
    stream.end(JSON.stringify({ ms: [await login('over-h2')] }));
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream' });
    expect(headers['content-encoding']).toBeUndefined();
    await until('"t":"sync"');
    const line = /"line":"([^"]+)"/.exec(text)![1];
    // By another connection of its own, as a browser multiplexes it.
    const sending = session.request({ ':method': 'POST', ':path': '/sse' });
    sending.end(JSON.stringify({ line, n: 2, ms: [{ t: 'hb', q: 7 }] }));
    await until('data: {"t":"hb","q":7}\n\n');
    session.destroy();
  });
});

describe('behind HAProxy', () => {
  let haproxy: Balancer;
  beforeAll(async () => {
    haproxy = await startBalancer('haproxy', { nodes: scene.nodes.map(({ port }) => port) });
  });
  afterAll(() => haproxy.stop());

  it.each([
    ['sse', false],
    ['sse', true],
    ['poll', false],
    ['poll', true],
  ] as const)('[HTTP7] a line by %s, over TLS: %s, talks and hears', async (transport, tls) => {
    const client = tls
      ? connectLine(haproxy.tlsPort, transport, { ca: haproxy.ca })
      : connectLine(haproxy.port, transport);
    await client.logIn(`by-haproxy-${transport}-${tls}`);
    for (let at = 0; at < 6; at++) await client.settle();
    expect(client.closedWith).toBeNull();
    client.drop();
  });
});

describe.each(['sse', 'poll'] as const)('a line by %s whose node', (transport) => {
  /** A line at the first node, whose messages go to the second. */
  async function open(user: string) {
    const [home, other] = scene.nodes;
    const client = connectLine(home!.port, transport);
    await client.logIn(user);
    return { client, home: home!, other: other! };
  }

  it('[HTTP7] is killed resumes its session on another, and hears what it missed', async () => {
    const user = `killed-${transport}`;
    const c = `chat:kill-${transport}`;
    const { client, home, other } = await open(user);
    client.send({ t: 'sub', c, i: 1 });
    const { e } = await client.waitFor('the subscription', ({ t, i }) => t === 'ok' && i === 1);
    await home.end('SIGKILL');
    if (transport === 'sse') expect((await client.closed).code).toBe(1006);
    client.drop();
    const writer = connectLine(other.port, transport);
    await writer.logIn(`writes-${transport}`);
    writer.send({ t: 'pub', c, d: { text: 'missed' }, i: 1 });
    await writer.waitFor('the answer', ({ t, i }) => t === 'ok' && i === 1);
    const again = connectLine(other.port, transport);
    const { token } = await again.logIn(user, { resume: client.resumeToken, at: client.at, v: 1 });
    expect(token['resumed']).toBe(true);
    again.send({ t: 'sub', c, e, o: 0, i: 1 });
    expect(await again.waitFor('the answer', ({ t, i }) => t === 'ok' && i === 1)).toMatchObject({
      rec: true,
    });
    expect(await again.waitFor('what was missed', ({ t }) => t === 'ps')).toMatchObject({ ps: [{ o: 1 }] });
    again.drop();
    writer.drop();
    await home.start();
  });
});

describe("a line's node", () => {
  it('[HTTP7] that hangs is not forgotten: what is sent again is taken once', async () => {
    const [home, other] = scene.nodes as [ClusterNode, ClusterNode];
    const user = 'hangs';
    const watcher = connectLine(other.port, 'poll');
    await watcher.logIn('watches');
    watcher.send({ t: 'sub', c: 'chat:hang', i: 1 });
    await watcher.waitFor('the subscription', ({ t, i }) => t === 'ok' && i === 1);
    const opening = await post(home.port, '/poll', { ms: [await login(user)] });
    const { line } = opening.body;
    const send = () =>
      post(other.port, '/poll', {
        ...{ line, n: 2, ms: [{ t: 'pub', c: 'chat:hang', d: { text: 'once' }, i: 2 }] },
      });
    expect(opening.status).toBe(200);
    home.process.signal('SIGSTOP');
    const silent = await send();
    home.process.signal('SIGCONT');
    expect(silent).toMatchObject({
      status: 503,
      body: { code: 'unavailable', retryAfterMs: expect.any(Number) },
    });
    expect(await send()).toMatchObject({ status: 200, body: { n: 3 } });
    expect(await send()).toMatchObject({ status: 200, body: { n: 3 } });
    await watcher.waitFor('p', ({ t }) => t === 'p');
    await watcher.settle();
    expect(watcher.take().filter(({ t }) => t === 'p')).toMatchObject([{ o: 1, d: { text: 'once' } }]);
    watcher.drop();
  });

  it('[HTTP7] that has gone took its lines with it, and every other node knows', async () => {
    const [home, ...others] = scene.nodes as [ClusterNode, ...ClusterNode[]];
    const { line } = (await post(home.port, '/poll', { ms: [await login('left')] })).body;
    await home.end('SIGTERM');
    for (const { port } of others) {
      expect(await post(port, '/poll', { line, ack: 1 })).toMatchObject({
        status: 404,
        body: { code: 'line_unknown' },
      });
      expect(await post(port, '/poll', { line, n: 2, ms: [{}] })).toMatchObject({
        status: 404,
        body: { code: 'line_unknown' },
      });
    }
    await home.start();
  });
});
