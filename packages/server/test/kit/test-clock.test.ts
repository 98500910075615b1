import { describe, expect, it } from 'vitest';
import { createTestClock } from '../../src/testing/kit/test-clock.ts';

describe('the clock of the test kit', () => {
  it('time stands still, and what takes none happens by itself', async () => {
    const clock = createTestClock();
    const before = clock.nowMs();
    await new Promise<void>((resolve) => void clock.setTimer(0, () => clock.defer(resolve)));
    expect([clock.nowMs() - before, clock.monotonicMs()]).toEqual([0, 0]);
  });

  it('timers fire in the order and at the time that they are due, also those set on the way, and none early', async () => {
    const clock = createTestClock();
    const fired: [string, number][] = [];
    const note = (name: string) => () => void fired.push([name, clock.monotonicMs()]);
    clock.setTimer(20, note('c'));
    clock.setTimer(10, note('a'));
    clock.setTimer(10, note('b'));
    clock.setTimer(5, () => void Promise.resolve().then(() => clock.setTimer(7, note('later'))));
    clock.setTimer(21, note('never'));
    const cancelled = clock.setTimer(15, note('cancelled'));
    cancelled.cancel();
    await clock.advance(20);
    expect(fired).toEqual([
      ['a', 10],
      ['b', 10],
      ['later', 12],
      ['c', 20],
    ]);
    expect(clock.monotonicMs()).toBe(20);
  });

  it('the end of a turn comes behind what is due, and before time passes', async () => {
    const clock = createTestClock();
    const order: string[] = [];
    clock.defer(() => order.push(`turn at ${clock.monotonicMs()}`));
    clock.setTimer(0, () => order.push('due'));
    clock.setTimer(1, () => order.push('later'));
    await clock.advance(1);
    expect(order).toEqual(['due', 'turn at 0', 'later']);
  });

  it('two that advance it wait for one another', async () => {
    const clock = createTestClock();
    let inner = Promise.resolve();
    clock.setTimer(10, () => {
      inner = clock.advance(12);
    });
    await clock.advance(30);
    await inner;
    expect(clock.monotonicMs()).toBe(42);
  });

  it('settling waits for work that takes turns of the event loop', async () => {
    const clock = createTestClock();
    let done = false;
    async function work(): Promise<void> {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => void setImmediate(resolve));
      done = true;
    }
    void clock.during(work());
    await clock.settle();
    expect(done).toBe(true);
  });

  it.each([-1, Number.NaN, Infinity])('%s ms cannot pass', async (ms) => {
    expect(() => createTestClock().advance(ms)).toThrow(RangeError);
  });
});
