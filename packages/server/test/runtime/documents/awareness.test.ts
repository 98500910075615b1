import { describe, expect, it } from 'vitest';
import type { ChannelSpec } from '../../../src/core/channel/channel-spec.ts';
import { type ChannelHarnessOptions, createChannelHarness } from '../channels/channel-harness.ts';
import type { BareClient, Harness, Wire } from '../harness.ts';
import { change, DOCUMENT, documentPorts, documentSpec } from './document-harness.ts';

type Item = { readonly cl: number; readonly n: number; readonly by?: string; readonly d?: unknown };

/** What was told of where people are since the last time: `by@cl state`, `-cl` where it is over, `*` before what is everybody. */
function told(client: BareClient): string[][] {
  return client.take().flatMap((message) => (message.t === 'aw' ? [itemsOf(message)] : []));
}

function itemsOf({ ss, all }: Wire): string[] {
  const items = (ss as readonly Item[]).map(({ cl, by, d }) =>
    d === undefined ? `-${cl}` : `${String(by)}@${cl} ${JSON.stringify(d)}`,
  );
  return all === true ? ['*', ...items] : items;
}

async function scene(
  changes: Partial<ChannelSpec> = {},
  options: ChannelHarnessOptions = {},
): Promise<Harness & { join(user: string, names: readonly number[], extra?: object): Promise<BareClient> }> {
  const harness = await createChannelHarness({
    channels: [documentSpec('doc:{id}', changes)],
    decide: () => ({ allow: true, untilMs: null, role: 'read' }),
    ...options,
    settings: { heartbeatMs: 3_600_000, ...options.settings },
    ports: documentPorts,
  });
  const { logIn, clock } = harness;
  return {
    ...harness,
    async join(user, cl, extra = {}) {
      const client = await logIn(user, extra);
      client.send({ t: 'sub', c: 'doc:1', cl, i: 1 });
      await clock.settle();
      return client;
    },
  };
}

const at = (cl: number, n: number, d?: unknown, i?: number): object => ({ t: 'aw', c: 'doc:1', cl, n, d, i });

