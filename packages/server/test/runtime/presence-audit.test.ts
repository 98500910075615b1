import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../src/runtime/node-options.ts';
import { GAP_PAUSE_MS, USERS_A_ROUND } from '../../src/runtime/presence-audit.ts';
import { VIEWERS_A_ROUND } from '../../src/runtime/roster-catch-up.ts';
import { channelSpec } from './channels/channel-harness.ts';
import { createLossyNode } from './lossy-node.ts';

const AUDIT_MS = 5_000;
const GRACE_MS = 60_000;
const LEASE_MS = 30_000;

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('messages that are lost in silence', () => {
  it('are made up for by the next round, and nothing is told twice', async () => {
    const h = await createLossyNode([['ann', 'bob']]);
    const ann = await h.logIn('ann');
    const bob = await h.logIn('bob');
    ann.take();
    h.lose = (_, message) => message.kind === 'presence';
    bob.send({ t: 'statusUpdate', s: 'Busy', a: 'chess' });
    await h.clock.settle();
    expect(h.lost).toHaveLength(1);
    expect(ann.take()).toEqual([]);
    await h.clock.advance(AUDIT_MS);
    expect(ann.take()).toEqual([{ t: 'u', id: 'bob', s: 'Busy', a: 'chess' }]);
    await h.clock.advance(3 * AUDIT_MS);
    expect(ann.take()).toEqual([]);
  });

  it('cost a round one reading, and what is newer than it is left as it is', async () => {
    const h = await createLossyNode([['ann', 'bob']]);
    const ann = await h.logIn('ann');
    const bob = await h.logIn('bob');
    ann.take();
    const hold = Promise.withResolvers<void>();
    h.readHeld = hold.promise;
    h.reads.length = 0;
    await h.clock.advance(AUDIT_MS);
    bob.send({ t: 'statusUpdate', s: 'Away' });
    await h.clock.settle();
    hold.resolve();
    await h.clock.settle();
    expect(h.reads).toEqual([['bob']]);
    expect(ann.take()).toEqual([{ t: 'u', id: 'bob', s: 'Away' }]);
  });

  it('about whom nobody here follows are made up for too, where it counts that others do not see them', async () => {
    const contract = {
      ...DEFAULT_SETTINGS.contract,
      channels: [channelSpec('cursor:{doc}', { kind: 'signal' })],
    };
    const h = await createLossyNode([], { contract });
    const ann = await h.logIn('ann');
    const bob = await h.logIn('bob');
    for (const client of [ann, bob]) client.send({ t: 'sub', c: 'cursor:1', i: 1 });
    const signal = async (): Promise<void> => {
      bob.send({ t: 'pub', c: 'cursor:1', d: 1 });
      await h.clock.advance(100);
    };
    await signal();
    expect(ann.last('sig')).toMatchObject({ ss: [{ by: 'bob' }] });
    h.lose = (_, { kind }) => kind === 'presence';
    bob.send({ t: 'statusUpdate', s: 'Invisible' });
    await h.clock.advance(AUDIT_MS);
    expect(h.lost).toHaveLength(1);
    ann.take();
    await signal();
    expect(ann.take()).toEqual([]);
  });

  it('are looked for in at most 500 users a round, everybody in turn', async () => {
    const friends = names('f', 2 * USERS_A_ROUND + 1);
    const h = await createLossyNode(friends.map((friend) => ['ann', friend] as const));
    await h.logIn('ann');
    h.reads.length = 0;
    await h.clock.advance(AUDIT_MS);
    expect(h.reads.map(({ length }) => length)).toEqual([USERS_A_ROUND]);
    await h.clock.advance(2 * AUDIT_MS);
    expect(h.reads.map(({ length }) => length)).toEqual([USERS_A_ROUND, USERS_A_ROUND, 1]);
    expect(new Set(h.reads.flat())).toEqual(new Set(friends));
    await h.clock.advance(3 * AUDIT_MS);
    expect(h.reads.slice(3).flat().toSorted()).toEqual(friends.toSorted());
  });

  it('are not looked for while the last round is not answered, and the round is repeated where it is refused', async () => {
    const h = await createLossyNode([['ann', 'bob']]);
    const ann = await h.logIn('ann');
    const bob = await h.logIn('bob');
    ann.take();
    h.reads.length = 0;
    const hold = Promise.withResolvers<void>();
    h.readHeld = hold.promise;
    await h.clock.advance(10 * AUDIT_MS);
    expect(h.reads).toHaveLength(1);
    hold.resolve();
    h.readHeld = null;
    h.away = 'presence';
    h.lose = (_, message) => message.kind === 'presence';
    bob.send({ t: 'statusUpdate', s: 'Away' });
    await h.clock.advance(4 * AUDIT_MS);
    expect(h.warnings.filter((warning) => warning.startsWith('presence_audit_failed'))).toHaveLength(1);
    expect(ann.take()).toEqual([]);
    h.away = null;
    await h.clock.advance(AUDIT_MS);
    expect(ann.take()).toEqual([{ t: 'u', id: 'bob', s: 'Away' }]);
  });

  it('are not looked for where the node is alone, nor once it has stopped', async () => {
    const alone = await createLossyNode([['ann', 'bob']], {}, true);
    await alone.logIn('ann');
    alone.reads.length = 0;
    alone.gap();
    await alone.clock.advance(10 * AUDIT_MS);
    expect(alone.reads).toEqual([]);
    const h = await createLossyNode([['ann', 'bob']]);
    await h.logIn('ann');
    await h.node.stop();
    h.reads.length = 0;
    h.gap();
    await h.clock.advance(10 * AUDIT_MS);
    expect(h.reads).toEqual([]);
    expect(h.node.counts().timers).toBe(0);
  });

  it('do not make a friend known to somebody who is still joining: their topic may not be subscribed yet', async () => {
    const h = await createLossyNode([['ann', 'bob']]);
    const bob = await h.logIn('bob');
    const ann = h.connect();
    ann.send({ t: 'login', username: 'ann', token: 'token of ann' });
    const hold = Promise.withResolvers<void>();
    h.subscribeHeld = hold.promise;
    await h.clock.settle();
    h.reads.length = 0;
    await h.clock.advance(AUDIT_MS);
    expect(h.reads).toEqual([['bob']]);
    bob.send({ t: 'statusUpdate', s: 'Busy' });
    await h.clock.settle();
    hold.resolve();
    await h.clock.settle();
    expect(ann.last('sync')).toMatchObject({ users: [{ username: 'bob', s: 'Busy' }] });
  });

  it('are looked for in the slice that could not be read before the next one', async () => {
    const friends = names('f', USERS_A_ROUND + 1);
    const h = await createLossyNode(friends.map((friend) => ['ann', friend] as const));
    await h.logIn('ann');
    h.reads.length = 0;
    h.away = 'presence';
    await h.clock.advance(2 * AUDIT_MS);
    h.away = null;
    await h.clock.advance(2 * AUDIT_MS);
    expect(h.reads.map(({ length }) => length)).toEqual([USERS_A_ROUND, USERS_A_ROUND, USERS_A_ROUND, 1]);
    expect(new Set(h.reads.flat()).size).toBe(USERS_A_ROUND + 1);
  });
});

