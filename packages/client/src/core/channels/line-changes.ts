import type { RefusalCode } from '../events.ts';
import { groundAll, refuseAll } from './lanes.ts';
import type { Machine } from './machine.ts';
import { newPace } from './pace.ts';
import { enter } from './phases.ts';
import { begin } from './subscribing.ts';

/** A new connection: it knows of no subscription until it is told of each ([CHN6]). */
export function goLive(machine: Machine, socket: number, session: string | null): void {
  if (machine.line.name === 'live') goDown(machine, null);
  machine.line = { name: 'live', socket, session };
  // What the server counts it counts for each connection.
  Object.assign(machine.pace, newPace());
  Object.assign(machine.requests.pace, newPace());
  // Subscriptions first: what is published is to be seen coming back.
  const waiting = [machine.requests, ...machine.waiting];
  machine.waiting.clear();
  for (const lane of waiting) machine.waiting.add(lane);
  for (const subscription of machine.subscriptions.values())
    if (subscription.phase.name !== 'failed') begin(machine, subscription);
}

/** There is no line; `stopped`: and there will be none before the app acts. */
export function goDown(machine: Machine, stopped: RefusalCode | null, moving = false): void {
  const wasLive = machine.line.name === 'live';
  machine.line = { name: 'down', stopped };
  if (stopped !== null) refuseAll(machine, stopped);
  else if (wasLive) groundAll(machine);
  machine.served.clear();
  machine.paused.clear();
  for (const subscription of machine.subscriptions.values()) {
    if (subscription.phase.name === 'failed') continue;
    subscription.heals = 0;
    subscription.moving = moving && subscription.told.status === 'live';
    enter(machine, subscription, { name: 'waiting' });
  }
}
