import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createWatermark, type Mark } from '../../src/adapters/kafka/watermark.ts';

it('the position is the oldest event without a verdict, whatever the order of the verdicts', () => {
  fc.assert(
    fc.property(
      // Gaps between offsets: markers of transactions, and records that were compacted away.
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3_000 }),
      fc.infiniteStream(fc.nat()),
      (gaps, choices) => {
        const watermark = createWatermark(7);
        const open: Mark[] = [];
        let next = 7;
        for (const gap of gaps) {
          open.push(watermark.bring(next));
          next += gap;
          if ((choices.next().value ?? 0) % 2 === 0) settle();
        }
        watermark.passTo(next);
        while (open.length > 0) settle();
        expect(watermark.position).toBe(next);
        expect(watermark.open).toBe(0);

        function settle(): void {
          const [mark] = open.splice((choices.next().value ?? 0) % open.length, 1);
          if (mark === undefined) return;
          watermark.done(mark);
          watermark.done(mark);
          expect(watermark.open).toBe(open.length);
          const oldest = Math.min(...open.map(({ offset }) => offset));
          if (open.length > 0) expect(watermark.position).toBe(oldest);
        }
      },
    ),
    { numRuns: 30 },
  );
});

it('where nothing was brought the position is the start, and goes on over what holds no events', () => {
  const watermark = createWatermark(5);
  expect(watermark.position).toBe(5);
  watermark.passTo(9);
  watermark.passTo(6);
  expect(watermark.position).toBe(9);
});
