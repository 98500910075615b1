import { describe, expect, it } from 'vitest';
import type { PresenceStore } from '../../src/ports/presence.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import { type BareClient, type Harness, createHarness } from './harness.ts';

const GRACE_MS = 5_000;

/** A presence store elsewhere that refuses to let anybody go, without having done it, as often as it is told to. */
type Refusals = {
  left: number;
  /** Users that it never lets go. */
  readonly stuck: Set<string>;
  readonly asked: { readonly session: string | null; readonly atMs: number }[];
};

async function withRefusals(
  left: number,
  follows: readonly (readonly [string, string])[] = [['alice', 'bob']],
): Promise<{ h: Harness; alice: BareClient; refusals: Refusals }> {
  const refusals: Refusals = { left, stuck: new Set(), asked: [] };
  const h = await createHarness({
    follows,
    settings: { graceMs: GRACE_MS, heartbeatMs: 3_600_000 },
    ports: ({ presence, clock }) => ({
      presence: {
        ...presence,
        async leave(user, device, session) {
          refusals.asked.push({ session, atMs: clock.monotonicMs() });
          // Over a network: the answer comes later.
          await Promise.resolve();
          if (refusals.left > 0 || refusals.stuck.has(user)) {
            refusals.left--;
            throw storeUnavailable('out of reach');
          }
          await presence.leave(user, device, session);
        },
      } satisfies PresenceStore,
    }),
  });
  const alice = await h.logIn('alice');
  alice.take();
  return { h, alice, refusals };
}

function departures(alice: BareClient): unknown[] {
  return alice
    .take()
    .filter(({ t }) => t === 'x')
    .map(({ id }) => id);
}

describe('a session that ends while the presence store refuses', () => {
  it('is let go in the end: friends see it after as many attempts as it takes, with pauses that double', async () => {
    const { h, alice, refusals } = await withRefusals(7);
    const bob = await h.logIn('bob');
    const startMs = h.clock.monotonicMs();
    bob.send({ t: 'logout', i: 1 });
    await h.clock.settle();
    expect(bob.last('ok')).toMatchObject({ i: 1 });
    expect(bob.closeCode).toBe(4205);
    expect(departures(alice)).toEqual([]);
    await h.clock.advance(200_000);
    expect(refusals.asked.map(({ atMs }) => atMs - startMs)).toEqual([
      0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000,
    ]);
    expect(departures(alice)).toEqual(['bob']);
    expect(h.warnings).toHaveLength(7);
    expect(h.warnings[0]).toBe('leave_failed {"error":"Error: out of reach","sessions":1,"retryInMs":1000}');
    expect(h.warnings[6]).toContain('"retryInMs":30000');
  });

  it('is counted among what the node waits for, and leaves nothing behind', async () => {
    const { h } = await withRefusals(3);
    const bob = await h.logIn('bob');
    const { timers } = h.node.counts();
    bob.drop();
    await h.clock.advance(GRACE_MS);
    expect(h.node.counts()).toMatchObject({ timers, attached: 1, detached: 0 });
    await h.clock.advance(10_000);
    expect(h.node.counts().timers).toBe(timers - 1);
    expect(await h.node.exportUser('bob')).toMatchObject({ value: { devices: {}, sessions: 0 } });
  });

  it('when its grace is over is let go as well, and counts as expired', async () => {
    const { h, alice } = await withRefusals(2);
    (await h.logIn('bob')).drop();
    await h.clock.advance(GRACE_MS + 2_999);
    expect(departures(alice)).toEqual([]);
    await h.clock.advance(1);
    expect(departures(alice)).toEqual(['bob']);
  });

  it('takes no newer session of its device along', async () => {
    const { h, alice, refusals } = await withRefusals(1);
    const before = await h.logIn('bob', { device: 'desk', a: 'before' });
    before.send({ t: 'logout' });
    await h.clock.settle();
    const after = await h.logIn('bob', { device: 'desk', a: 'after' });
    await h.clock.advance(10_000);
    expect(refusals.asked).toHaveLength(2);
    expect(departures(alice)).toEqual([]);
    after.send({ t: 'statusUpdate', a: 'still here' });
    await h.clock.advance(100);
    expect(alice.take()).toMatchObject([{ t: 'u', id: 'bob', a: 'still here' }]);
  });

  it('one of many does not meet the store with all the others at once, nor waits for them', async () => {
    const many = Array.from({ length: 250 }, (_, i) => `friend ${i}`);
    const { h, alice, refusals } = await withRefusals(
      0,
      many.map((friend) => ['alice', friend] as const),
    );
    const clients: BareClient[] = [];
    for (const friend of many) clients.push(await h.logIn(friend));
    refusals.left = 250 + 50;
    for (const client of clients) client.send({ t: 'logout' });
    await h.clock.settle();
    refusals.asked.length = 0;
    await h.clock.advance(999);
    expect(refusals.asked).toHaveLength(0);
    // A round of a hundred, of which half are refused: the next comes after twice the pause.
    await h.clock.advance(1);
    expect(refusals.asked).toHaveLength(100);
    expect(departures(alice)).toHaveLength(50);
    await h.clock.advance(1_999);
    expect(refusals.asked).toHaveLength(100);
    // Nothing is refused any more, so that round follows round.
    await h.clock.advance(1);
    expect(refusals.asked).toHaveLength(300);
    expect(departures(alice)).toHaveLength(200);
    expect(h.node.counts().timers).toBe(1);
  });

  it('is not kept from its turn by any number of others that are refused for ever', async () => {
    const { h, alice, refusals } = await withRefusals(0);
    for (let i = 0; i < 300; i++) {
      refusals.stuck.add(`stuck ${i}`);
      (await h.logIn(`stuck ${i}`)).send({ t: 'logout' });
      await h.clock.settle();
    }
    refusals.left = 1;
    (await h.logIn('bob')).send({ t: 'logout' });
    await h.clock.advance(300_000);
    expect(departures(alice)).toEqual(['bob']);
  });

  it('is given up when the node stops, also by an attempt that is under way then', async () => {
    const { h, alice, refusals } = await withRefusals(Infinity);
    (await h.logIn('bob')).send({ t: 'logout' });
    const late = await h.logIn('late');
    await h.clock.advance(100_000);
    expect(departures(alice)).toEqual([]);
    const { length } = refusals.asked;
    late.send({ t: 'logout' });
    while (refusals.asked.length === length) await Promise.resolve();
    await h.node.stop();
    expect(h.clock.timers).toBe(0);
    await h.clock.advance(100_000);
    expect(refusals.asked).toHaveLength(length + 1);
    expect(h.clock.timers).toBe(0);
  });

  it('begins with a short pause again once the store has recovered', async () => {
    const { h, refusals } = await withRefusals(6);
    (await h.logIn('bob')).send({ t: 'logout' });
    await h.clock.advance(100_000);
    refusals.left = 1;
    refusals.asked.length = 0;
    const startMs = h.clock.monotonicMs();
    (await h.logIn('bob')).send({ t: 'logout' });
    await h.clock.advance(10_000);
    expect(refusals.asked.map(({ atMs }) => atMs - startMs)).toEqual([0, 1_000]);
  });
});
