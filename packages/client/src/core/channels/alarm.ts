import { endOverdueCalls, nextDeadlineMs } from './calls.ts';
import { nextFreeMs, overdueAtMs } from './lanes.ts';
import { goDown } from './line-changes.ts';
import type { Machine } from './machine.ts';
import { begin } from './subscribing.ts';

/** When something is due that no message will bring about, by `nowMs`; null: nothing is. */
export function nextAlarmMs(machine: Machine): number | null {
  let atMs = earlier(nextFreeMs(machine), nextDeadlineMs(machine));
  atMs = earlier(atMs, overdueAtMs(machine));
  for (const { phase } of machine.paused) if (phase.name === 'paused') atMs = earlier(atMs, phase.untilMs);
  return atMs;
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** Does what is due. What may be sent again goes out by itself behind every event. */
export function onAlarm(machine: Machine): void {
  const { nowMs } = machine.turn;
  endOverdueCalls(machine);
  for (const subscription of [...machine.paused]) {
    const { phase } = subscription;
    if (phase.name === 'paused' && phase.untilMs <= nowMs) begin(machine, subscription);
  }
  const overdueMs = overdueAtMs(machine);
  if (overdueMs === null || overdueMs > nowMs) return;
  // The server owes a reply that will not come on this line.
  machine.effects.push({ do: 'failLine' });
  goDown(machine, null);
}
