import type { ChannelDownMessage, Err, Ok } from '@carillon/protocol';
import type { Turn } from '../events.ts';
import { nextAlarmMs, onAlarm } from './alarm.ts';
import { takeGap, takePublication, takeReplay, takeSignals } from './applying.ts';
import { call, cancel } from './calls.ts';
import type { ChannelEffect, ChannelEvent, ChannelState, Position } from './channel-events.ts';
import { pump, refuseAll, takeReply } from './lanes.ts';
import { goDown, goLive } from './line-changes.ts';
import { type ChannelSettings, type Machine, type Visit, newMachine } from './machine.ts';
import type { MapEntry } from './map-view.ts';
import { askMembers, takeMember } from './members.ts';
import { drop } from './phases.ts';
import { publish } from './publishing.ts';
import { askHistory } from './reading.ts';
import { answer, takeCall } from './served-calls.ts';
import { takeInvitation, takeUnsubscribed, unwant, want } from './subscribing.ts';
import { IDLE, positionOf } from './subscription.ts';

/**
 * The channels and calls of one client: decisions only, as the connection's `transition` makes them, but worked on in
 * place, because what runs for each publication copies nothing. The same events and turns give the same effects.
 */
export type Channels = {
  /** @returns what is to be done, in its order; the list is the caller's */
  handle(event: ChannelEvent | Visit, turn: Turn): readonly ChannelEffect[];
  state(channel: string): ChannelState;
  /** The last publication that was applied, or told as lost; null before the first, and for signals. */
  position(channel: string): Position | null;
  /** Of a map: what is known of it; changed in place by the `changes` that are told. */
  entries(channel: string): ReadonlyMap<string, MapEntry>;
  /** What a change of the line would cost: a `call` its answer, a `request` another sending; null: nothing. */
  underWay(): UnderWay;
  /** Users in the channel; null where that is not told. */
  count(channel: string): number | null;
  /** Everything, for the devtools to look at. */
  machine(): Machine;
};

export type UnderWay = 'call' | 'request' | null;

const NO_ENTRIES: ReadonlyMap<string, MapEntry> = new Map();

export function createChannels(settings: ChannelSettings): Channels {
  const machine = newMachine(settings);
  return {
    handle(event, turn) {
      machine.turn = turn;
      machine.effects = [];
      handle(machine, event);
      pump(machine);
      setAlarm(machine);
      return machine.effects;
    },
    state: (channel) => machine.subscriptions.get(channel)?.told ?? IDLE,
    position(channel) {
      const subscription = machine.subscriptions.get(channel);
      return subscription === undefined ? null : positionOf(subscription);
    },
    entries: (channel) => machine.subscriptions.get(channel)?.view?.entries ?? NO_ENTRIES,
    underWay() {
      const { calls, served, turn } = machine;
      // A handler of the app's that never ends must not hold the client where it is for ever.
      const serves = [...served.values()].some(({ overAtMs }) => overAtMs > turn.nowMs);
      if (calls.flying > 0 || serves) return 'call';
      return machine.flights.size > 0 ? 'request' : null;
    },
    machine: () => machine,
    count: (channel) => machine.subscriptions.get(channel)?.count ?? null,
  };
}

function handle(machine: Machine, event: ChannelEvent | Visit): void {
  switch (event.type) {
    case 'live':
      return goLive(machine, event.socket, event.session);
    case 'down':
      return goDown(machine, event.stopped, event.moving);
    case 'forget':
      refuseAll(machine, event.code);
      for (const subscription of [...machine.subscriptions.values()]) drop(machine, subscription);
      return goDown(machine, null);
    case 'message':
      return onMessage(machine, event.message as ChannelDownMessage | Ok | Err);
    case 'alarm':
      machine.alarmAtMs = null;
      return onAlarm(machine);
    case 'subscribe':
      return want(machine, event);
    case 'unsubscribe':
      return unwant(machine, event.channel);
    case 'publish':
      return publish(machine, event);
    case 'history':
      return askHistory(machine, event);
    case 'members':
      return askMembers(machine, event);
    case 'call':
      return call(machine, event);
    case 'cancel':
      return cancel(machine, event.ticket);
    case 'answer':
      return answer(machine, event);
    case 'visit':
      return event.run(machine);
  }
}

function onMessage(machine: Machine, message: ChannelDownMessage | Ok | Err): void {
  // What was on its way when the line went belongs to the line.
  if (machine.line.name === 'down') return;
  switch (message.t) {
    case 'ok':
    case 'err':
      return takeReply(machine, message);
    case 'p':
      return takePublication(machine, message);
    case 'ps':
      return takeReplay(machine, message);
    case 'gap':
      return takeGap(machine, message);
    case 'sig':
      return takeSignals(machine, message);
    case 'join':
    case 'leave':
      return takeMember(machine, message);
    case 'unsub':
      return takeUnsubscribed(machine, message);
    case 'sub':
      return takeInvitation(machine, message);
    case 'call':
      return takeCall(machine, message);
    case 'msg':
      machine.effects.push({ do: 'broadcast', name: message.n, data: message.d });
      return;
    default:
      // A newer server may send what this client does not know ([MSG3]).
      return;
  }
}

/** One alarm for all that waits; it is set again only where it rings too late, or for nothing. */
function setAlarm(machine: Machine): void {
  const atMs = nextAlarmMs(machine);
  if (atMs === machine.alarmAtMs) return;
  machine.alarmAtMs = atMs;
  if (atMs === null) machine.effects.push({ do: 'clearAlarm' });
  else machine.effects.push({ do: 'setAlarm', delayMs: Math.max(0, Math.ceil(atMs - machine.turn.nowMs)) });
}