describe('a gap of the broker', () => {
  it('makes everything that is watched be read again, in slices with a pause', async () => {
    const friends = names('f', 2 * USERS_A_ROUND + 1);
    const h = await createLossyNode(friends.map((friend) => ['ann', friend] as const));
    const ann = await h.logIn('ann');
    const last = await h.logIn(friends.at(-1)!);
    ann.take();
    h.reads.length = 0;
    h.lose = () => true;
    last.send({ t: 'statusUpdate', s: 'Busy' });
    await h.clock.settle();
    h.lose = () => false;
    h.gap();
    await h.clock.advance(GAP_PAUSE_MS);
    expect(h.reads.map(({ length }) => length)).toEqual([USERS_A_ROUND, USERS_A_ROUND]);
    expect(ann.take()).toEqual([]);
    await h.clock.advance(GAP_PAUSE_MS);
    expect(h.reads).toHaveLength(3);
    expect(ann.take()).toEqual([{ t: 'u', id: friends.at(-1), s: 'Busy' }]);
    await h.clock.advance(AUDIT_MS - 1);
    expect(h.reads).toHaveLength(3);
  });

  it('that comes while another is being repaired begins it anew', async () => {
    const friends = names('f', USERS_A_ROUND + 1);
    const h = await createLossyNode(friends.map((friend) => ['ann', friend] as const));
    await h.logIn('ann');
    h.reads.length = 0;
    const hold = Promise.withResolvers<void>();
    h.gap();
    await h.clock.advance(0);
    h.readHeld = hold.promise;
    await h.clock.advance(GAP_PAUSE_MS);
    expect(h.reads.map(({ length }) => length)).toEqual([USERS_A_ROUND, 1]);
    // The last slice is on its way: it was read before this gap was over.
    h.gap();
    hold.resolve();
    h.readHeld = null;
    await h.clock.advance(2 * GAP_PAUSE_MS);
    expect(h.reads.map(({ length }) => length)).toEqual([USERS_A_ROUND, 1, USERS_A_ROUND, 1]);
  });

  it('brings the rosters of whoever is connected up to date: follows, blocks, and only what changed', async () => {
    const h = await createLossyNode([
      ['ann', 'bob'],
      ['ann', 'cai'],
      ['dan', 'cai'],
    ]);
    await h.node.createUser('eve');
    for (const user of ['bob', 'cai', 'eve']) await h.logIn(user);
    const ann = await h.logIn('ann', { v: 1 });
    const dan = await h.logIn('dan', { v: 1 });
    await h.clock.advance(4 * AUDIT_MS);
    ann.take();
    dan.take();
    h.lose = (_, { kind }) => kind === 'edge';
    await h.node.block('bob', 'ann');
    await h.node.follow('ann', 'eve');
    await h.clock.settle();
    expect(h.lost.length).toBeGreaterThan(0);
    expect(ann.take()).toEqual([]);
    h.lose = () => false;
    // That they were lost may show only some rounds later.
    await h.clock.advance(1.5 * AUDIT_MS);
    expect(h.asked.splice(0)).toEqual([]);
    h.gap();
    await h.clock.advance(0);
    const told = ann.take();
    expect(told).toHaveLength(2);
    expect(told).toContainEqual({ t: 'o', id: 'eve', s: 'Online' });
    expect(told).toContainEqual({ t: 'sync', users: [], delta: true, gone: ['bob'] });
    expect(dan.take()).toEqual([]);
    // What came before the line was known to stand is read, what comes behind it is told as ever.
    expect(h.asked.toSorted()).toEqual(['ann', 'bob', 'cai', 'dan', 'eve']);
  });

  it('asks for the changes of so many viewers at a time, and again where the directory was away', async () => {
    const viewers = names('v', VIEWERS_A_ROUND + 1);
    const h = await createLossyNode(viewers.map((viewer) => [viewer, 'bob'] as const));
    await h.node.createUser('cai');
    for (const viewer of viewers) await h.logIn(viewer);
    const last = await h.logIn(viewers.at(-1)!);
    last.take();
    h.lose = (_, { kind }) => kind === 'edge';
    await h.node.unfollow(viewers.at(-1)!, 'bob');
    h.lose = () => false;
    h.asked.length = 0;
    h.gap();
    await h.clock.advance(0);
    expect(h.asked).toEqual(viewers.slice(0, VIEWERS_A_ROUND));
    h.away = 'changes';
    await h.clock.advance(GAP_PAUSE_MS);
    expect(last.take()).toEqual([]);
    h.away = null;
    await h.clock.advance(AUDIT_MS);
    expect(last.take()).toEqual([{ t: 'sync', users: [] }]);
  });

  it('reads the roster anew where the app keeps it, or the directory cannot tell', async () => {
    let follows = ['bob'];
    const h = await createLossyNode([['ann', 'bob']], { followsOf: () => follows });
    await h.logIn('cai');
    const ann = await h.logIn('ann', { v: 1 });
    ann.take();
    follows = ['bob', 'cai'];
    h.gap();
    await h.clock.advance(0);
    await h.clock.advance(0);
    expect(ann.take()).toMatchObject([
      {
        t: 'sync',
        users: [
          { username: 'bob', s: 'Offline' },
          { username: 'cai', s: 'Online' },
        ],
      },
    ]);
  });
});

