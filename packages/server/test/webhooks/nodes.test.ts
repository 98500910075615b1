import { describe, expect, it } from 'vitest';
import { ADOPT_AGAIN_MS, COMPARE_EVERY_MS } from '../../src/webhooks/other-nodes.ts';
import { bench, type Bench, BROKEN, OK } from './webhooks-under-test.ts';

const SHARED = { shared: async () => ['', 'two', 'three'] };

/** When the clock of the tests begins. */
const T = Date.UTC(2026, 0, 1);

/** Nodes over one store, in one time, with one receiver. */
function twoNodes(): { one: Bench; two: Bench } {
  const one = bench();
  return { one, two: bench({ of: one, node: 'two' }) };
}

describe('events of several nodes', () => {
  it('are told by whoever is told of them, whatever it told before: who came here may be gone elsewhere', async () => {
    const { one, two } = twoNodes();
    const [first, second] = [await one.begin(SHARED), await two.begin(SHARED)];
    first.userOnline('alice', T + 1_000);
    await one.settle();
    second.userOffline('alice', T + 2_000);
    await one.settle();
    first.userOnline('alice', T + 3_000);
    first.channelOccupied('chat', T + 3_000);
    await one.settle();
    second.channelVacated('chat', T + 4_000);
    await one.settle();
    expect(one.told()).toEqual([
      'user.online alice',
      'user.offline alice',
      'user.online alice',
      'channel.occupied chat',
      'channel.vacated chat',
    ]);
    expect((await one.store.load()).present).toEqual([{ kind: 'user', name: 'alice' }]);
  });

  it('that a dead node left are delivered by the one that takes them over, once, under their ids', async () => {
    const { one, two } = twoNodes();
    const second = await two.begin(SHARED);
    two.answer = () => BROKEN;
    second.userOnline('alice', T + 1_000);
    second.userOnline('bob', T + 2_000);
    await two.settle();
    two.kill();
    const tried = one.posted.splice(0);
    expect(tried).toHaveLength(2);
    one.online.add('alice').add('bob');
    const third = bench({ of: one, node: 'three' });
    const [first, other] = [await one.begin(SHARED), await third.begin(SHARED)];
    await Promise.all([first.adopt('two'), other.adopt('two')]);
    await first.adopt('two');
    await one.settle();
    expect(one.told()).toEqual(['user.online alice', 'user.online bob']);
    expect(one.posted.map(({ id }) => id)).toEqual(tried.map(({ id }) => id));
    expect(one.store.events.size + third.store.events.size).toBe(0);
  });

  it.each([
    [500, [1_000, 500, 3_000]],
    [2_000, [1_000, 2_000, 3_000]],
    [4_000, [1_000, 3_000, 4_000]],
  ])(
    'taken over (%i) come before what happened later to the same user, and behind what is on its way',
    async (ms, order) => {
      const { one, two } = twoNodes();
      const second = await two.begin(SHARED);
      two.answer = () => BROKEN;
      second.userOnline('alice', T + ms);
      await two.settle();
      two.kill();
      one.posted.length = 0;
      const first = await one.begin(SHARED);
      const hold = Promise.withResolvers<typeof OK>();
      one.answer = () => hold.promise;
      first.userOffline('alice', T + 1_000);
      await one.settle();
      first.userOffline('alice', T + 3_000);
      await one.settle();
      await first.adopt('two');
      one.answer = () => OK;
      hold.resolve(OK);
      await one.settle();
      expect(one.posted.map(({ timestamp }) => Date.parse(timestamp) - T)).toEqual(order);
    },
  );

  it('of two dead nodes are each delivered once, also those that waited when the second was taken over', async () => {
    const { one, two } = twoNodes();
    const third = bench({ of: one, node: 'three' });
    for (const [name, node] of [
      ['alice', two],
      ['bob', third],
    ] as const) {
      node.answer = () => BROKEN;
      const webhooks = await node.begin(SHARED);
      webhooks.userOnline(name, T + 1_000);
      await node.settle();
      node.kill();
    }
    one.posted.length = 0;
    one.online.add('alice').add('bob');
    const first = await one.begin(SHARED);
    const hold = Promise.withResolvers<typeof OK>();
    one.answer = () => hold.promise;
    await first.adopt('two');
    await first.adopt('three');
    hold.resolve(OK);
    await one.settle();
    expect(one.told()).toEqual(['user.online alice', 'user.online bob']);
  });

  it('that the store cannot hand over are asked for again', async () => {
    const { one, two } = twoNodes();
    two.answer = () => BROKEN;
    const second = await two.begin(SHARED);
    second.userOnline('alice', T + 1_000);
    await two.settle();
    two.kill();
    one.posted.length = 0;
    one.online.add('alice');
    const first = await one.begin(SHARED);
    one.store.broken = true;
    await first.adopt('two');
    expect(one.warnings).toMatchObject([{ event: 'events_not_adopted', node: 'two' }]);
    one.store.broken = false;
    await one.clock.advance(ADOPT_AGAIN_MS);
    await one.settle();
    expect(one.told()).toEqual(['user.online alice']);
  });

  it('are not asked for any more once it is closed', async () => {
    const one = bench();
    const first = await one.begin(SHARED);
    one.store.broken = true;
    await first.adopt('two');
    await first.adopt('two');
    expect(one.clock.timers).toBeGreaterThan(0);
    await first.close();
    expect(one.clock.timers).toBe(0);
  });

  it('that nobody told, for a node died before it could, are made up for: by who takes over, or within minutes', async () => {
    const { one, two } = twoNodes();
    const [first, second] = [await one.begin(SHARED), await two.begin(SHARED)];
    one.online.add('alice').add('bob').add('cai');
    first.userOnline('alice', T + 1_000);
    second.userOnline('bob', T + 1_000);
    second.userOnline('cai', T + 1_000);
    await one.settle();
    two.kill();
    one.posted.length = 0;
    // Both went offline, and whoever showed that died with it.
    one.online.delete('bob');
    await first.adopt('two');
    await one.settle();
    expect(one.told()).toEqual(['user.offline bob']);
    one.online.delete('alice');
    await one.clock.advance(COMPARE_EVERY_MS);
    await one.settle();
    expect(one.told()).toEqual(['user.offline bob', 'user.offline alice']);
    await one.clock.advance(3 * COMPARE_EVERY_MS);
    await one.settle();
    expect(one.posted).toHaveLength(2);
    expect((await one.store.load()).present).toEqual([{ kind: 'user', name: 'cai' }]);
  });

  it('that another node is just about to tell are left to it', async () => {
    const { one, two } = twoNodes();
    const [first, second] = [await one.begin(SHARED), await two.begin(SHARED)];
    one.online.add('alice');
    first.userOnline('alice', T + 1_000);
    await one.settle();
    one.posted.length = 0;
    await one.clock.advance(COMPARE_EVERY_MS - 30_000);
    one.online.delete('alice');
    const goneAtMs = one.clock.nowMs();
    one.lastSeen.set('alice', goneAtMs);
    await one.clock.advance(30_000);
    await one.settle();
    expect(one.told()).toEqual([]);
    second.userOffline('alice', goneAtMs);
    await one.settle();
    await one.clock.advance(2 * COMPARE_EVERY_MS);
    await one.settle();
    expect(one.told()).toEqual(['user.offline alice']);
  });

  it('of nodes that nobody sweeps, for their leases are gone with everything, are taken over once that is sure', async () => {
    const { one, two } = twoNodes();
    const third = bench({ of: one, node: 'three' });
    for (const [name, node] of [
      ['alice', two],
      ['bob', third],
    ] as const) {
      node.answer = () => BROKEN;
      const webhooks = await node.begin(SHARED);
      webhooks.userOnline(name, T + 1_000);
      await node.settle();
    }
    two.kill();
    one.posted.length = 0;
    one.online.add('alice').add('bob');
    // Redis was emptied: the third has not renewed yet, and does so a moment later.
    const known = new Set(['']);
    await one.begin({ shared: async () => [...known], settleMs: 90_000 });
    await one.settle();
    known.add('three');
    await one.clock.advance(89_999);
    await one.settle();
    expect(one.posted.filter(({ subject }) => subject === 'user alice')).toEqual([]);
    await one.clock.advance(1);
    await one.settle();
    expect(one.told().filter((told) => told.endsWith('alice'))).toEqual(['user.online alice']);
    expect(await one.store.owners()).toEqual(['three']);
  });
});
