import type { Err, Ok } from '@carillon/protocol';
import type { RefusalCode } from '../events.ts';
import type { Flight, Lane, Machine, Request } from './machine.ts';
import { failedForNow, isFree, passed, refused, sent } from './pace.ts';

/**
 * A message of more characters is counted before it is read, and its refusal names no request ([LIM1]). At most one is
 * under way at a time, so that such a refusal can only be meant for it.
 */
export const LARGE_UNITS = 4096;

/** Requests under way at once, calls apart: with the server's burst of 100 few are refused together ([LIM1]). */
const UNDER_WAY_AT_ONCE = 32;

/** A reply that has not come after so long will not on this line, ms: an `authorize` rule may take its time. */
export const REPLY_TIMEOUT_MS = 30_000;

export function enqueue(machine: Machine, lane: Lane, request: Request): void {
  lane.queue.push(request);
  machine.waiting.add(lane);
}

/** Puts a request that was refused for now back in front of what is behind it. */
export function putBack(machine: Machine, lane: Lane, request: Request): void {
  lane.queue.unshift(request);
  machine.waiting.add(lane);
}

/** Sends what may go out, from each lane in its turn. */
export function pump(machine: Machine): void {
  const { line, waiting } = machine;
  if (line.name === 'down' || waiting.size === 0) return;
  const blocked: Lane[] = [];
  // A lane that sent something is added again and so comes once more, behind the others.
  for (const lane of waiting) {
    waiting.delete(lane);
    const moved = sendNext(machine, line.socket, lane);
    if (lane.queue.length > 0) {
      if (moved) waiting.add(lane);
      else blocked.push(lane);
    }
  }
  for (const lane of blocked) waiting.add(lane);
}

/** @returns whether the first of the lane is out of the way */
function sendNext(machine: Machine, socket: number, lane: Lane): boolean {
  const { nowMs } = machine.turn;
  const [request] = lane.queue;
  if (request === undefined || !hasRoom(machine, lane) || nowMs < freeAtMs(machine, lane)) return false;
  const id = machine.lastRequest + 2;
  const text = request.text(machine, id);
  if (text === null) {
    lane.queue.shift();
    return true;
  }
  if (text.length > LARGE_UNITS) {
    if (machine.large !== null) return false;
    machine.large = id;
  }
  lane.queue.shift();
  lane.flying++;
  machine.lastRequest = id;
  machine.flights.set(id, { request, lane, sentAtMs: nowMs });
  machine.effects.push({ do: 'send', socket, text });
  request.onSent?.(machine, id);
  sent(lane.pace, nowMs);
  sent(machine.pace, nowMs);
  return true;
}

/** Calls may take their time, and have room of their own. */
function hasRoom({ calls, flights }: Machine, lane: Lane): boolean {
  return lane.flying < lane.width && (lane === calls || flights.size - calls.flying < UNDER_WAY_AT_ONCE);
}

/** When the lane may send, by `nowMs`; may have passed. */
function freeAtMs(machine: Machine, lane: Lane): number {
  return Math.max(lane.pace.freeAtMs, machine.pace.freeAtMs);
}

/** When something that waits may go out by the mere passing of time; null: nothing will. */
export function nextFreeMs(machine: Machine): number | null {
  if (machine.line.name === 'down') return null;
  let atMs: number | null = null;
  for (const lane of machine.waiting) {
    if (!hasRoom(machine, lane)) continue;
    const laneAtMs = freeAtMs(machine, lane);
    // What is free and waits all the same waits for a reply.
    if (laneAtMs > machine.turn.nowMs && (atMs === null || laneAtMs < atMs)) atMs = laneAtMs;
  }
  return atMs;
}