describe('a store that came back empty', () => {
  it('is not believed before whoever holds the users has put them back', async () => {
    const h = await createLossyNode([['ann', 'bob']]);
    const ann = await h.logIn('ann');
    const bob = await h.logIn('bob');
    ann.take();
    h.instead.set('bob', { user: 'bob', version: 0, s: 'Offline', fields: {}, lastSeenMs: null });
    await h.clock.advance(GRACE_MS + LEASE_MS);
    expect(ann.take()).toEqual([]);
    h.instead.clear();
    await h.clock.advance(2 * (GRACE_MS + LEASE_MS));
    expect(ann.take()).toEqual([]);
    // It counts from the beginning when it is lost once more.
    h.instead.set('bob', { user: 'bob', version: 0, s: 'Offline', fields: {}, lastSeenMs: null });
    await h.clock.advance(GRACE_MS + LEASE_MS);
    expect(ann.take()).toEqual([]);
    bob.send({ t: 'statusUpdate', s: 'Away' });
    await h.clock.settle();
    expect(ann.take()).toEqual([{ t: 'u', id: 'bob', s: 'Away' }]);
  });

  it('nor is an answer that was overtaken by a message, however often that happens', async () => {
    const h = await createLossyNode([['ann', 'bob']]);
    const ann = await h.logIn('ann');
    const bob = await h.logIn('bob');
    ann.take();
    for (const s of ['Busy', 'Away', 'Busy']) {
      const hold = Promise.withResolvers<void>();
      h.readHeld = hold.promise;
      await h.clock.advance(2 * (GRACE_MS + LEASE_MS));
      bob.send({ t: 'statusUpdate', s });
      await h.clock.settle();
      h.readHeld = null;
      hold.resolve();
      await h.clock.settle();
      expect(ann.take()).toEqual([{ t: 'u', id: 'bob', s }]);
    }
  });

  it('is believed in the end, where nobody put a user back; and what comes after that is told', async () => {
    const h = await createLossyNode([['ann', 'bob']]);
    const ann = await h.logIn('ann');
    const bob = await h.logIn('bob');
    ann.take();
    h.instead.set('bob', { user: 'bob', version: 0, s: 'Offline', fields: {}, lastSeenMs: 7_000 });
    await h.clock.advance(2 * (GRACE_MS + LEASE_MS) + 2 * AUDIT_MS);
    expect(ann.take()).toMatchObject([{ t: 'x', id: 'bob' }]);
    await h.clock.advance(10 * AUDIT_MS);
    expect(ann.take()).toEqual([]);
    h.instead.clear();
    bob.send({ t: 'statusUpdate', s: 'Busy' });
    await h.clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'o', id: 'bob', s: 'Busy' }]);
  });
});
