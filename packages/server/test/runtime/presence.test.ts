import { describe, expect, it } from 'vitest';
import { createHarness } from './harness.ts';

const FRIENDS = [
  ['alice', 'bob'],
  ['bob', 'alice'],
  ['carol', 'bob'],
] as const;

describe('presence between open connections', () => {
  it('[LOG4] a login is answered with token, then sync, in one write', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    expect(alice.received.map((message) => message.t)).toEqual(['token', 'sync']);
    expect(alice.writes).toBe(1);
    expect(alice.last('sync')).toEqual({ t: 'sync', users: [{ username: 'bob', s: 'Offline' }] });
    expect(alice.last('token')).toMatchObject({ v: 1, resumed: false, graceMs: 60_000, hbMs: 30_000 });
  });

  it('[PRE1] a follower sees the other come online, change and go; nobody else sees anything', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    const dave = await h.logIn('dave');
    alice.take();
    dave.take();
    const bob = await h.logIn('bob', { a: 'Coding', p: 'MyApp', l: 'TS' });
    expect(alice.take()).toEqual([{ t: 'o', id: 'bob', s: 'Online', a: 'Coding', p: 'MyApp', l: 'TS' }]);
    bob.send({ t: 'statusUpdate', a: 'Debugging' });
    await h.clock.settle();
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', a: 'Debugging' }]);
    await h.clock.advance(100);
    bob.send({ t: 'statusUpdate', s: 'Busy', l: '' });
    await h.clock.settle();
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', s: 'Busy', l: '' }]);
    bob.send({ t: 'logout' });
    await h.clock.settle();
    expect(alice.take()).toEqual([{ t: 'x', id: 'bob', ts: h.clock.nowMs() }]);
    expect(bob.closeCode).toBe(4205);
    expect(dave.take()).toEqual([]);
  });

  it('[PRE3] what others would not see is not sent, and rapid changes of a device become one', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    const bob = await h.logIn('bob');
    await h.clock.advance(1000);
    alice.take();
    bob.send({ t: 'statusUpdate', s: 'Online' });
    await h.clock.settle();
    expect(alice.take()).toEqual([]);
    await h.clock.advance(1000);
    for (const a of ['1', '2', '3', '4']) bob.send({ t: 'statusUpdate', a });
    await h.clock.settle();
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', a: '1' }]);
    await h.clock.advance(50);
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', a: '4' }]);
  });

  it('[PRE3] a change that was held back is not lost when the connection drops', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    const bob = await h.logIn('bob');
    bob.send({ t: 'statusUpdate', a: 'first' });
    bob.send({ t: 'statusUpdate', a: 'second' });
    bob.drop();
    await h.clock.advance(1000);
    expect(alice.received.filter((message) => message.t === 'u').at(-1)).toEqual({
      t: 'u',
      id: 'bob',
      a: 'second',
    });
  });

  it('[PRE3] the sessions of one device have one pace between them, and each gets its own answer', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    const tabs = [];
    for (let n = 0; n < 5; n++) tabs.push(await h.logIn('bob', { device: 'browser' }));
    await h.clock.advance(1000);
    alice.take();
    tabs.forEach((tab, n) => tab.send({ t: 'statusUpdate', a: `tab ${n}`, i: n }));
    await h.clock.advance(49);
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', a: 'tab 0' }]);
    tabs[1]?.send({ t: 'logout' });
    await h.clock.advance(100);
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', a: 'tab 4' }]);
    tabs.forEach((tab, n) => expect(tab.last('ok')).toEqual({ t: 'ok', i: n }));
  });

  it('[PRE6] an audience hook that answers later has allowed nothing', async () => {
    const h = await createHarness({
      follows: FRIENDS,
      settings: {
        audience: {
          kind: 'hook',
          decide: (() => Promise.reject(new Error('late'))) as unknown as () => boolean,
        },
      },
    });
    await h.logIn('bob', { a: 'Secret' });
    const alice = await h.logIn('alice');
    expect(alice.last('sync')).toEqual({ t: 'sync', users: [{ username: 'bob', s: 'Offline' }] });
    expect(h.warnings[0]).toContain('audience_hook_failed');
  });

  it('a followsOf hook that hangs ends the login with a code that says to come back', async () => {
    const h = await createHarness({ settings: { followsOf: () => new Promise(() => undefined) } });
    const alice = await h.logIn('alice');
    await h.clock.advance(5_000);
    expect(alice.received).toMatchObject([
      { t: 'err', code: 'unavailable' },
      { t: 'bye', code: 'unavailable' },
    ]);
  });

  it('[MSG5] a change with a request id is answered once, also when it was held back', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const bob = await h.logIn('bob');
    bob.take();
    bob.send({ t: 'statusUpdate', a: 'x', i: 1 });
    bob.send({ t: 'statusUpdate', a: 'y', i: 2 });
    bob.send({ t: 'statusUpdate', a: 'z', i: 3 });
    await h.clock.settle();
    expect(bob.take()).toEqual([{ t: 'ok', i: 1 }]);
    await h.clock.advance(50);
    expect(bob.take()).toEqual([
      { t: 'ok', i: 2 },
      { t: 'ok', i: 3 },
    ]);
  });

  it('[PRE4] devices are one user: busy over online over away, and an invisible one hides all', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    const laptop = await h.logIn('bob', { device: 'laptop', a: 'Coding' });
    const phone = await h.logIn('bob', { device: 'phone' });
    await h.clock.advance(1000);
    alice.take();
    phone.send({ t: 'statusUpdate', s: 'Busy' });
    await h.clock.advance(100);
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', s: 'Busy', a: '' }]);
    phone.send({ t: 'statusUpdate', s: 'Away' });
    await h.clock.advance(100);
    expect(alice.take()).toEqual([{ t: 'u', id: 'bob', s: 'Online', a: 'Coding' }]);
    phone.send({ t: 'statusUpdate', s: 'Invisible' });
    await h.clock.advance(100);
    expect(alice.take()).toMatchObject([{ t: 'x', id: 'bob' }]);
    laptop.send({ t: 'statusUpdate', a: 'Hidden work' });
    await h.clock.advance(100);
    expect(alice.take()).toEqual([]);
  });

  it('[PRE5] whoever logs in invisible leaves no trace, not even in last seen', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    alice.take();
    const bob = await h.logIn('bob', { s: 'Invisible', a: 'Secret' });
    await h.clock.advance(5000);
    bob.send({ t: 'logout' });
    await h.clock.advance(5000);
    expect(alice.take()).toEqual([]);
    const again = await h.logIn('alice');
    expect(again.last('sync')).toEqual({ t: 'sync', users: [{ username: 'bob', s: 'Offline' }] });
  });

  it('[PRE6] a close-friends field reaches close friends alone', async () => {
    const h = await createHarness({
      follows: FRIENDS,
      settings: { audience: { kind: 'rules', rules: { p: 'close', lastSeen: 'close' } } },
    });
    await h.node.setClose('bob', 'carol', true);
    const alice = await h.logIn('alice');
    const carol = await h.logIn('carol');
    alice.take();
    carol.take();
    const bob = await h.logIn('bob', { a: 'Coding', p: 'Secret' });
    expect(alice.take()).toEqual([{ t: 'o', id: 'bob', s: 'Online', a: 'Coding' }]);
    expect(carol.take()).toEqual([{ t: 'o', id: 'bob', s: 'Online', a: 'Coding', p: 'Secret' }]);
    await h.clock.advance(100);
    bob.send({ t: 'statusUpdate', p: 'Other' });
    await h.clock.advance(100);
    expect(alice.take()).toEqual([]);
    expect(carol.take()).toEqual([{ t: 'u', id: 'bob', p: 'Other' }]);
    bob.send({ t: 'logout' });
    await h.clock.settle();
    expect(alice.take()).toEqual([{ t: 'x', id: 'bob' }]);
    expect(carol.take()).toEqual([{ t: 'x', id: 'bob', ts: h.clock.nowMs() }]);
  });

  it('[PRE8] a follow, an unfollow and a block act on open connections at once', async () => {
    const h = await createHarness({ follows: [['alice', 'bob']] });
    const modern = await h.logIn('dave', { v: 1 });
    const bare = await h.logIn('alice');
    const bob = await h.logIn('bob', { a: 'Coding' });
    modern.take();
    bare.take();
    expect(await h.node.follow('dave', 'bob')).toEqual({ ok: true, value: { changed: true } });
    await h.clock.settle();
    expect(modern.take()).toEqual([{ t: 'o', id: 'bob', s: 'Online', a: 'Coding' }]);
    expect(await h.node.block('bob', 'dave')).toEqual({ ok: true, value: { changed: true } });
    bob.send({ t: 'statusUpdate', a: 'After the block' });
    await h.clock.advance(1000);
    expect(modern.take()).toEqual([{ t: 'sync', users: [], delta: true, gone: ['bob'] }]);
    bare.take();
    await h.node.unfollow('alice', 'bob');
    bob.send({ t: 'statusUpdate', a: 'After the unfollow' });
    await h.clock.advance(1000);
    expect(bare.take()).toEqual([{ t: 'sync', users: [] }]);
    await h.node.unblock('bob', 'dave');
    await h.clock.settle();
    expect(modern.take()).toEqual([{ t: 'o', id: 'bob', s: 'Online', a: 'After the unfollow' }]);
  });

  it('[PRE8] a block that lands while the blocked one is logging in is not missed', async () => {
    let release: (() => void) | undefined;
    const h = await createHarness({
      follows: [['alice', 'bob']],
      ports: (ports) => ({
        directory: {
          ...ports.directory,
          // The roster is read before the block, and its answer arrives after it.
          async rosterOf(viewer) {
            const edges = await ports.directory.rosterOf(viewer);
            if (viewer === 'alice') await new Promise<void>((resolve) => (release = resolve));
            return edges;
          },
        },
      }),
    });
    const bob = await h.logIn('bob');
    const alice = await h.logIn('alice');
    expect(release).toBeDefined();
    await h.node.block('bob', 'alice');
    release?.();
    bob.send({ t: 'statusUpdate', a: 'Private' });
    await h.clock.advance(1000);
    expect(alice.received.map((message) => message.t)).toEqual(['token', 'sync']);
    expect(alice.last('sync')).toEqual({ t: 'sync', users: [] });
  });

  it('[PRE9] a connection that does not read gets the latest state once, in one write, and is not closed', async () => {
    const h = await createHarness({ follows: FRIENDS });
    const alice = await h.logIn('alice');
    const bob = await h.logIn('bob', { a: 'Start' });
    alice.take();
    alice.stall();
    for (let n = 1; n <= 30; n++) {
      bob.send({ t: 'statusUpdate', a: `Step ${n}` });
      await h.clock.advance(60);
    }
    bob.send({ t: 'statusUpdate', p: 'Project' });
    await h.clock.advance(60);
    const writes = alice.writes;
    alice.read();
    expect(alice.take()).toEqual([
      { t: 'u', id: 'bob', a: 'Step 1' },
      { t: 'u', id: 'bob', a: 'Step 30', p: 'Project' },
    ]);
    expect(alice.writes).toBe(writes + 1);
    expect(alice.closeCode).toBeNull();
  });

  it('[PRE9] beyond the bound a slow connection gets one full sync', async () => {
    const many = Array.from({ length: 8 }, (_, n) => ['alice', `friend ${n}`] as const);
    const h = await createHarness({
      follows: many,
      settings: { outbox: { heldControlUnits: 10_000, heldFriends: 5 } },
    });
    const alice = await h.logIn('alice');
    alice.stall();
    for (const [, friend] of many) await h.logIn(friend);
    alice.take();
    alice.read();
    const [first, second, ...rest] = alice.take();
    expect(first).toMatchObject({ t: 'o', id: 'friend 0' });
    expect(second?.t).toBe('sync');
    expect((second!['users'] as { s: string }[]).every((friend) => friend.s === 'Online')).toBe(true);
    expect(rest).toEqual([]);
  });

  it('a status set over HTTP shows the user online for its time to live', async () => {
    const h = await createHarness({ follows: FRIENDS });
    await h.directory.ensureUser('bob');
    const alice = await h.logIn('alice');
    alice.take();
    expect(await h.node.setStatus('bob', 'editor', { s: 'Busy', a: 'Vim' }, 5000)).toMatchObject({
      ok: true,
    });
    await h.clock.settle();
    expect(alice.take()).toEqual([{ t: 'o', id: 'bob', s: 'Busy', a: 'Vim' }]);
    await h.clock.advance(4999);
    expect(alice.take()).toEqual([]);
    await h.clock.advance(1);
    expect(alice.take()).toMatchObject([{ t: 'x', id: 'bob' }]);
  });
});
