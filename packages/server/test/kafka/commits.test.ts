import { expect, it } from 'vitest';
import { createCommits } from '../../src/adapters/kafka/commits.ts';
import { type Held, readFrom } from '../../src/adapters/kafka/held.ts';
import { createTroubles } from '../../src/adapters/kafka/troubles.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';
import { quickTiming } from './kafka-kit.ts';

it('of a topic that was made anew the new offsets are committed, although they are lower; the same not twice', async () => {
  const reading = readFrom(1_000, 1_000, 1_000, 0);
  const partition: Held = { topic: 't', partition: 0, mine: true, reading };
  const committed: unknown[] = [];
  const clock = createVirtualClock();
  const commits = createCommits({
    held: new Map([['t/0', partition]]),
    member: () => ({ commit: async (asked: unknown) => void committed.push(asked) }) as never,
    clock,
    timing: quickTiming,
    troubles: createTroubles({ clock, warn: () => undefined }),
    explain: String,
  });
  await commits.flush();
  expect(committed).toEqual([]);
  reading.watermark.done(reading.watermark.bring(0));
  await commits.flush();
  await commits.flush();
  expect(committed).toEqual([{ offsets: [{ topic: 't', partition: 0, offset: 1n, leaderEpoch: -1 }] }]);
});
