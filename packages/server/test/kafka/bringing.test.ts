import { expect, it } from 'vitest';
import { createBringing } from '../../src/adapters/kafka/bringing.ts';
import { type Held, LONGEST_SPAN, readFrom } from '../../src/adapters/kafka/held.ts';
import { createPauses } from '../../src/adapters/kafka/pauses.ts';
import type { Intake } from '../../src/ports/source.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';
import { quickTiming } from './kafka-kit.ts';
import { applied, createGate } from './literal-intake.ts';

it('behind an event that waits for its verdict a partition goes on as far as may be, and behind the verdict to its end', async () => {
  const more = 10;
  const total = LONGEST_SPAN + more;
  const reading = readFrom(0, null, total, 0);
  reading.next = total;
  reading.waiting = Array.from({ length: total }, (_, offset) => ({
    ...{ offset, key: null, value: null, headers: [], timestampMs: 0 },
  }));
  const partition: Held = { topic: 't', partition: 0, mine: true, reading };
  const gate = createGate();
  let taken = 0;
  const intake: Intake = {
    async take({ place }) {
      taken++;
      if (place === 't/0@0') await gate.opened;
      return applied;
    },
  };
  const idle = Promise.withResolvers<void>();
  const bringing = createBringing({
    ...{ held: new Map([['t/0', partition]]), intake, inFlight: 100 },
    deadLetters: { put: () => Promise.resolve(true) },
    pauses: createPauses({ clock: createVirtualClock(), random: () => 0 }, quickTiming),
    signal: new AbortController().signal,
    isStopping: () => false,
    mayBring: () => true,
    onDone() {
      if (reading.watermark.open === 1 && reading.watermark.span === LONGEST_SPAN) idle.resolve();
      bringing.bring();
    },
  });
  bringing.bring();
  await idle.promise;
  expect([taken, reading.watermark.open, reading.watermark.position]).toEqual([LONGEST_SPAN, 1, 0]);
  gate.open();
  await bringing.idle();
  expect([taken, reading.watermark.open, reading.watermark.position]).toEqual([total, 0, total]);
});
