import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fuzzSeed } from './fuzz/seed.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
let bystanders: Bystanders;
beforeAll(async () => {
  scene = await openScene();
  bystanders = await openBystanders(scene);
});
afterAll(() => scene.close());

const REQUESTS = 3_000;

/** A user as a path segment: encoded, half encoded, or not at all. */
const segment = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }).map((each) => encodeURIComponent(each.toWellFormed())),
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 6 })
    .map((each) => encodeURIComponent(each.toWellFormed())),
  fc.constantFrom(
    'a',
    'b',
    '%',
    '%ff',
    '%00',
    '%C3%28',
    '..',
    '.',
    '%2E%2E',
    '%2F',
    'a%2Fb',
    '__proto__',
    '*',
    ':user',
    '{a}',
    ';',
    'x'.repeat(300),
  ),
);

const path = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        segment,
        fc.constantFrom('', '/follows', '/presence', '/status', '/export', '/roster/refresh', '/nothing'),
      )
      .map(([user, rest]) => `/v1/users/${user}${rest}`),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(segment, fc.constantFrom('follows', 'blocks', 'close'), segment)
      .map((parts) => `/v1/users/${parts.join('/')}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/v1/import',
      '/v1',
      '/',
      '/health',
      '/ready',
      '/metrics',
      '/ws',
      '/admin',
      '/v1//users',
      '/v1/users/',
      '/dev/logins',
    ),
  },
  { weight: 1, arbitrary: fc.array(segment, { maxLength: 5 }).map((parts) => `/${parts.join('/')}`) },
);

const body = fc.oneof(
  fc.constant(undefined),
  fc.json({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .record(
      {
        s: fc.constantFrom('Busy', 'Online', 'Invisible', 'busy'),
        a: fc.string(),
        ttlMs: fc.oneof(fc.integer(), fc.double()),
        device: fc.string(),
      },
      { requiredKeys: [] },
    )
    .map((each) => JSON.stringify(each)),
  fc.constantFrom('['.repeat(8_000), 'x'.repeat(40_000), 'a,b\n', 'a,b,c\n', '"a\n', '\u001f\u008b'),
);

it('no request is answered with a failure of the server, and each refusal has its code', async () => {
  const seed = fuzzSeed();
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'),
      path,
      body,
      async (method, target, content) => {
        const reply = await scene.server.api(method, target, content);
        expect(reply.status, JSON.stringify(reply.body)).not.toBe(500);
        if (target === '/ready' || reply.status < 400 || method === 'HEAD') return;
        refused++;
        expect(reply.body).toEqual({
          error: {
            code: expect.any(String),
            message: expect.any(String),
            ...(reply.status === 503 || reply.status === 429 ? { retryAfterMs: expect.any(Number) } : {}),
          },
        });
      },
    ),
    { numRuns: REQUESTS, ...(seed === undefined ? {} : { seed }) },
  );
  expect(refused).toBeGreaterThan(REQUESTS / 10);
  await bystanders.untouched();
});
