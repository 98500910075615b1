import { describe, expect, it } from 'vitest';
import type { SessionStore } from '../../src/ports/sessions.ts';
import { type BareClient, type Harness, createHarness } from './harness.ts';

const FRIENDS = [
  ['alice', 'bob'],
  ['bob', 'alice'],
] as const;
const resumeToken = (client: BareClient): string => client.last('token')?.['token'] as string;
const stamp = (client: BareClient): number =>
  (client.last('hb')?.['at'] ?? client.last('token')?.['at']) as number;

/** Lets time pass with these clients answering their heartbeats. */
async function beat(h: Harness, clients: readonly BareClient[], ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    await h.clock.advance(Math.min(left, 10_000));
    for (const client of clients) client.send({ t: 'hb' });
  }
}

describe('sessions that outlive their connections', () => {
  it('[RES1] a drop and a resume within the grace are seen by nobody', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    const bob = await h.logIn('bob', { a: 'Coding' });
    alice.take();
    bob.drop();
    await beat(h, [alice], 59_000);
    const again = await h.logIn('bob', { resume: resumeToken(bob), at: stamp(bob), v: 1 });
    expect(again.last('token')).toMatchObject({ resumed: true });
    await beat(h, [alice, again], 120_000);
    expect(alice.take().filter((message) => message.t !== 'hb')).toEqual([]);
  });

  it('[RES6] who does not come back goes offline when the grace is over, not before', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice', { v: 1 });
    const bob = await h.logIn('bob');
    alice.take();
    bob.drop();
    await beat(h, [alice], 59_990);
    expect(alice.take().filter((message) => message.t !== 'hb')).toEqual([]);
    await beat(h, [alice], 20);
    expect(alice.take().filter((message) => message.t !== 'hb')).toEqual([
      { t: 'x', id: 'bob', ts: h.clock.nowMs() - 10 },
    ]);
    const late = await h.logIn('bob', { resume: resumeToken(bob), i: 7 });
    expect(late.received.map((message) => message.t)).toEqual(['err', 'token', 'sync']);
    expect(late.received[0]).toMatchObject({ code: 'resume_failed' });
    expect(late.received[0]).not.toHaveProperty('i');
    expect(late.last('token')).toMatchObject({ resumed: false });
  });

  it('[RES2] a reply that is lost costs nothing: the token before it still resumes', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const first = await h.logIn('bob');
    first.drop();
    const lost = await h.logIn('bob', { resume: resumeToken(first) });
    lost.drop();
    const lostAgain = await h.logIn('bob', { resume: resumeToken(first) });
    lostAgain.drop();
    const third = await h.logIn('bob', { resume: resumeToken(first) });
    expect(third.last('token')).toMatchObject({ resumed: true });
  });

  it('[RES2] once the client has shown the newer token, the previous one ends', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const first = await h.logIn('bob');
    first.drop();
    const second = await h.logIn('bob', { resume: resumeToken(first) });
    // An answer to nothing shows nothing: the heartbeat was not asked behind the token yet.
    second.send({ t: 'hb' });
    await h.clock.advance(30_000);
    expect(second.last('hb')).toBeDefined();
    second.send({ t: 'hb' });
    await h.clock.settle();
    second.drop();
    const stale = await h.logIn('bob', { resume: resumeToken(first) });
    expect(stale.received[0]).toMatchObject({ t: 'err', code: 'resume_failed' });
    const fresh = await h.logIn('bob', { resume: resumeToken(second) });
    expect(fresh.last('token')).toMatchObject({ resumed: true });
  });

  it('[RES3] a half-open connection whose session resumed elsewhere changes nothing any more', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    const old = await h.logIn('bob', { a: 'Old' });
    alice.take();
    const fresh = await h.logIn('bob', { resume: resumeToken(old) });
    expect(old.closeCode).toBe(4204);
    expect(old.last('bye')).toMatchObject({ code: 'replaced', advice: 'stop' });
    old.send({ t: 'statusUpdate', a: 'From the dead' });
    old.send({ t: 'logout' });
    old.drop();
    await h.clock.advance(200);
    expect(alice.take()).toEqual([]);
    fresh.send({ t: 'statusUpdate', a: 'Alive' });
    await h.clock.settle();
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', a: 'Alive' }]);
  });

  it('[RES3] a detach that arrives after the resume is refused', async () => {
    let releaseDetach: (() => void) | undefined;
    const h = await createHarness({
      follows: FRIENDS,
      ports: (ports) => ({
        sessions: {
          ...ports.sessions,
          async detach(id, generation, nowMs) {
            await new Promise<void>((resolve) => (releaseDetach = resolve));
            return ports.sessions.detach(id, generation, nowMs);
          },
        } satisfies SessionStore,
      }),
    });
    const alice = await h.logIn('alice');
    const bob = await h.logIn('bob');
    alice.take();
    bob.drop();
    await h.clock.settle();
    const again = await h.logIn('bob', { resume: resumeToken(bob) });
    expect(again.last('token')).toMatchObject({ resumed: true });
    releaseDetach?.();
    await beat(h, [alice, again], 200_000);
    expect(alice.take().filter((message) => message.t !== 'hb')).toEqual([]);
    expect(again.closeCode).toBeNull();
  });

  it('[RES4] the resume token of another user gives a new session and takes nothing away', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const bob = await h.logIn('bob');
    const thief = await h.logIn('mallory', { resume: resumeToken(bob) });
    expect(thief.received[0]).toMatchObject({ t: 'err', code: 'resume_failed' });
    expect(thief.last('token')).toMatchObject({ resumed: false });
    expect(bob.closeCode).toBeNull();
    bob.drop();
    const again = await h.logIn('bob', { resume: resumeToken(bob) });
    expect(again.last('token')).toMatchObject({ resumed: true });
  });

  it('[RES5] a resume that names its stamp gets what changed since, and who is gone', async () => {
    const h = await createHarness({
      follows: [
        ['alice', 'bob'],
        ['alice', 'carol'],
        ['alice', 'dave'],
        ['alice', 'erin'],
      ],
    });
    await h.directory.ensureUser('frank');
    await h.logIn('carol');
    const bob = await h.logIn('bob', { a: 'Coding' });
    await h.clock.advance(10_000);
    const alice = await h.logIn('alice', { v: 1 });
    alice.drop();
    bob.send({ t: 'statusUpdate', a: 'Changed' });
    await h.node.unfollow('alice', 'dave');
    await h.node.follow('alice', 'frank');
    await h.node.block('erin', 'alice');
    await h.clock.advance(1000);
    const again = await h.logIn('alice', { v: 1, resume: resumeToken(alice), at: stamp(alice) });
    const sync = again.last('sync') as unknown as {
      delta: boolean;
      users: { username: string }[];
      gone: string[];
    };
    expect(sync.delta).toBe(true);
    expect([...sync.gone].toSorted()).toEqual(['dave', 'erin']);
    expect([...sync.users].toSorted((a, b) => a.username.localeCompare(b.username))).toEqual([
      { username: 'bob', s: 'Online', a: 'Changed' },
      { username: 'frank', s: 'Offline' },
    ]);
  });

  it('[RES5] a stamp that the server never gave gets a full sync', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const bob = await h.logIn('bob');
    bob.drop();
    const again = await h.logIn('bob', { v: 1, resume: resumeToken(bob), at: Number.MAX_SAFE_INTEGER });
    expect(again.last('token')).toMatchObject({ resumed: true });
    expect(again.last('sync')).toEqual({ t: 'sync', users: [{ username: 'alice', s: 'Offline' }] });
  });

  it("[LOG8] `token` says what the session's own device is, after what the login set", async () => {
    const h = await createHarness({ follows: FRIENDS });
    const bob = await h.logIn('bob', { s: 'Invisible', a: 'Hiding', device: 'laptop' });
    expect(bob.last('token')).toMatchObject({ s: 'Invisible', a: 'Hiding' });
    expect(bob.last('token')).not.toHaveProperty('p');
    bob.drop();
    const again = await h.logIn('bob', { resume: resumeToken(bob), p: 'Cave' });
    expect(again.last('token')).toMatchObject({ resumed: true, s: 'Invisible', a: 'Hiding', p: 'Cave' });
    const other = await h.logIn('bob', { device: 'phone' });
    expect(other.last('token')).toMatchObject({ s: 'Online' });
    expect(other.last('token')).not.toHaveProperty('a');
  });

  it('[RES6] after a crash everyone resumes, however long the service was down, and nobody sees anything', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice', { v: 1 });
    const bob = await h.logIn('bob', { v: 1, a: 'Coding' });
    await h.clock.advance(1000);
    await h.crash(600_000);
    const aliceAgain = await h.logIn('alice', { v: 1, resume: resumeToken(alice), at: stamp(alice) });
    expect(aliceAgain.last('token')).toMatchObject({ resumed: true });
    expect(aliceAgain.last('sync')).toEqual({
      t: 'sync',
      users: [{ username: 'bob', s: 'Online', a: 'Coding' }],
      delta: true,
    });
    await h.clock.advance(30_000);
    const bobAgain = await h.logIn('bob', { v: 1, resume: resumeToken(bob), at: stamp(bob) });
    expect(bobAgain.last('token')).toMatchObject({ resumed: true });
    expect(aliceAgain.received.filter((message) => message.t === 'x' || message.t === 'o')).toEqual([]);
  });

  it('[RES6] who does not come back after a crash goes offline after the grace', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice', { v: 1 });
    await h.logIn('bob');
    await h.crash(1000);
    const again = await h.logIn('alice', { v: 1, resume: resumeToken(alice), at: stamp(alice) });
    await h.clock.advance(60_001);
    expect(again.last('x')).toMatchObject({ id: 'bob' });
  });

  it('[RES7] a drain tells everyone when to come back, and takes no more', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const bob = await h.logIn('bob');
    await h.node.drain(5000);
    expect(bob.last('bye')).toMatchObject({ code: 'draining', advice: 'resume', afterMs: 2500 });
    expect(bob.closeCode).toBe(4000);
    const late = h.connect();
    await h.clock.settle();
    expect(late.closeCode).toBe(4000);
  });

  it('after churn nothing is left over: no connection, session, edge, timer or journal row', async () => {
    const h = await createHarness({ follows: FRIENDS });
    for (let n = 0; n < 200; n++) {
      const client = await h.logIn(n % 2 === 0 ? 'alice' : 'bob', { device: `d${n % 7}` });
      if (n % 3 === 0) client.send({ t: 'logout' });
      else client.drop();
      await h.clock.advance(1500);
    }
    await h.clock.advance(61_000);
    expect(h.node.counts()).toEqual({
      connections: 0,
      streams: 0,
      polls: 0,
      yjs: 0,
      hocuspocus: 0,
      attached: 0,
      detached: 0,
      watchedUsers: 0,
      watchEdges: 0,
      timers: 0,
      channels: 0,
      subscriptions: 0,
      calls: 0,
      heldUnits: 0,
    });
    expect(h.clock.timers).toBe(0);
    const kept = await h.journal.load();
    expect(kept.sessions).toEqual([]);
    expect(kept.devices).toEqual([]);
    expect(h.warnings).toEqual([]);
  });
});