/** Takes a reply; one that nobody waits for is passed over. */
export function takeReply(machine: Machine, reply: Ok | Err): void {
  const id = reply.i ?? (reply.t === 'err' && reply.code === 'rate_limited' ? machine.large : null);
  const flight = id === null ? undefined : land(machine, id);
  if (flight === undefined) return;
  const { request, lane } = flight;
  if (reply.t === 'ok') {
    passed(lane.pace);
    passed(machine.pace);
    request.onOk?.(machine, reply);
  } else if (reply.code === 'rate_limited' && reply.retryAfterMs !== undefined) {
    slowDown(machine, lane, reply.retryAfterMs);
    putBack(machine, lane, request);
  } else request.onErr?.(machine, reply);
}

/** The request is answered, or nobody waits for its answer any more. */
export function land(machine: Machine, id: number): Flight | undefined {
  const flight = machine.flights.get(id);
  if (flight === undefined) return undefined;
  machine.flights.delete(id);
  flight.lane.flying--;
  if (machine.large === id) machine.large = null;
  return flight;
}

/** A limit was reached: the lane's own, or, where two lanes are refused at once, that of the whole connection. */
function slowDown(machine: Machine, lane: Lane, retryAfterMs: number): void {
  const { nowMs, random } = machine.turn;
  const { lastRefusal } = machine;
  const limited = machine.pace.intervalMs > 0 || (lastRefusal !== null && nowMs < lastRefusal.untilMs);
  const another = limited && lastRefusal?.lane !== lane;
  const pace = another ? machine.pace : lane.pace;
  refused(pace, nowMs, retryAfterMs, random);
  machine.lastRefusal = { lane, untilMs: pace.freeAtMs };
}

/** The server cannot carry out the request at the moment: it is sent again after a pause, and what is behind it waits. */
export function repeatLater(machine: Machine, lane: Lane, request: Request, retryAfterMs: number): void {
  failedForNow(lane.pace, machine.turn.nowMs, retryAfterMs, machine.turn.random);
  putBack(machine, lane, request);
}

/** The line went. What may be sent again waits in its old order; request ids mean nothing any more. */
export function groundAll(machine: Machine): void {
  const flown = new Map<Lane, Request[]>();
  for (const { request, lane } of machine.flights.values()) {
    const requests = flown.get(lane) ?? [];
    if (request.onDown?.(machine, true) === true) requests.push(request);
    flown.set(lane, requests);
    lane.flying = 0;
  }
  machine.flights.clear();
  machine.large = null;
  machine.lastRefusal = null;
  for (const lane of lanesOf(machine)) {
    const queued = lane.queue.filter((request) => request.onDown?.(machine, false) === true);
    lane.queue = [...(flown.get(lane) ?? []), ...queued];
    if (lane.queue.length === 0) machine.waiting.delete(lane);
    else machine.waiting.add(lane);
  }
  for (const channel of [...machine.publishing.keys()]) forgetLane(machine, channel);
}

/** Nothing that waits will go out any more. */
export function refuseAll(machine: Machine, code: RefusalCode): void {
  groundAll(machine);
  for (const lane of lanesOf(machine)) {
    const { queue } = lane;
    lane.queue = [];
    machine.waiting.delete(lane);
    for (const request of queue) request.onOver?.(machine, code);
  }
}

function lanesOf(machine: Machine): readonly Lane[] {
  return [machine.requests, machine.calls, ...machine.publishing.values()];
}

/** Drops the lanes of channels on which nothing is being published. */
export function forgetLane(machine: Machine, channel: string): void {
  const lane = machine.publishing.get(channel);
  if (lane === undefined || lane.flying > 0 || lane.queue.length > 0) return;
  if (isFree(lane.pace, machine.turn.nowMs)) machine.publishing.delete(channel);
}

/** When the oldest reply that is owed is overdue, by `nowMs`; null: none is owed. */
export function overdueAtMs(machine: Machine): number | null {
  for (const { request, sentAtMs } of machine.flights.values())
    if (request.ends === undefined) return sentAtMs + REPLY_TIMEOUT_MS;
  return null;
}
