import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createKeyedRate } from '../../src/runtime/keyed-rate.ts';

it('a key has its burst at once, then one each interval, and whoever waits as told is let in', () => {
  for (const perSecond of [1, 3, 7, 200]) {
    const rate = createKeyedRate({ perSecond, burst: 100 });
    let nowMs = 1_234.5;
    for (let i = 0; i < 100; i++) expect(rate.take('bob', nowMs), `${perSecond} a second, ${i}`).toBe(0);
    for (let i = 0; i < 20; i++) {
      const waitMs = rate.take('bob', nowMs);
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(Math.ceil(1000 / perSecond));
      expect(rate.take('bob', nowMs), 'what is refused costs nothing').toBe(waitMs);
      expect(rate.take('bob', nowMs + waitMs - 1)).toBeGreaterThan(0);
      nowMs += waitMs;
      expect(rate.take('bob', nowMs)).toBe(0);
    }
  }
});

it('each key gets what a token bucket of its own would give it, whatever is forgotten meanwhile', () => {
  const limit = fc.record({
    perSecond: fc.integer({ min: 1, max: 20 }),
    burst: fc.integer({ min: 1, max: 8 }),
  });
  const take = fc.record({
    key: fc.integer({ min: 0, max: 5 }),
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })),
  });
  fc.assert(
    fc.property(limit, fc.array(take, { maxLength: 120 }), ({ perSecond, burst }, takes) => {
      const rate = createKeyedRate({ perSecond, burst });
      // In thousandths of a token, which whole milliseconds fill exactly.
      const buckets = new Map<number, { millis: number; atMs: number }>();
      let nowMs = 0;
      for (const { key, afterMs } of takes) {
        nowMs += afterMs;
        const bucket = buckets.get(key) ?? { millis: burst * 1000, atMs: nowMs };
        bucket.millis = Math.min(burst * 1000, bucket.millis + (nowMs - bucket.atMs) * perSecond);
        bucket.atMs = nowMs;
        const expected = bucket.millis >= 1000 ? 0 : Math.ceil((1000 - bucket.millis) / perSecond);
        if (expected === 0) bucket.millis -= 1000;
        buckets.set(key, bucket);
        expect(rate.take(String(key), nowMs)).toBe(expected);
      }
    }),
  );
});

it('full buckets are forgotten: what is kept follows who takes, not who ever took', () => {
  const rate = createKeyedRate({ perSecond: 1, burst: 10 });
  for (let i = 0; i < 10_000; i++) rate.take(`user ${i}`, 0);
  expect(rate.size).toBe(10_000);
  // Nobody comes twice, each bucket is full again after a second, and each take looks at two.
  let nowMs = 0;
  for (let i = 0; i < 10_000; i++) rate.take(`later ${i}`, (nowMs += 100));
  expect(rate.size).toBeLessThan(50);
});

it('buckets that are long in filling keep none of the others', () => {
  const rate = createKeyedRate({ perSecond: 1, burst: 1_000 });
  for (let i = 0; i < 3_000; i++) rate.take(`storm ${i % 3}`, 0);
  for (let i = 0; i < 500; i++) rate.take(`user ${i}`, 0);
  for (let i = 0; i < 600; i++) rate.take('bob', 2_000 + i);
  expect(rate.size).toBe(4);
  expect(rate.take('storm 0', 2_600)).toBe(0);
  expect(rate.take('storm 0', 2_600)).toBe(0);
  expect(rate.take('storm 0', 2_600)).toBe(400);
});
