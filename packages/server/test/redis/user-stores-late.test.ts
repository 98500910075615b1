import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import { logIn, passRenewing, resumeOn, seen, setStatus, told } from '../../src/testing/cluster-subject.ts';
import { type LateProxy, startLateProxy } from '../servers/late-proxy.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { type ManyNodes, type NodeUnderTest, oneServer, openMany } from './user-store-subjects.ts';

/** Given up soon, ms: nothing here waits for it but what is to be given up. */
const COMMAND_TIMEOUT_MS = 1_000;

describe('commands that were given up, and are carried out late', () => {
  let server: RedisServer;
  let proxy: LateProxy;
  let subject: ManyNodes;
  /** Behind the proxy. */
  let node: NodeUnderTest;
  let other: NodeUnderTest;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    proxy = await startLateProxy(server.port);
    let links = 0;
    subject = await openMany({
      ...oneServer(server),
      openLink: (prefix) =>
        links++ === 0
          ? openLink(proxy.port, { prefix, commandTimeoutMs: COMMAND_TIMEOUT_MS })
          : openLink(server.port, { prefix }),
    });
    node = await subject.start();
    other = await subject.start();
    for (const each of [node, other]) await each.cluster.renew();
  });
  afterEach(async () => {
    await subject.close();
    proxy.close();
  });

  /** Sends something that is held, until it is given up and the line stands again. */
  async function giveUp(send: () => Promise<unknown>): Promise<void> {
    const back = upAgain(node.link);
    proxy.hold();
    const sent = send();
    expect(node.link.underWay, 'in flight').toBeGreaterThan(0);
    await expect(sent).rejects.toSatisfy(isStoreUnavailable);
    await back;
    await node.cluster.renew();
  }

  async function arriveLate(): Promise<void> {
    expect(await proxy.release(), 'bytes that came late').toBeGreaterThan(0);
  }

  const by = { session: 's1', generation: 1 };

  it('a change has no effect behind a later one of its session', async () => {
    await logIn(node, 'alice', 's1', 'd1');
    await giveUp(() => node.presence.update('alice', 'd1', by, { s: 'Busy', fields: { a: 'late' } }));
    await node.presence.update('alice', 'd1', by, { s: 'Away', fields: {} });
    await arriveLate();
    expect(await seen(other, 'alice')).toBe('alice Away');
    expect(told(await subject.published())).toEqual(['alice Online', 'alice Away']);
  });

  it('nor behind one that changed nothing', async () => {
    await logIn(node, 'alice', 's1', 'd1');
    await giveUp(() => node.presence.update('alice', 'd1', by, { s: 'Busy', fields: {} }));
    await node.presence.update('alice', 'd1', by, { s: 'Online', fields: {} });
    await arriveLate();
    expect(told(await subject.published())).toEqual(['alice Online']);
  });

  it('a join has no effect behind the end of its session', async () => {
    await node.sessions.create(
      {
        id: 's1',
        user: 'alice',
        device: 'd1',
        node: node.cluster.node,
        generation: 1,
        tokenHash: 'hash-s1-1',
        previousTokenHash: null,
        detachedAtMs: null,
      },
      9,
    );
    await giveUp(() => node.presence.join('alice', 'd1', { kind: 'session', ...by }, { fields: {} }));
    expect(await node.sessions.end('s1', 1)).toBe(true);
    await arriveLate();
    expect(await subject.published()).toEqual([]);
    expect(await other.presence.devicesOf('alice')).toEqual({});
  });

  it('a session that its client was told there is none of is taken back', async () => {
    const { length } = await other.sessions.sessionsOf('alice');
    expect(length).toBe(0);
    await giveUp(() => logIn(node, 'alice', 's1'));
    await arriveLate();
    expect(await other.sessions.sessionsOf('alice')).toHaveLength(1);
    await node.cluster.renew();
    expect(await other.sessions.sessionsOf('alice')).toEqual([]);
    await node.cluster.renew();
    expect(node.stores.size).toMatchObject({ users: 0, givenUp: 0 });
    const index = subject.keys.node(node.cluster.node, 'holders');
    await node.link.idle();
    expect(await other.link.command(index, 'SCARD', index)).toBe(0);
  });

  it('a resume leaves a session that its client can resume, and that ends if it does not', async () => {
    await logIn(other, 'alice', 's1', 'd1');
    await giveUp(() => resumeOn(node, 'alice', 's1', 2));
    await arriveLate();
    expect(await other.sessions.sessionsOf('alice')).toMatchObject([
      { generation: 2, node: node.cluster.node, detachedAtMs: null },
    ]);
    await node.cluster.renew();
    expect(await other.sessions.sessionsOf('alice')).toMatchObject([
      { generation: 2, detachedAtMs: node.steadyMs() },
    ]);
    await subject.published();
    await passRenewing(subject, subject.graceMs, node, other);
    expect(await other.sessions.sessionsOf('alice')).toEqual([]);
    expect(told(await subject.published())).toEqual(['alice Offline']);
    expect(node.stores.size).toMatchObject({ users: 0, givenUp: 0 });
  });

  it('whoever comes back after such a resume has their session', async () => {
    await logIn(other, 'alice', 's1', 'd1');
    await giveUp(() => resumeOn(node, 'alice', 's1', 2));
    await arriveLate();
    const request = { user: 'alice', tokenHash: 'hash-s1-1', nextTokenHash: 'hash-s1-3' };
    expect(
      await other.sessions.resume({ ...request, node: other.cluster.node, nowMs: other.steadyMs() }),
    ).toMatchObject({ ok: true, session: { generation: 3 } });
    await passRenewing(subject, 2 * subject.graceMs, node, other);
    expect(await other.sessions.sessionsOf('alice')).toMatchObject([{ generation: 3, detachedAtMs: null }]);
    expect(node.stores.size).toMatchObject({ users: 0, givenUp: 0 });
  });

  it('an end that was carried out is no loss: asked again, the session is gone and stays so', async () => {
    await logIn(node, 'alice', 's1', 'd1');
    await giveUp(() => node.sessions.end('s1', 1));
    await arriveLate();
    expect(told(await subject.published())).toEqual(['alice Online', 'alice Offline']);
    expect(await node.sessions.end('s1', 1)).toBe(false);
    await passRenewing(subject, 2 * subject.graceMs, node, other);
    expect(await other.sessions.sessionsOf('alice')).toEqual([]);
    expect(await subject.published()).toEqual([]);
  });

  it('a status over HTTP has no effect behind its taking away, and one taken away none behind a newer one', async () => {
    const untilMs = node.nowMs() + 1_000_000;
    await giveUp(() => setStatus(node, 'alice', 'bot', untilMs));
    await node.presence.leave('alice', 'bot', null);
    await setStatus(node, 'bob', 'bot', untilMs);
    await arriveLate();
    await giveUp(() => node.presence.leave('bob', 'bot', null));
    await setStatus(node, 'bob', 'bot', untilMs + 1);
    await arriveLate();
    expect(await seen(other, 'bob')).toBe('bob Busy');
  });
});

/** Resolves once the line was down and stands again. */
function upAgain(link: RedisLink): Promise<void> {
  return new Promise((resolve) => {
    let wasDown = false;
    link.onDown(() => {
      wasDown = true;
    });
    link.onUp(async () => {
      // Behind this listener the line is open to everybody.
      if (wasDown) setImmediate(resolve);
    });
  });
}