describe('[DOC6] awareness', () => {
  it('whoever joins is told of everybody behind the `ok`, also where nobody is there', async () => {
    const { join, clock } = await scene();
    const ann = await join('ann', [1]);
    expect(ann.received.map(({ t }) => t).slice(-2)).toEqual(['ok', 'aw']);
    expect(told(ann)).toEqual([['*']]);
    ann.send(at(1, 1, { x: 1 }));
    await clock.settle();
    const bob = await join('bob', [2]);
    expect(told(bob)).toEqual([['*', 'ann@1 {"x":1}']]);
  });

  it('the first goes out at once, to the sender too; what follows in the interval in one message, the latest of each', async () => {
    const { join, clock } = await scene();
    const [ann, bob] = [await join('ann', [1]), await join('bob', [2])];
    told(ann);
    told(bob);
    ann.send(at(1, 1, { x: 1 }));
    await clock.settle();
    expect(told(ann)).toEqual([['ann@1 {"x":1}']]);
    for (let n = 2; n < 10; n++) ann.send(at(1, n, { x: n }));
    bob.send(at(2, 1, { y: 1 }));
    await clock.advance(49);
    expect(told(bob)).toEqual([['ann@1 {"x":1}']]);
    await clock.advance(1);
    for (const client of [ann, bob]) expect(told(client)).toEqual([['ann@1 {"x":9}', 'bob@2 {"y":1}']]);
  });

  it('a higher clock takes the place of a lower; the end counts at the clock of the state; each is answered', async () => {
    const { join, clock } = await scene();
    const ann = await join('ann', [1]);
    told(ann);
    for (const [n, d, expected] of [
      [5, { x: 5 }, [['ann@1 {"x":5}']]],
      [4, { x: 4 }, []],
      [5, { x: 0 }, []],
      [4, undefined, []],
      [5, undefined, [['-1']]],
      [5, { x: 5 }, []],
      [6, { x: 6 }, [['ann@1 {"x":6}']]],
    ] as const) {
      ann.send(at(1, n, d, 7));
      await clock.advance(50);
      expect(ann.last('ok')).toMatchObject({ i: 7 });
      expect(told(ann), `clock ${n}`).toEqual(expected);
    }
  });

  it('what is told has a clock of the server that only rises, so that everybody can follow it', async () => {
    const { join, clock } = await scene();
    const bob = await join('bob', []);
    const clocks: number[] = [];
    for (let round = 0; round < 4; round++) {
      const ann = await join('ann', [1]);
      for (const n of [1, 2]) {
        ann.send(at(1, n, { n }));
        await clock.advance(50);
      }
      ann.send({ t: 'logout' });
      await clock.advance(50);
    }
    let last: Item | undefined;
    for (const message of bob.received.filter(({ t }) => t === 'aw'))
      for (const item of message['ss'] as readonly Item[]) {
        if (last !== undefined && item.d !== undefined) expect(item.n).toBeGreaterThan(last.n);
        if (item.d === undefined) expect(item.n).toBeGreaterThanOrEqual(last?.n ?? 0);
        clocks.push(item.n);
        last = item;
      }
    expect(clocks).toHaveLength(12);
  });

  it('nobody speaks for another: by no client id that was not named, nor by one that another has, also in their grace', async () => {
    const { join, clock, node } = await scene();
    const ann = await join('ann', [1]);
    ann.send(at(1, 1, { x: 1 }));
    await clock.settle();
    const bob = await join('bob', [1]);
    expect(bob.last('err')).toMatchObject({ i: 1, code: 'client_id_taken' });
    expect(node.counts().subscriptions).toBe(1);
    bob.send({ t: 'sub', c: 'doc:1', cl: [2], i: 2 });
    await clock.settle();
    bob.send({ t: 'sub', c: 'doc:1', cl: [2, 1], i: 3 });
    await clock.settle();
    expect(bob.last('err')).toMatchObject({ i: 3, code: 'client_id_taken' });
    bob.send(at(1, 9, { x: 'bob' }, 4));
    bob.send(at(3, 9, { x: 'bob' }, 5));
    bob.send(at(2, 9, { x: 'bob' }, 6));
    await clock.advance(100);
    expect(bob.received.filter(({ t }) => t === 'err').map(({ i, code }) => [i, code])).toEqual([
      [1, 'client_id_taken'],
      [3, 'client_id_taken'],
      [4, 'client_id_taken'],
      [5, 'client_id_taken'],
    ]);
    expect(told(ann).flat()).toEqual(['*', 'ann@1 {"x":1}', 'bob@2 {"x":"bob"}']);
    ann.drop();
    await clock.settle();
    bob.send({ t: 'sub', c: 'doc:1', cl: [1], i: 8 });
    await clock.settle();
    expect(bob.last('err')).toMatchObject({ i: 8, code: 'client_id_taken' });
  });

  it('a client id that others wrote the document by is not spoken by', async () => {
    const { join, clock } = await scene(
      {},
      { decide: () => ({ allow: true, untilMs: null, role: 'write' }) },
    );
    const ann = await join('ann', []);
    ann.send({ t: 'upd', c: 'doc:1', d: change(7, 0), i: 2 });
    await clock.settle();
    ann.send({ t: 'logout' });
    await clock.settle();
    const bob = await join('bob', [7]);
    expect(bob.last('err')).toMatchObject({ i: 1, code: 'client_id_taken' });
  });

  it('a state is an object, up to its size and rate', async () => {
    const { join, clock } = await scene({
      document: { ...DOCUMENT, awarenessUnits: 20, awarenessRate: { perSecond: 1, burst: 6 } },
    });
    const ann = await join('ann', [1]);
    const fits = { x: 'x'.repeat(12) };
    expect(JSON.stringify(fits)).toHaveLength(20);
    ann.send(at(1, 1, fits, 1));
    ann.send(at(1, 2, { x: 'x'.repeat(13) }, 2));
    ann.send(at(1, 3, [1], 3));
    ann.send(at(1, 4, 'x', 4));
    ann.send(at(1, 5, null, 5));
    ann.send(at(1, 6, {}, 6));
    ann.send(at(1, 7, {}, 7));
    await clock.settle();
    expect(ann.last('ok')).toMatchObject({ i: 6 });
    expect(ann.received.filter(({ t }) => t === 'err').map(({ i, code }) => [i, code])).toEqual([
      [2, 'too_large'],
      [3, 'bad_message'],
      [4, 'bad_message'],
      [5, 'bad_message'],
      [7, 'rate_limited'],
    ]);
    expect(ann.last('err')).toMatchObject({ retryAfterMs: 1_000 });
    await clock.advance(1_000);
    ann.send(at(1, 8, {}, 8));
    await clock.settle();
    expect(ann.last('ok')).toMatchObject({ i: 8 });
  });

  it('is none of who is not in the document, nor of what is no document', async () => {
    const { logIn, clock } = await scene();
    const ann = await logIn('ann');
    ann.send(at(1, 1, {}, 1));
    await clock.settle();
    expect(ann.last('err')).toMatchObject({ i: 1, code: 'not_subscribed' });
  });

  it('stays while a line is down, and goes with the session, with the subscription, and with the client id', async () => {
    for (const end of ['grace', 'logout', 'unsub', 'rename'] as const) {
      const { join, clock } = await scene();
      const bob = await join('bob', [2]);
      const ann = await join('ann', [1]);
      ann.send(at(1, 1, { x: 1 }));
      await clock.advance(100);
      told(bob);
      if (end === 'grace') {
        ann.drop();
        await clock.advance(59_000);
        expect(told(bob).flat()).not.toContain('-1');
        await clock.advance(2_000);
      } else if (end === 'rename') ann.send({ t: 'sub', c: 'doc:1', cl: [3], i: 2 });
      else ann.send(end === 'logout' ? { t: 'logout' } : { t: 'unsub', c: 'doc:1' });
      await clock.advance(100);
      const rest = told(bob).flat();
      expect(rest.slice(-1), end).toEqual(['-1']);
      expect(rest.filter((item) => item === '-1')).toHaveLength(1);
    }
  });

  it('is told anew before clients of Yjs would let go of it, for those too whose line is down', async () => {
    const { join, clock } = await scene();
    const bob = await join('bob', [2]);
    const ann = await join('ann', [1]);
    ann.send(at(1, 1, { x: 1 }));
    await clock.settle();
    ann.drop();
    told(bob);
    for (let passed = 0; passed < 50_000; passed += 29_900) {
      await clock.advance(29_900);
      expect(told(bob).flat()).toContain('ann@1 {"x":1}');
    }
  });

  it("is handed over to the user's new session, and does not go with the old one", async () => {
    const { join, clock } = await scene();
    const bob = await join('bob', [2]);
    const before = await join('ann', [1]);
    before.send(at(1, 40, { x: 1 }));
    await clock.advance(100);
    before.drop();
    const after = await join('ann', [1]);
    await clock.advance(70_000);
    expect(told(bob).flat()).not.toContain('-1');
    expect(told(after).flat()).toContain('ann@1 {"x":1}');
    after.send(at(1, 1, { x: 2 }));
    await clock.advance(100);
    expect(told(bob)).toEqual([['ann@1 {"x":2}']]);
  });

  it('nobody is told of who is invisible: they disappear, nothing of theirs shows, and they come back', async () => {
    const { join, clock } = await scene();
    const bob = await join('bob', [2]);
    const ann = await join('ann', [1]);
    ann.send(at(1, 1, { x: 1 }));
    await clock.advance(100);
    told(bob);
    ann.send({ t: 'statusUpdate', s: 'Invisible' });
    await clock.advance(100);
    expect(told(bob)).toEqual([['-1']]);
    ann.send(at(1, 2, { x: 2 }, 9));
    await clock.advance(25_000);
    expect(ann.last('ok')).toMatchObject({ i: 9 });
    expect(told(bob)).toEqual([]);
    expect(told(await join('cat', [3]))).toEqual([['*']]);
    ann.send({ t: 'statusUpdate', s: 'Online' });
    await clock.advance(100);
    expect(told(bob).flat()).toEqual(['ann@1 {"x":2}']);
    const hidden = await join('dan', [4], { s: 'Invisible' });
    hidden.send(at(4, 1, { x: 4 }));
    await clock.advance(100);
    expect(told(bob)).toEqual([]);
  });

  it('a connection that does not read is owed the latest of each, not a message for every interval', async () => {
    const { join, clock, node } = await scene();
    const slow = await join('slow', [9]);
    const [ann, bob] = [await join('ann', [1]), await join('bob', [2])];
    told(slow);
    slow.stall();
    for (let n = 1; n < 200; n++) {
      ann.send(at(1, n, { x: n }));
      if (n < 3) bob.send(at(2, n, { y: n }));
      await clock.advance(60);
    }
    expect(node.counts().heldUnits).toBeLessThan(2_000);
    const writes = slow.writes;
    slow.read();
    await clock.settle();
    const messages = told(slow);
    expect(messages.flat().filter((item) => item.startsWith('ann'))).toContain('ann@1 {"x":199}');
    expect(messages.flat()).toContain('bob@2 {"y":2}');
    expect(messages.length).toBeLessThan(6);
    expect(slow.writes - writes).toBeLessThan(3);
  });

  it('the interval grows to twice as long where many speak to many', async () => {
    const { join, clock } = await scene();
    const people = await Promise.all(Array.from({ length: 110 }, (_, i) => join(`u${i}`, [i])));
    const [first] = people as [BareClient];
    for (let n = 1; n < 80; n++) {
      for (const [i, client] of people.entries()) client.send(at(i, n, { n }));
      await clock.advance(25);
    }
    const flushes = first.received.filter(
      ({ t, all, ss }) => t === 'aw' && all !== true && (ss as []).length > 50,
    );
    // Two seconds: forty intervals as the contract says, twenty twice as long.
    expect(flushes.length).toBeGreaterThan(15);
    expect(flushes.length).toBeLessThan(24);
  });

  it('so many client ids of one session, and of one document', async () => {
    const { join, clock } = await scene();
    const names = (from: number, count: number): number[] =>
      Array.from({ length: count }, (_, i) => from + i);
    expect((await join('ann', names(0, 16))).last('ok')).toMatchObject({ i: 1 });
    expect((await join('ann', names(100, 17))).last('err')).toMatchObject({ i: 1, code: 'bad_message' });
    // 125 sessions of 16 are the 2,000 of a document.
    for (let s = 1; s < 125; s++)
      expect((await join(`u${s}`, names(1_000 + 16 * s, 16))).last('ok')).toMatchObject({ i: 1 });
    // They are let in all the same: it is no reason not to read.
    const late = await join('late', [99_999]);
    expect(late.last('ok')).toMatchObject({ i: 1 });
    late.send(at(99_999, 1, {}, 2));
    await clock.settle();
    expect(late.last('err')).toMatchObject({ i: 2, code: 'limit_reached' });
    expect((await join('silent', [])).last('ok')).toMatchObject({ i: 1 });
  });

  it('leaves no timer and nothing of it behind', async () => {
    const { join, clock, node } = await scene();
    const before = node.counts().timers;
    for (let i = 0; i < 3; i++) {
      const ann = await join('ann', [1]);
      ann.send(at(1, 1, { x: 1 }));
      ann.send(at(1, 2, { x: 2 }));
      await clock.settle();
      ann.send({ t: 'logout' });
      await clock.settle();
    }
    await clock.advance(60_000);
    expect(node.counts()).toMatchObject({ timers: before, channels: 0 });
    await node.stop();
    expect(clock.timers).toBe(0);
  });
});
