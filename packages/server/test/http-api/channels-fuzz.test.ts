import fc from 'fast-check';
import { defineContract, map, signal, stream } from '@carillon/contract';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { apiRoutes } from '../../src/gateways/http-api/routes.ts';
import { fuzzSeed } from '../wire/fuzz/seed.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';

vi.setConfig({ testTimeout: 120_000 /* on a busy machine */ });

const REQUESTS = 2_000;

let s: ServerUnderTest;
beforeAll(async () => {
  s = await startServer({
    config: {
      contract: defineContract({
        channels: {
          'chat:{room}': stream({ data: z.unknown(), durability: 'memory', members: true }),
          'tasks:{user}': map({ data: z.number(), durability: 'memory' }),
          'cursor:{doc}': signal({ data: z.number() }),
        },
        broadcasts: { news: z.string() },
      }),
      authorize: { 'chat:{room}': () => true, 'cursor:{doc}': () => true },
    },
  });
});
afterAll(() => s.close());

const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('chat:1', 'tasks:u', 'u') },
  fc.constantFrom(
    'chat:1',
    'chat:a%20b',
    'tasks:u',
    'cursor:d',
    'nothing:1',
    'u',
    'news',
    '__proto__',
    'x'.repeat(256),
  ),
  fc
    .string({ unit: 'binary', maxLength: 8 })
    .map((each) => each.toWellFormed())
    // `fetch` resolves dots; access.test.ts sends them.
    .filter((each) => !/^\.{1,2}$/.test(each)),
);

/** As a path segment: encoded, half encoded, or not at all. */
const segment = fc.oneof(
  { weight: 6, arbitrary: name.map(encodeURIComponent) },
  { weight: 1, arbitrary: fc.constantFrom('%', '%FF', '%C3%28', '%00', 'chat:1', '*', '{channel}') },
);

const query = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'after',
        'before',
        'limit',
        'since',
        'epoch',
        'reverse',
        'device',
        'mutual',
        'odd',
        '%',
      ),
      fc.oneof(fc.nat(2_000).map(String), fc.constantFrom('true', '-1', '%ZZ', ''), segment),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((pairs) => `?${pairs.map(([key, value]) => `${key}=${value}`).join('&')}`);

/** A method and where it goes: mostly what a route has, its names filled in. */
const target = fc
  .tuple(
    fc.constantFrom(...apiRoutes.filter(({ access }) => access === 'key')),
    fc.oneof(
      { weight: 6, arbitrary: fc.constant(null) },
      fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH'),
    ),
    fc.array(segment, { minLength: 2, maxLength: 2 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant('') }, query),
  )
  .map(([{ method: own, path }, verb, segments, asked]) => {
    const rest = [...segments];
    return { verb: verb ?? own, path: path.replaceAll(/\{\w+\}/g, () => rest.shift() || 'x') + asked };
  });

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('u', 5, null, true, '9'.repeat(300), -1, 2 ** 53),
);

const fields = fc.dictionary(
  fc.constantFrom(
    ...'data del key version ttlMs id expect name channel user users session tokenId input timeoutMs s device method'.split(
      ' ',
    ),
    '__proto__',
  ),
  fc.oneof(value, name, fc.record({ epoch: name, offset: fc.integer() })),
  { maxKeys: 5 },
);

const method = fc.constantFrom(
  'publish',
  'broadcast',
  'subscribe',
  'grant',
  'disconnect',
  'revoke',
  'history',
  'x',
);

const body = fc.oneof(
  { weight: 1, arbitrary: fc.constant(undefined) },
  { weight: 6, arbitrary: fields },
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.tuple(method, fields).map(([each, more]) => ({ ...more, method: each })),
        { maxLength: 5 },
      )
      .map((requests) => ({ requests })),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.constant('['.repeat(9_000))),
  },
);

it('no request about channels is answered with a failure of the server, or otherwise than the document says', async () => {
  const seed = fuzzSeed();
  const counts = { served: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(target, body, async ({ verb, path }, sent) => {
      const content = typeof sent === 'object' ? JSON.stringify(sent) : sent;
      const { status, body: answer } = await s.api(verb, path, verb === 'GET' ? undefined : content);
      expect(status, JSON.stringify(answer)).not.toBe(500);
      // In a batch a failure of the server would stand beside the others.
      expect(JSON.stringify(answer)).not.toContain('"code":"internal"');
      counts[status < 300 ? 'served' : 'refused']++;
    }),
    { numRuns: REQUESTS, ...(seed === undefined ? {} : { seed }) },
  );
  expect(counts.served).toBeGreaterThan(REQUESTS / 20);
  expect(counts.refused).toBeGreaterThan(REQUESTS / 5);
  expect(s.logged.filter(({ event }) => event === 'request_failed')).toEqual([]);
});
