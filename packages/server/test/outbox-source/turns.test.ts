import { describe, expect, it } from 'vitest';
import { createOutboxTurns } from '../../src/adapters/sql/postgres/outbox-turns.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';

/** Whether a promise has resolved once all that was due has run. */
async function hasResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => (resolved = true));
  await createVirtualClock().settle();
  return resolved;
}

describe('the turns of an outbox', () => {
  it('a wake-up while everybody is awake is not lost: who would sleep next does not, and the one after that does', async () => {
    const turns = createOutboxTurns(createVirtualClock());
    turns.wakeOne();
    turns.wakeOne();
    expect(await hasResolved(turns.sleep())).toBe(true);
    expect(await hasResolved(turns.sleep())).toBe(false);
  });

  it('one wake-up wakes one', async () => {
    const turns = createOutboxTurns(createVirtualClock());
    const [first, second] = [turns.sleep(), turns.sleep()];
    turns.wakeOne();
    expect([await hasResolved(first), await hasResolved(second)]).toEqual([true, false]);
  });

  it('a pause ends with its time, and with the end of all', async () => {
    const clock = createVirtualClock();
    const turns = createOutboxTurns(clock);
    const [short, long] = [turns.pause(100), turns.pause(1_000)];
    await clock.advance(99);
    expect(await hasResolved(short)).toBe(false);
    await clock.advance(1);
    expect([await hasResolved(short), await hasResolved(long)]).toEqual([true, false]);
    const asleep = turns.sleep();
    turns.stop();
    expect(await hasResolved(long)).toBe(true);
    expect(await hasResolved(asleep)).toBe(true);
    expect(await hasResolved(turns.sleep())).toBe(true);
    expect(await hasResolved(turns.pause(1_000))).toBe(true);
    expect(turns.stopped()).toBe(true);
    expect(clock.timers).toBe(0);
  });
});
