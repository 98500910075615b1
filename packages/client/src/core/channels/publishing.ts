import type { Ok } from '@carillon/protocol';
import type { RefusalCode } from '../events.ts';
import type { PublishCommand } from './channel-events.ts';
import { enqueue, forgetLane, repeatLater } from './lanes.ts';
import {
  type Lane,
  type Machine,
  type Request,
  newLane,
  refusal,
  refusalOf,
  reject,
  resolve,
} from './machine.ts';
import { admit, release, utf8Bytes } from './queue-room.ts';
import { publishBody, publishText, publishedOf } from './request-text.ts';

/**
 * How long a publication whose answer was lost can be sent again, ms: for five minutes at least the server knows its id
 * ([PUB2]), less what the message may be under way.
 */
export const SURE_MS = 4.5 * 60_000;

/** Bytes of a message beside what the publication says. */
const ENVELOPE_BYTES = 40;

/** One lane a channel, one publication of it under way at a time: so the order is kept whatever the server refuses. */
function laneOf(machine: Machine, channel: string): Lane {
  let lane = machine.publishing.get(channel);
  if (lane === undefined) {
    lane = newLane(1);
    machine.publishing.set(channel, lane);
  }
  return lane;
}

export function publish(machine: Machine, command: PublishCommand): void {
  const { ticket, channel, signal, key = '' } = command;
  if (signal && machine.line.name === 'down') {
    const code = machine.line.stopped ?? 'line_lost';
    return reject(machine, ticket, refusal(code));
  }
  const body = bodyOf(machine, command);
  const bytes = utf8Bytes(body) + ENVELOPE_BYTES;
  const lane = laneOf(machine, channel);
  const waiting = signal ? lane.queue.findIndex(({ latest }) => latest?.key === key) : -1;
  if (!admit(machine, ticket, bytes)) return forgetLane(machine, channel);
  const draft = draftOf(lane, command, body, bytes);
  if (waiting === -1) return enqueue(machine, lane, draft);
  // The latest is what counts: it takes the place of the one that waits.
  const [before] = lane.queue.splice(waiting, 1, draft);
  before?.latest?.supersede(machine);
}

function bodyOf(machine: Machine, command: PublishCommand): string {
  const { signal, lane, id } = command;
  return publishBody(command, signal || lane ? undefined : (id ?? publicationId(machine)));
}

/** Stands for one publication of this user: as many random bits as a turn has, the time and a number. */
function publicationId(machine: Machine): string {
  const { random, wallMs } = machine.turn;
  const number = ++machine.publications;
  return `${random.toString(36).slice(2, 13)}-${Math.trunc(wallMs).toString(36)}-${number.toString(36)}`;
}

function draftOf(lane: Lane, command: PublishCommand, body: string, bytes: number): Request {
  const { ticket, channel, signal } = command;
  /** What is not the channels' to send again. */
  const once = signal || command.lane !== undefined;
  let firstSent: { readonly nowMs: number; readonly wallMs: number } | null = null;

  function end(machine: Machine): void {
    release(machine, bytes);
    forgetLane(machine, channel);
  }

  function giveUp(machine: Machine, code: RefusalCode): void {
    end(machine);
    reject(machine, ticket, refusal(code, '', firstSent !== null));
  }

  /** Whether sending it again might publish it twice. Either clock stands still or is set while a machine sleeps. */
  function isUnsure({ turn }: Machine): boolean {
    if (firstSent === null || once) return false;
    return Math.max(turn.nowMs - firstSent.nowMs, turn.wallMs - firstSent.wallMs) > SURE_MS;
  }

  return {
    text(machine, i) {
      if (!isUnsure(machine)) return publishText(i, body);
      giveUp(machine, 'line_lost');
      return null;
    },
    onSent(machine, i) {
      firstSent ??= { nowMs: machine.turn.nowMs, wallMs: machine.turn.wallMs };
      if (!signal) rememberOwn(machine, command, i);
    },
    onOk(machine, reply) {
      end(machine);
      placeOwn(machine, channel, reply);
      resolve(machine, ticket, publishedOf(reply));
    },
    onErr(machine, reply) {
      if (reply.retryAfterMs !== undefined && command.lane === undefined)
        return repeatLater(machine, lane, this, reply.retryAfterMs);
      end(machine);
      reject(machine, ticket, refusalOf(reply));
    },
    onDown(machine) {
      if (once) giveUp(machine, 'line_lost');
      return !once;
    },
    onOver: (machine, code) => giveUp(machine, code),
    ...(signal ? { latest: { key: command.key ?? '', supersede: superseded } } : {}),
  };

  function superseded(machine: Machine): void {
    end(machine);
    resolve(machine, ticket, publishedOf({}));
  }
}

/** Keeps what was sent until it, or its place in the order, comes back ([PUB4]). */
function rememberOwn(
  machine: Machine,
  { channel, data, key, version }: PublishCommand,
  request: number,
): void {
  const subscription = machine.subscriptions.get(channel);
  // Without a subscription nothing of it comes back; what was published meanwhile comes with the replay.
  if (subscription?.phase.name !== 'live' && subscription?.phase.name !== 'subscribing') return;
  // One is under way at a time: another that has no place was refused.
  const placed = subscription.own.filter(({ offset }) => offset !== null);
  subscription.own = [...placed, { request, offset: null, data, key, version }];
}

/** It has its place now. What was there before, or was applied already, need not be kept for it. */
function placeOwn(machine: Machine, channel: string, { i, o, dup, old }: Ok): void {
  const subscription = machine.subscriptions.get(channel);
  if (subscription === undefined) return;
  const { place } = subscription;
  const mine = subscription.own.find(({ request }) => request === i);
  if (mine === undefined) return;
  const gone = o === undefined || dup === true || old === true || (place.name === 'at' && o <= place.offset);
  if (gone) subscription.own = subscription.own.filter((other) => other !== mine);
  else mine.offset = o;
}
