import { expect, it } from 'vitest';
import { createDueQueue } from '../../src/runtime/due-queue.ts';
import { createVirtualClock } from './virtual-clock.ts';

it('[HB1] an item that comes back when it is due does not delay those behind it', async () => {
  const clock = createVirtualClock();
  const due: string[] = [];
  const queue = createDueQueue<string>(clock, 30_000, (item) => {
    due.push(`${item} ${clock.monotonicMs()}`);
    queue.add(item);
  });
  queue.add('a');
  await clock.advance(200);
  queue.add('b');
  await clock.advance(60_100);
  expect(due).toEqual(['a 30000', 'b 30200', 'a 60000', 'b 60200']);
  queue.clear();
  expect(clock.timers).toBe(0);
});
