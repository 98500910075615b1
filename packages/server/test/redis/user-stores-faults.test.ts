import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NodeMessage, presenceTopic } from '../../src/ports/broker.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import {
  logIn,
  passRenewing,
  resumeOn,
  seen,
  setStatus,
  sweepAll,
  told,
} from '../../src/testing/cluster-subject.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { listenTo } from './presence-listener.ts';
import {
  LEASE_MS,
  type ManyNodes,
  type NodeUnderTest,
  WATCHED,
  oneServer,
  openMany,
} from './user-store-subjects.ts';

/** A server that hangs is noticed after so many ms. */
const COMMAND_TIMEOUT_MS = 2_000;

describe('sessions and presence when nodes and Redis fail', () => {
  let server: RedisServer;
  let subject: ManyNodes;
  let one: NodeUnderTest;
  let other: NodeUnderTest;
  beforeEach(async () => {
    server = await startRedis();
    subject = await openMany(oneServer(server, { commandTimeoutMs: COMMAND_TIMEOUT_MS }));
    one = await subject.start();
    other = await subject.start();
    for (const node of [one, other]) {
      await node.cluster.renew();
      // As the server wires it: nothing is let through before the lease was renewed.
      node.link.onUp(async () => void (await node.cluster.renew()));
    }
  });
  afterEach(async () => {
    await subject.close();
    await server.stop();
  });

  const record = (id: string, user: string, node: NodeUnderTest) => ({
    id,
    user,
    device: 'd1',
    node: node.cluster.node,
    generation: 1,
    tokenHash: `hash-${id}-1`,
    previousTokenHash: null,
    detachedAtMs: null,
  });

  /** Until the line was down and stands again, on every node. */
  function allUpAgain(): Promise<unknown> {
    return Promise.all(
      [one, other].map(
        ({ link }) =>
          new Promise<void>((resolve) => {
            let wasDown = false;
            link.onDown(() => {
              wasDown = true;
            });
            link.onUp(async () => {
              if (wasDown) setImmediate(resolve);
            });
          }),
      ),
    );
  }

  const USERS = Array.from({ length: 40 }, (_, i) => `user-${i}`);

  it('a node that dies between a session and its device leaves nothing behind', async () => {
    const dying = await subject.start();
    await dying.cluster.renew();
    for (const user of USERS) await dying.sessions.create(record(`s-${user}`, user, dying), 9);
    const joins = USERS.map((user) =>
      dying.presence.join(
        user,
        'd1',
        { kind: 'session', session: `s-${user}`, generation: 1 },
        { fields: {} },
      ),
    );
    const creates = USERS.map((user) => dying.sessions.create(record(`t-${user}`, user, dying), 9));
    expect(dying.link.underWay, 'in flight').toBeGreaterThanOrEqual(2 * USERS.length);
    await dying.link.close();
    await Promise.allSettled([...joins, ...creates]);
    await passRenewing(subject, dying.cluster.leaseMs + subject.graceMs, one, other);
    const { ended } = await sweepAll(one, dying.cluster.node, 7);
    expect(ended).toBeGreaterThanOrEqual(USERS.length);
    for (const user of USERS) {
      expect(await one.sessions.sessionsOf(user)).toEqual([]);
      expect(await one.presence.devicesOf(user)).toEqual({});
      expect(await seen(one, user)).toBe(`${user} Offline`);
    }
    const left = (await server.run('KEYS', '*')) as string[];
    expect(left.filter((key) => !/:(record|ended|leases|state)$/.test(key))).toEqual([]);
  });

  it('a Redis that hung goes on, and what was sent before it was given up changes nothing any more', async () => {
    for (const user of USERS) await logIn(one, user, `s-${user}`, 'd1');
    const up = allUpAgain();
    server.pause();
    const changes = USERS.map((user) =>
      one.presence.update(user, 'd1', { session: `s-${user}`, generation: 1 }, { s: 'Busy', fields: {} }),
    );
    const watching = other.presence.read(USERS);
    expect(one.link.underWay, 'in flight').toBe(USERS.length);
    for (const call of await Promise.allSettled([...changes, watching]))
      expect(call).toMatchObject({ status: 'rejected' });
    server.resume();
    await up;
    for (const user of USERS)
      await one.presence.update(
        user,
        'd1',
        { session: `s-${user}`, generation: 1 },
        { s: 'Away', fields: {} },
      );
    expect((await other.presence.read(USERS)).map(({ s }) => s)).toEqual(USERS.map(() => 'Away'));
    for (const user of USERS) expect(await other.sessions.sessionsOf(user)).toHaveLength(1);
    // Nobody was ended for it, nor will be.
    await passRenewing(subject, 2 * subject.graceMs, one, other);
    expect((await other.presence.read(USERS)).map(({ s }) => s)).toEqual(USERS.map(() => 'Away'));
  });

  it('of two resumes at once on two nodes each that works has a generation of its own', async () => {
    for (const user of USERS) await logIn(one, user, `s-${user}`, 'd1');
    const resumes = USERS.flatMap((user) =>
      [one, other].map((node) =>
        node.sessions.resume({
          user,
          tokenHash: `hash-s-${user}-1`,
          nextTokenHash: `next-${user}-${node.cluster.node}`,
          node: node.cluster.node,
          nowMs: node.steadyMs(),
        }),
      ),
    );
    expect(one.link.underWay, 'in flight on one').toBeGreaterThanOrEqual(USERS.length);
    expect(other.link.underWay, 'in flight on the other').toBeGreaterThanOrEqual(USERS.length);
    const results = await Promise.all(resumes);
    for (const [i, user] of USERS.entries()) {
      const pair = results.slice(2 * i, 2 * i + 2).flatMap((result) => (result.ok ? [result.session] : []));
      expect(pair.length).toBeGreaterThan(0);
      const generations = pair.map(({ generation }) => generation);
      expect(new Set(generations).size).toBe(generations.length);
      const [kept] = await one.sessions.sessionsOf(user);
      const newest = pair.find(({ generation }) => generation === kept!.generation)!;
      expect(kept).toEqual(newest);
      const loser = newest.node === one.cluster.node ? one : other;
      const older = loser === one ? other : one;
      expect(await older.sessions.end(kept!.id, kept!.generation - 1)).toBe(false);
      expect(await loser.sessions.detach(kept!.id, kept!.generation, loser.steadyMs())).toBe(true);
    }
  });

  it('a Redis that came back with an older snapshot is told what happened since', async () => {
    await logIn(one, 'alice', 's1', 'd1');
    await logIn(one, 'bob', 's2', 'd1');
    await setStatus(one, 'carol', 'bot', one.nowMs() + 1_000_000_000);
    await server.run('SAVE');
    await one.presence.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
    expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true });
    await one.sessions.end('s2', 1);
    await one.presence.leave('bob', 'd1', 's2');
    await one.presence.leave('carol', 'bot', null);
    await logIn(other, 'dave', 's3', 'd1', 'Away');
    await subject.published();
    const up = allUpAgain();
    await server.kill9();
    await server.restart();
    await up;
    const messages: NodeMessage[] = [];
    const listener = await listenTo([server.port], subject.keys, (_topic, message) => messages.push(message));
    for (const user of WATCHED) await listener.subscribe(presenceTopic(user));
    await passRenewing(subject, 2 * subject.settleMs, one, other);
    await listener.settle();
    listener.close();
    // Of whom the snapshot said that they were there; everybody else is as they were last seen.
    expect(told(messages.filter((message) => message.kind === 'presence')).toSorted()).toEqual([
      'bob Offline',
      'carol Offline',
    ]);
    expect((await other.presence.read(WATCHED)).map(({ s }) => s)).toEqual([
      'Busy',
      'Offline',
      'Offline',
      'Away',
    ]);
    expect(await one.sessions.sessionsOf('alice')).toMatchObject([
      { generation: 2, node: other.cluster.node },
    ]);
    expect(await one.sessions.sessionsOf('bob')).toEqual([]);
    expect(await one.presence.devicesOf('carol')).toEqual({});
    expect(await other.sessions.detach('s1', 2, other.steadyMs())).toBe(true);
    expect(one.stores.size.unsettled + other.stores.size.unsettled).toBe(0);
  });

  it('a node that died keeps its whole grace when Redis comes back from a snapshot with an older lease of it', async () => {
    const dead = await subject.start();
    await dead.cluster.renew();
    await logIn(dead, 'alice', 's1');
    await server.run('SAVE');
    await passRenewing(subject, 25_000, dead, one, other);
    const before = (await one.cluster.renew()).leases.find(({ node }) => node === dead.cluster.node);
    await dead.link.close();
    const up = allUpAgain();
    await server.kill9();
    await server.restart();
    await up;
    await passRenewing(subject, LEASE_MS / 3, one, other);
    const { leases } = await one.cluster.renew();
    expect(leases.find(({ node }) => node === dead.cluster.node)?.sweepAtMs).toBe(before?.sweepAtMs);
    await passRenewing(subject, (before?.sweepAtMs ?? 0) - one.nowMs() - 1, one, other);
    expect(await one.cluster.sweep(dead.cluster.node, 100)).toMatchObject({ holders: 0 });
    await subject.pass(1);
    expect(await one.cluster.sweep(dead.cluster.node, 100)).toMatchObject({ ended: 1 });
  });

  it('what Redis lost of one user is noticed with the next change, and put back', async () => {
    await logIn(one, 'alice', 's1', 'd1', 'Busy');
    await logIn(other, 'alice', 's2', 'd2', 'Away');
    await subject.published();
    const lost = (await server.run('KEYS', '*presence:alice*')) as string[];
    expect(lost.length).toBeGreaterThan(2);
    await server.run('DEL', ...lost);
    const by = { session: 's1', generation: 1 };
    const change = () => one.presence.update('alice', 'd1', by, { s: 'Busy', fields: { a: 'x' } });
    await expect(change()).rejects.toSatisfy(isStoreUnavailable);
    await expect(other.sessions.detach('s2', 1, other.steadyMs())).rejects.toSatisfy(isStoreUnavailable);
    await subject.pass(0);
    await change();
    await passRenewing(subject, 2 * subject.settleMs, one, other);
    expect(told(await subject.published())).toEqual(['alice Busy']);
    expect(await one.presence.read(['alice'])).toMatchObject([{ s: 'Busy', fields: { a: 'x' } }]);
    expect(await one.presence.devicesOf('alice')).toMatchObject({ d1: { s: 'Busy' }, d2: { s: 'Away' } });
    expect(
      (await one.sessions.sessionsOf('alice')).find(({ id }) => id === 's2')?.detachedAtMs,
    ).not.toBeNull();
  });

  it('a node that still remembers a session which went on elsewhere and ended there does not bring it back', async () => {
    await logIn(one, 'alice', 's1', 'd1');
    await resumeOn(other, 'alice', 's1', 2);
    expect(await other.sessions.end('s1', 2)).toBe(true);
    const late = { session: 's1', generation: 1 };
    await one.presence.update('alice', 'd1', late, { s: 'Busy', fields: {} });
    expect(await one.presence.join('alice', 'd1', { kind: 'session', ...late }, { fields: {} })).toBeNull();
    expect(await one.sessions.detach('s1', 1, one.steadyMs())).toBe(false);
    await passRenewing(subject, 2 * subject.settleMs, one, other);
    expect(await one.sessions.sessionsOf('alice')).toEqual([]);
    expect(told(await subject.published())).toEqual(['alice Online', 'alice Offline']);
    expect(one.stores.size.users + other.stores.size.users).toBe(0);
  });

  it('of a status over HTTP that another node took away nothing stays with the node that had it', async () => {
    await setStatus(one, 'alice', 'bot', one.nowMs() + 1_000_000_000);
    const index = subject.keys.node(one.cluster.node, 'holders');
    expect(await server.run('SMEMBERS', index)).toEqual(['alice']);
    await other.presence.leave('alice', 'bot', null);
    expect(await one.presence.keeps('alice', 'bot')).toBe(false);
    await one.link.idle();
    expect(await server.run('SMEMBERS', index)).toEqual([]);
    expect(one.stores.size.users + other.stores.size.users).toBe(0);
  });

  it('until every node has put back what it holds nothing is shown that only one of them knows', async () => {
    await logIn(one, 'alice', 's1', 'd1', 'Away');
    await logIn(other, 'alice', 's2', 'd2', 'Busy');
    await logIn(one, 'bob', 's3', 'd1');
    await subject.published();
    await subject.lose();
    await one.cluster.renew();
    await one.presence.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Online', fields: {} });
    await one.sessions.end('s3', 1);
    await other.cluster.renew();
    expect(await subject.published()).toEqual([]);
    await passRenewing(subject, subject.settleMs, one, other);
    expect(told(await subject.published())).toEqual(['bob Offline']);
    expect(await seen(other, 'alice')).toBe('alice Busy');
    expect(await one.presence.devicesOf('alice')).toMatchObject({ d1: { s: 'Online' }, d2: { s: 'Busy' } });
  });

  it('the time in which nobody could renew is added to when the dead may be swept', async () => {
    await passRenewing(subject, one.cluster.leaseMs, other);
    const [before] = (await other.cluster.renew()).leases.filter(({ node }) => node === one.cluster.node);
    const awayMs = 10 * other.cluster.leaseMs;
    await subject.pass(awayMs);
    const [after] = (await other.cluster.renew()).leases.filter(({ node }) => node === one.cluster.node);
    expect(after?.sweepAtMs).toBe((before?.sweepAtMs ?? 0) + awayMs);
    expect(after?.expiresAtMs).toBe(before?.expiresAtMs);
  });

  it('nodes are known to each other until they were swept, unless the store forgot them', async () => {
    const names = [one, other].map(({ cluster }) => cluster.node).toSorted();
    const { leaseMs } = other.cluster;
    await passRenewing(subject, leaseMs + subject.graceMs, other);
    expect((await other.stores.nodes()).toSorted()).toEqual(names);
    await passRenewing(subject, leaseMs, other);
    await other.cluster.sweep(one.cluster.node, 10);
    expect(await other.stores.nodes()).toEqual([other.cluster.node]);
    await subject.lose();
    expect(await other.stores.nodes()).toEqual([]);
  });
});
