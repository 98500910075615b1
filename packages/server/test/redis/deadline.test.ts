import { describe, expect, it } from 'vitest';
import { createDeadline } from '../../src/adapters/redis/deadline.ts';
import type { Clock } from '../../src/ports/clock.ts';

/** A clock whose turns are taken by hand: timers first, then what is read, then what was deferred. */
function handClock() {
  let nowMs = 0;
  let timers: { dueMs: number; fire: () => void }[] = [];
  const deferred: (() => void)[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    setTimer(delayMs, fire) {
      const timer = { dueMs: nowMs + delayMs, fire };
      timers.push(timer);
      return { cancel: () => (timers = timers.filter((one) => one !== timer)) };
    },
    defer: (run) => void deferred.push(run),
  };
  return {
    clock,
    armed: () => timers.length,
    /** @param read what is read in the turn in which timers fire */
    pass(ms: number, read: () => void = () => undefined): void {
      const untilMs = nowMs + ms;
      for (;;) {
        const next = timers.toSorted((one, other) => one.dueMs - other.dueMs)[0];
        if (next === undefined || next.dueMs > untilMs) break;
        timers = timers.filter((one) => one !== next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.fire();
        if (next.dueMs === untilMs) read();
        for (const run of deferred.splice(0)) run();
      }
      nowMs = untilMs;
    },
  };
}

describe('the deadline of the oldest command in flight', () => {
  it('passes once nothing was answered for the time given, at most a quarter later', () => {
    const time = handClock();
    let expired = 0;
    const deadline = createDeadline(time.clock, 1_000, () => expired++);
    deadline.sent();
    time.pass(999);
    expect(expired).toBe(0);
    time.pass(1);
    expect(expired).toBe(1);
    time.pass(10_000);
    expect(expired).toBe(1);
    const later = createDeadline(time.clock, 1_000, () => expired++);
    later.sent();
    time.pass(1);
    later.answered();
    later.sent();
    time.pass(1_000);
    expect(expired).toBe(1);
    time.pass(250);
    expect(expired).toBe(2);
  });

  it('does not pass while each is answered in time, and does where answers come that are too late', () => {
    for (const [inFlight, passes] of [
      [8, 0],
      [50, 1],
    ] as const) {
      const time = handClock();
      let expired = 0;
      const deadline = createDeadline(time.clock, 1_000, () => expired++);
      for (let i = 0; i < inFlight; i++) deadline.sent();
      // Answers come in the order of the commands, one each 100 ms.
      for (let i = 0; i < 50; i++) {
        time.pass(100);
        deadline.answered();
        deadline.sent();
      }
      expect([inFlight, expired]).toEqual([inFlight, passes]);
    }
  });

  it('answers that wait to be read in the very turn in which it would pass count', () => {
    const time = handClock();
    let expired = 0;
    const deadline = createDeadline(time.clock, 1_000, () => expired++);
    deadline.sent();
    time.pass(1_000, () => deadline.answered());
    expect(expired).toBe(0);
  });

  it('keeps no timer while nothing is in flight, nor once it was stopped', () => {
    const time = handClock();
    const deadline = createDeadline(time.clock, 1_000, () => expect.unreachable());
    deadline.sent();
    deadline.answered();
    time.pass(250);
    expect(time.armed()).toBe(0);
    deadline.sent();
    expect(time.armed()).toBe(1);
    deadline.stop();
    expect(time.armed()).toBe(0);
    time.pass(5_000);
  });
});
