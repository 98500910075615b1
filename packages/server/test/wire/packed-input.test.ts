import fc from 'fast-check';
import notepack from 'notepack.io';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fuzzSeed } from './fuzz/seed.ts';
import type { BareClient, Wire } from './scene/bare-client.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { CHANNEL_CONFIG } from './scene/channel-config.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
let bystanders: Bystanders;
beforeAll(async () => {
  scene = await openScene(
    { CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000', CARILLON_LIMITS_MESSAGE_BURST: '1000000' },
    { configModule: CHANNEL_CONFIG },
  );
  bystanders = await openBystanders(scene);
});
afterAll(() => scene.close());

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const ascii = (text: string): string => Buffer.from(text).toString('hex');
const HB = '81 a174 a26862';

describe('a packed connection', () => {
  it.each<[string, string, string]>([
    ['an extension type', `82 a174 a26862 a178 d40000`, 'bad_message'],
    ['a timestamp', 'd6ff00000001', 'bad_message'],
    ['binary data', `82 a174 a26862 a178 c40100`, 'bad_message'],
    ['NaN', `82 a174 a26862 a171 cb7ff8000000000000`, 'bad_message'],
    ['an integer beyond 2^53', `82 a174 a26862 a171 cf0020000000000000`, 'bad_message'],
    ['a key that is a number', `82 a174 a26862 01 02`, 'bad_message'],
    ['a key twice', `82 a174 a26862 a174 a26862`, 'bad_message'],
    ['a list', '90', 'bad_message'],
    ['a number', '07', 'bad_message'],
    ['no bytes', '', 'bad_message'],
    ['two messages in a frame', `${HB}${HB}`, 'bad_message'],
    ['a frame that ends too early', '82 a174 a26862', 'bad_message'],
    ['a list of 4 billion', '82 a174 a26862 a178 ddffffffff', 'bad_message'],
    ['a text that is no UTF-8', '82 a174 a26862 a178 a2c328', 'bad_message'],
    ['4,000 lists in each other', '91'.repeat(4_000), 'bad_message'],
    ['__proto__ in place of the fields', `81 a9${ascii('__proto__')} ${HB}`, 'bad_message'],
    ['a type that nobody knows', '81 a174 a162', 'unknown_type'],
    ['a probe that is no number', '82 a174 a26862 a171 a0', 'bad_message'],
  ])('[PACK2] %s is answered, and goes on', async (_what, frame, code) => {
    const client = await scene.logIn('mallory', {}, { packed: true });
    client.send(bytes(frame));
    await client.settle();
    expect(client.take()).toMatchObject([{ t: 'err', code }]);
    expect(client.closedWith).toBeNull();
  });

  it('[PACK2] a text frame is answered text_unsupported, and on JSON connections a binary one binary_unsupported', async () => {
    const packed = await scene.logIn('packed', {}, { packed: true });
    packed.socket.send('{"t":"hb","q":1}');
    await packed.settle();
    expect(packed.take()).toMatchObject([{ t: 'err', code: 'text_unsupported' }]);
    const text = await scene.logIn('text');
    text.send(bytes(HB));
    await text.settle();
    expect(text.take()).toMatchObject([{ t: 'err', code: 'binary_unsupported' }]);
  });

  it('[LIM1] [PACK2] pays for a large frame by its bytes before it is read, and [MSG4] is closed beyond the limit', async () => {
    const limited = await openScene();
    try {
      const login = await limited.logIn('large', {}, { packed: true });
      // 49 KiB of what is no message: 49 of the 100 that are there at once, and ten for what it was.
      const large = Buffer.concat([Buffer.from('c5c000', 'hex'), Buffer.alloc(49_152)]);
      for (const _ of [1, 2]) login.send(large);
      await login.settle().catch(() => undefined);
      const codes = login.take().map(({ code }) => code);
      expect(codes.slice(0, 2)).toEqual(['bad_message', 'rate_limited']);
      login.send(Buffer.alloc(65_537));
      expect(await login.closed).toMatchObject({ code: 1009 });
    } finally {
      await limited.close();
    }
  });

  it('[PACK1] [PACK2] has for the same messages the same answers and publications as one with JSON', async () => {
    const seed = fuzzSeed();
    let run = 0;
    const note = fc.record({ text: fc.oneof(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 2 })) });
    const message = fc.oneof(
      fc.record({ t: fc.constant('pub'), d: note }),
      fc.record({ t: fc.constant('pub'), d: fc.jsonValue() }),
      fc.record({ t: fc.constant('call'), n: fc.constantFrom('double', 'nobody'), d: fc.jsonValue() }),
      fc.record({ t: fc.constantFrom('hist', 'page', 'members'), n: fc.jsonValue({ maxDepth: 0 }) }),
      fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 1 })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(message.map(plain), { minLength: 10, maxLength: 30 }), async (messages) => {
        run++;
        const told: unknown[][] = [];
        for (const packed of [false, true]) {
          // No random text has it in it.
          const user = `speaks-${packed ? 'messagepack' : 'json'}-${run}`;
          const channel = `chat:${user}`;
          const client: BareClient = await scene.logIn(user, {}, { packed });
          client.send({ t: 'sub', c: channel, i: 1 });
          await client.waitFor('its sub', ({ i }) => i === 1);
          client.take();
          // One by one: what a reading finds would else depend on how far the publications before it have come.
          for (const [at, fields] of messages.entries()) {
            client.send({ c: channel, i: 10 + at, ...fields });
            await client.settle();
            if (!('i' in fields)) await client.waitFor(`answer ${at}`, ({ i }) => i === 10 + at);
          }
          await client.settle();
          told.push(
            client
              .take()
              .map((each) => withoutNames(each, user))
              .toSorted(),
          );
          client.drop();
        }
        expect(told[1]).toEqual(told[0]);
      }),
      { numRuns: 20, endOnFailure: true, ...(seed === undefined ? {} : { seed }) },
    );
    await bystanders.untouched();
  });

  it('[PACK2] random bytes and torn messages end nothing and reach nobody', async () => {
    const seed = fuzzSeed();
    const torn = fc
      .tuple(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      )
      .map(([message, changes]) => {
        const frame = Buffer.from(notepack.encode(message));
        for (const [at, byte] of changes) frame[at % frame.length] = byte;
        return frame;
      });
    const client = await scene.logIn('noise', {}, { packed: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.uint8Array({ maxLength: 80 }), torn), { minLength: 60, maxLength: 60 }),
        async (frames) => {
          for (const frame of frames) client.send(frame);
          await client.settle();
          expect(client.closedWith).toBeNull();
          const answers = client.take();
          expect(answers).toHaveLength(frames.length);
          for (const { t, code } of answers) {
            expect(t).toBe('err');
            expect(['bad_message', 'unknown_type']).toContain(code);
          }
        },
      ),
      { numRuns: 40, endOnFailure: true, ...(seed === undefined ? {} : { seed }) },
    );
    await bystanders.untouched();
  });
});

/** Without what the other implementation does not carry: it writes whole numbers beyond 2^53 as integers. */
function plain(message: object): object {
  return JSON.parse(JSON.stringify(message).replaceAll('"__proto__"', '"proto"'), (_key, value: unknown) =>
    Number.isInteger(value) && !Number.isSafeInteger(value) ? 0.5 : value,
  ) as object;
}

/** What differs between two users and channels for what they are. */
function withoutNames(message: Wire, user: string): string {
  return JSON.stringify({
    ...message,
    ...('e' in message ? { e: '' } : {}),
    ...('ts' in message ? { ts: 0 } : {}),
  })
    .replaceAll(user, 'USER')
    .replace(/"ts":\d+/g, '"ts":0')
    .replace(/"retryAfterMs":\d+/g, '"retryAfterMs":0');
}
