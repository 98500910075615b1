import { describe, expect, it } from 'vitest';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import { type BareClient, type Harness, createHarness, type HarnessOptions } from './harness.ts';

const TTL_MS = 10_000;

/** Bob is known and alice sees him. */
async function alone(options: HarnessOptions = {}): Promise<{ h: Harness; alice: BareClient }> {
  const h = await createHarness({ follows: [['alice', 'bob']], ...options });
  const alice = await h.logIn('alice');
  alice.take();
  return { h, alice };
}

/** What alice was told of bob, and nothing else. */
function told(alice: BareClient): unknown[] {
  return alice
    .take()
    .filter(({ id }) => id === 'bob')
    .map(({ t, s, a }) => [t, s, a].filter((part) => part !== undefined));
}

describe('[PRE3] a status over HTTP', () => {
  it('that changes rapidly is merged: the first at once, the last always, each answered when it is stored', async () => {
    const { h, alice } = await alone();
    let answered = 0;
    const calls: Promise<unknown>[] = [];
    for (let i = 1; i <= 100; i++)
      calls.push(h.node.setStatus('bob', 'ci', { a: `step ${i}` }, TTL_MS).finally(() => answered++));
    await h.clock.settle();
    expect(told(alice)).toEqual([['o', 'Online', 'step 1']]);
    expect(answered).toBe(1);
    await h.clock.advance(49);
    expect([told(alice), answered]).toEqual([[], 1]);
    await h.clock.advance(1);
    expect(told(alice)).toEqual([['u', 'step 100']]);
    expect(answered).toBe(100);
    expect(await Promise.all(calls)).toEqual(
      Array.from({ length: 100 }, (_, i) => ({ ok: true, value: { fields: { a: `step ${i + 1}` } } })),
    );
    // The pause counts from the last change that went out.
    void h.node.setStatus('bob', 'ci', { s: 'Busy' }, TTL_MS);
    await h.clock.advance(49);
    expect(told(alice)).toEqual([]);
    await h.clock.advance(1);
    expect(told(alice)).toEqual([['u', 'Busy']]);
  });

  it('is paced together with the sessions of its device, in either order', async () => {
    const { h, alice } = await alone();
    const bob = await h.logIn('bob', { device: 'desk' });
    await h.clock.advance(100);
    alice.take();
    bob.send({ t: 'statusUpdate', a: 'one' });
    void h.node.setStatus('bob', 'desk', { a: 'two', s: 'Busy' }, TTL_MS);
    await h.clock.settle();
    bob.send({ t: 'statusUpdate', a: 'three', i: 3 });
    await h.clock.settle();
    expect(told(alice)).toEqual([['u', 'one']]);
    await h.clock.advance(50);
    expect(told(alice)).toEqual([['u', 'Busy', 'three']]);
    expect(bob.last('ok')).toMatchObject({ i: 3 });
    // The status was part of what was held back, so it holds the device behind its session.
    bob.send({ t: 'logout' });
    await h.clock.advance(100);
    expect(told(alice)).toEqual([]);
    await h.clock.advance(TTL_MS);
    expect(told(alice)).toEqual([['x']]);
  });

  it('paces the session that comes to its device', async () => {
    const { h, alice } = await alone();
    void h.node.setStatus('bob', 'desk', { a: 'one' }, TTL_MS);
    const bob = await h.logIn('bob', { device: 'desk' });
    bob.send({ t: 'statusUpdate', a: 'two' });
    await h.clock.settle();
    expect(told(alice)).toEqual([['o', 'Online', 'one']]);
    await h.clock.advance(50);
    expect(told(alice)).toEqual([['u', 'two']]);
  });

  it('that is held back is not lost when it is taken away and a session has the device', async () => {
    const { h, alice } = await alone();
    await h.logIn('bob', { device: 'desk' });
    void h.node.setStatus('bob', 'desk', { a: 'one' }, TTL_MS);
    const last = h.node.setStatus('bob', 'desk', { a: 'two' }, TTL_MS);
    await h.clock.settle();
    alice.take();
    expect(await h.node.clearStatus('bob', 'desk')).toMatchObject({ ok: true });
    expect(await last).toMatchObject({ ok: true });
    await h.clock.advance(2 * TTL_MS);
    expect(told(alice)).toEqual([['u', 'two']]);
  });

  it('whose time is over before its turn comes is shown, and ends', async () => {
    const { h, alice } = await alone();
    void h.node.setStatus('bob', 'ci', { a: 'one' }, TTL_MS);
    const short = h.node.setStatus('bob', 'ci', { a: 'two' }, 20);
    await h.clock.advance(20);
    expect(await short).toMatchObject({ ok: true });
    expect(told(alice)).toEqual([['o', 'Online', 'one'], ['u', 'two'], ['x']]);
    await h.clock.advance(TTL_MS);
    expect(told(alice)).toEqual([]);
    expect(h.node.counts().timers).toBe(1);
    expect(await h.node.exportUser('bob')).toMatchObject({ value: { devices: {} } });
  });

  it('that was set again while the one before ends stays', async () => {
    const { h, alice } = await alone({
      ports: ({ presence }) => ({
        presence: {
          ...presence,
          // As over a network: the answer comes in a later turn.
          join: async (...given) => {
            const state = await presence.join(...given);
            for (let i = 0; i < 5; i++) await Promise.resolve();
            return state;
          },
        },
      }),
    });
    void h.node.setStatus('bob', 'ci', { a: 'one' }, TTL_MS);
    void h.node.setStatus('bob', 'ci', { a: 'two' }, TTL_MS);
    await h.clock.settle();
    const cleared = h.node.clearStatus('bob', 'ci');
    const again = h.node.setStatus('bob', 'ci', { a: 'three' }, TTL_MS);
    await h.clock.advance(1_000);
    expect([await cleared, await again]).toMatchObject([{ ok: true }, { ok: true }]);
    expect(told(alice).at(-1)).toEqual(['u', 'three']);
    await h.clock.advance(TTL_MS);
    expect(told(alice)).toEqual([['x']]);
  });

  it('that is held back when the node stops is there after its start', async () => {
    const { h } = await alone();
    void h.node.setStatus('bob', 'ci', { a: 'one' }, TTL_MS);
    void h.node.setStatus('bob', 'ci', { a: 'two' }, 1_000);
    void h.node.setStatus('bob', 'ci', { a: 'three' }, TTL_MS);
    await h.clock.settle();
    await h.crash(0);
    // As long as the latest of them said.
    await h.clock.advance(TTL_MS - 1);
    expect(await h.node.presenceOf('bob')).toMatchObject({ value: { s: 'Online', fields: { a: 'three' } } });
    await h.clock.advance(1);
    expect(await h.node.presenceOf('bob')).toMatchObject({ value: { s: 'Offline' } });
  });

  it('that is held back does not bring back who is erased', async () => {
    const { h, alice } = await alone();
    void h.node.setStatus('bob', 'ci', { a: 'one' }, TTL_MS);
    const held = h.node.setStatus('bob', 'ci', { a: 'two' }, TTL_MS);
    await h.clock.settle();
    expect(await h.node.eraseUser('bob')).toMatchObject({ ok: true });
    await h.clock.advance(1_000);
    await held;
    expect(await h.node.presenceOf('bob')).toMatchObject({ code: 'user_unknown' });
    expect(JSON.stringify(alice.take())).not.toContain('two');
    // Alice's heartbeat alone.
    expect(h.node.counts().timers).toBe(1);
    expect((await h.journal.load()).devices.filter(({ user }) => user === 'bob')).toEqual([]);
  });

  it('that is held back says nothing about whoever has the name after an erasure', async () => {
    const { h } = await alone();
    void h.node.setStatus('bob', 'ci', { a: 'one' }, TTL_MS);
    void h.node.setStatus('bob', 'ci', { a: 'two' }, TTL_MS);
    await h.clock.settle();
    await h.node.eraseUser('bob');
    await h.node.createUser('bob');
    await h.clock.advance(1_000);
    expect(await h.node.presenceOf('bob')).toMatchObject({ value: { s: 'Offline', lastSeenMs: null } });
  });

  it('that the store refuses is refused to everybody whose it was part of', async () => {
    let refusing = false;
    const { h } = await alone({
      ports: ({ presence }) => ({
        presence: {
          ...presence,
          join: (...given) => (refusing ? Promise.reject(storeUnavailable('down')) : presence.join(...given)),
        },
      }),
    });
    expect(await h.node.setStatus('bob', 'ci', { a: 'one' }, TTL_MS)).toMatchObject({ ok: true });
    refusing = true;
    const calls = ['two', 'three'].map((a) => h.node.setStatus('bob', 'ci', { a }, TTL_MS));
    await h.clock.advance(50);
    expect(await Promise.all(calls)).toMatchObject([{ code: 'unavailable' }, { code: 'unavailable' }]);
    refusing = false;
    const next = h.node.setStatus('bob', 'ci', { a: 'four' }, TTL_MS);
    await h.clock.advance(50);
    expect(await next).toMatchObject({ ok: true });
    expect(await h.node.presenceOf('bob')).toMatchObject({ value: { fields: { a: 'four' } } });
  });
});
