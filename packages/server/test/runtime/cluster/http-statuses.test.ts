import { describe, expect, it } from 'vitest';
import { RETRY_UNAVAILABLE_MS } from '../../../src/runtime/retry.ts';
import { createManyNodes } from '../channels/many-nodes.ts';

const TTL_MS = 20_000;

/** Bob is known, and may have one status over HTTP as far as each node knows. */
async function open() {
  const nodes = await createManyNodes(['a', 'b'], {
    channels: [],
    settings: { heartbeatMs: 3_600_000, leasesPerUser: 1 },
  });
  const [a, b] = [nodes.node('a'), nodes.node('b')];
  const alice = await a.logIn('alice');
  const { clock } = nodes;
  (await b.logIn('bob')).send({ t: 'logout' });
  await clock.settle();
  await a.node.follow('alice', 'bob');
  await clock.settle();
  alice.take();

  async function answered<T>(call: Promise<T>): Promise<T> {
    await clock.advance(100);
    return call;
  }

  return {
    a,
    b,
    clock,
    set: (node: typeof a, device: string) => answered(node.node.setStatus('bob', device, {}, TTL_MS)),
    clear: (node: typeof a, device: string) => answered(node.node.clearStatus('bob', device)),
    answered,
    /** What alice was told of bob since this was last asked. */
    told: () =>
      alice
        .take()
        .filter(({ id }) => id === 'bob')
        .map(({ t }) => t),
  };
}

describe('[PRE3] a status over HTTP on many nodes', () => {
  it('that was taken away over another node counts no more on the one that had it', async () => {
    const { a, b, set, clear, told } = await open();
    expect(await set(a, 'ci-1')).toMatchObject({ ok: true });
    expect(await set(a, 'ci-2')).toMatchObject({ ok: false, code: 'limit_reached' });
    const before = a.node.counts().timers;
    expect(await clear(b, 'ci-1')).toMatchObject({ ok: true });
    expect(told()).toEqual(['o', 'x']);
    expect(a.node.counts().timers).toBe(before - 1);
    expect(await set(a, 'ci-2')).toMatchObject({ ok: true });
  });

  it('that was set anew over another node is looked after by that alone', async () => {
    const { a, b, set, clock, told } = await open();
    await set(a, 'ci-1');
    await clock.advance(TTL_MS / 2);
    await set(b, 'ci-1');
    expect(await set(a, 'ci-2')).toMatchObject({ ok: true });
    await clock.advance(TTL_MS / 2);
    expect(await b.node.setStatus('bob', 'ci-3', {}, TTL_MS)).toMatchObject({ code: 'limit_reached' });
    expect(told()).toEqual(['o']);
    await clock.advance(TTL_MS);
    expect(told()).toEqual(['x']);
  });

  it('whose node was not told that it was taken away is forgotten there when its line stands again', async () => {
    const { a, b, set, clear, clock } = await open();
    await set(a, 'ci-1');
    a.loseNext(1_000);
    await clear(b, 'ci-1');
    expect(await set(a, 'ci-2')).toMatchObject({ ok: false, code: 'limit_reached' });
    a.loseNext(0);
    a.cutOff();
    await clock.advance(100);
    a.reconnect();
    await clock.advance(2_000);
    expect(await set(a, 'ci-2')).toMatchObject({ ok: true });
  });

  it('of which the store cannot be asked is asked about again', async () => {
    const { a, b, set, clear, clock } = await open();
    await set(a, 'ci-1');
    a.refuseNext(1);
    await clear(b, 'ci-1');
    expect(await set(a, 'ci-2')).toMatchObject({ ok: false, code: 'limit_reached' });
    await clock.advance(RETRY_UNAVAILABLE_MS);
    expect(await set(a, 'ci-2')).toMatchObject({ ok: true });
  });

  it('that could not be taken away ends when it runs out', async () => {
    const { a, set, clear, clock, told } = await open();
    await set(a, 'ci-1');
    a.refuseNext(1);
    expect(await clear(a, 'ci-1')).toMatchObject({ ok: false, code: 'unavailable' });
    expect(told()).toEqual(['o']);
    await clock.advance(TTL_MS);
    expect(told()).toEqual(['x']);
  });

  it('that is just being set anew stays with its node, and ends when it should', async () => {
    const { a, b, set, answered, clear, clock, told } = await open();
    await set(a, 'ci-1');
    await a.node.setStatus('bob', 'ci-1', { s: 'Busy' }, TTL_MS);
    // Held back behind the first, and written behind the clearing.
    const second = a.node.setStatus('bob', 'ci-1', { s: 'Away' }, TTL_MS);
    await clock.settle();
    await b.node.clearStatus('bob', 'ci-1');
    await clock.settle();
    expect(told()).toEqual(['o', 'u', 'x']);
    expect(await answered(second)).toMatchObject({ ok: true });
    expect(told()).toEqual(['o']);
    expect(await set(a, 'ci-2')).toMatchObject({ ok: false, code: 'limit_reached' });
    await clock.advance(TTL_MS);
    expect(told()).toEqual(['x']);
    expect(await clear(a, 'ci-1')).toMatchObject({ ok: true });
    expect(await set(a, 'ci-2')).toMatchObject({ ok: true });
  });
});
