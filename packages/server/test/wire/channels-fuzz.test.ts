import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fuzzSeed } from './fuzz/seed.ts';
import type { BareClient, Wire } from './scene/bare-client.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { CHANNEL_CONFIG } from './scene/channel-config.ts';
import { openScene, type Scene } from './scene/scene.ts';

/** The channels that are fuzzed and that somebody follows meanwhile. */
const FOLLOWED = ['chat:a', 'kept:a', 'board:a'];

const RUNS = 100;
/** Frames that are sent at once: fewer than a connection may have waiting ([PUB5]). */
const AT_ONCE = 50;

let scene: Scene;
let bystanders: Bystanders;
let follower: BareClient;
beforeAll(async () => {
  scene = await openScene(
    {
      CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000',
      CARILLON_LIMITS_MESSAGE_BURST: '1000000',
      CARILLON_LIMITS_NEW_SESSION_BURST: '1000000',
    },
    { configModule: CHANNEL_CONFIG },
  );
  bystanders = await openBystanders(scene);
  follower = await scene.logIn('follower');
});
afterAll(() => scene.close());

const channel = fc.constantFrom(
  ...FOLLOWED,
  'cursor:a',
  'quiet:a',
  'closed:a',
  'tasks:mallory',
  'tasks:alice',
  'news',
);
const offset = fc.integer({ min: 0, max: 30 });
const epoch = fc.constantFrom('e', 'never');
const key = fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor');
const id = fc.constantFrom('a', 'b');
const note = fc.record(
  { text: fc.string({ maxLength: 12 }), tags: fc.array(fc.string(), { maxLength: 2 }) },
  { requiredKeys: ['text'] },
);
const page = { c: channel, n: fc.integer({ min: 1, max: 1_000 }) };

function frame(
  t: string,
  fields: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  required: string[],
): fc.Arbitrary<object> {
  return fc.record<Record<string, unknown>>(
    { t: fc.constant(t), ...fields },
    { requiredKeys: ['t', ...required] },
  );
}

const good: fc.Arbitrary<object> = fc.oneof(
  { weight: 5, arbitrary: frame('pub', { c: channel, d: note }, ['c', 'd']) },
  { weight: 2, arbitrary: frame('pub', { c: channel, d: note, id }, ['c', 'd']) },
  { weight: 3, arbitrary: frame('pub', { c: channel, d: note, k: key }, ['c', 'd', 'k']) },
  {
    weight: 5,
    arbitrary: frame(
      'pub',
      {
        c: channel,
        d: note,
        k: key,
        del: fc.boolean(),
        ver: offset,
        ttl: fc.integer({ min: 0, max: 1_000 }),
        id,
        e: epoch,
        o: offset,
        echo: fc.boolean(),
      },
      ['c'],
    ),
  },
  {
    weight: 4,
    arbitrary: frame(
      'sub',
      {
        c: channel,
        e: epoch,
        o: offset,
        last: offset,
        since: offset,
        n: page.n,
        g: fc.string({ minLength: 1 }),
      },
      ['c'],
    ),
  },
  { weight: 2, arbitrary: frame('unsub', { c: channel }, ['c']) },
  { weight: 2, arbitrary: frame('hist', { ...page, e: epoch, o: offset, rev: fc.boolean() }, ['c']) },
  { weight: 2, arbitrary: frame('page', { ...page, k: key }, ['c']) },
  { weight: 1, arbitrary: frame('members', { ...page, k: key }, ['c']) },
  {
    weight: 1,
    arbitrary: frame(
      'call',
      { n: fc.constantFrom('double', 'nothing', 'brief'), d: fc.integer(), ms: offset },
      ['n'],
    ),
  },
);

/** A good frame, or one with a field of it replaced by anything. */
const input = fc.oneof(
  { weight: 2, arbitrary: good },
  {
    weight: 1,
    arbitrary: fc.tuple(good, fc.nat(), fc.jsonValue({ maxDepth: 3 })).map(([message, at, value]) => {
      const names = Object.keys(message).slice(1);
      return { ...message, [names[at % names.length] ?? 'c']: value };
    }),
  },
);

/** Follows the channels, and takes note of where each stands. */
async function follow(): Promise<Map<string, number>> {
  const tops = new Map<string, number>();
  for (const [at, name] of FOLLOWED.entries()) {
    follower.send(`{"t":"sub","i":${at},"c":"${name}"}`);
    const { o } = await follower.waitFor(`the answer of ${name}`, ({ t, i }) => t === 'ok' && i === at);
    tops.set(name, o as number);
  }
  return tops;
}

/** Publications come in their order, none twice and none left out, and hold what the schema lets through ([REC3], [CHN5]). */
function advance(tops: Map<string, number>, messages: readonly Wire[]): void {
  for (const { t, c, o, d, del } of messages) {
    if (t !== 'p') continue;
    expect(o, `the next of ${String(c)}`).toBe((tops.get(c as string) ?? 0) + 1);
    tops.set(c as string, o as number);
    if (del !== true) expect((d as { text: string }).text.length).toBeLessThanOrEqual(10);
  }
}

it(
  '[MSG5] [ERR1] [REC3] each of 5,000 random requests about channels and calls gets one answer, and who follows the channels has each publication once',
  { timeout: 120_000 },
  async () => {
    const seed = fuzzSeed();
    const codes = new Map<string, number>();
    const tops = await follow();
    await fc.assert(
      fc.asyncProperty(fc.array(input, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (messages) => {
        const mallory = await scene.logIn('mallory');
        const answered = new Map<unknown, number>();
        const all = Promise.withResolvers<void>();
        mallory.onMessage = ({ t, i, code }) => {
          if (t !== 'ok' && t !== 'err') return;
          answered.set(i, (answered.get(i) ?? 0) + 1);
          const word = t === 'ok' ? 'ok' : (code as string);
          codes.set(word, (codes.get(word) ?? 0) + 1);
          if (answered.size === messages.length) all.resolve();
        };
        for (const [i, message] of messages.entries()) mallory.send({ ...message, i });
        await Promise.race([
          all.promise,
          mallory.waitFor('an answer to each', () => answered.size === messages.length),
        ]);
        await mallory.settle();
        expect([...answered.values()].every((count) => count === 1)).toBe(true);
        await follower.settle();
        advance(tops, follower.take());
        await bystanders.untouched();
        mallory.send('{"t":"logout"}');
        await mallory.closed;
      }),
      { numRuns: RUNS, endOnFailure: true, ...(seed === undefined ? {} : { seed }) },
    );
    // It came to something, and nothing of it failed inside the server.
    for (const [name, top] of tops) expect(top, name).toBeGreaterThan(RUNS / 20);
    for (const code of [
      'ok',
      'bad_message',
      'forbidden',
      'kind_mismatch',
      'payload_invalid',
      'conflict',
      'id_reused',
    ])
      expect(codes.get(code) ?? 0, code).toBeGreaterThan(0);
    expect([codes.get('internal'), codes.get('unavailable')]).toEqual([undefined, undefined]);
  },
);
