import {
  MAX_PAGE_SIZE,
  type Invitation,
  type Ok,
  type Subscribe,
  type Unsubscribe,
  type Unsubscribed,
} from '@carillon/protocol';
import { pauseMs } from '../backoff.ts';
import type { ChannelEvent, ChannelKind } from './channel-events.ts';
import { enqueue } from './lanes.ts';
import type { Machine, Request } from './machine.ts';
import { readNextPage, takePage } from './map-pages.ts';
import { tellCount } from './members.ts';
import { beginSnapshot, newMapView } from './map-view.ts';
import { type Refused, drop, pause, takeRefusal } from './phases.ts';
import { type Subscription, newSubscription, placeAt, placeOf } from './subscription.ts';
import { lose, tellState } from './telling.ts';

/** The app wants a channel, or wants more of it than it has: another beginning, a newer grant, another attempt. */
export function want(machine: Machine, command: Extract<ChannelEvent, { type: 'subscribe' }>): void {
  const { channel, kind, start, grant } = command;
  const held = machine.subscriptions.get(channel);
  const subscription = held ?? newSubscription(channel, kind, start ?? {});
  subscription.grant = grant ?? subscription.grant;
  if (held === undefined) {
    machine.subscriptions.set(channel, subscription);
    return begin(machine, subscription);
  }
  if (held.kind === null) {
    // The server invited, and the app asked before that was answered: it is the app's own.
    held.kind = kind;
    held.view = kind === 'map' ? newMapView() : null;
    held.invited = false;
  }
  if (start !== undefined) {
    subscription.start = start;
    subscription.place = placeOf(start);
    if (subscription.view !== null) beginSnapshot(subscription.view);
  } else if (held.phase.name === 'live') return grant === undefined ? undefined : renew(machine, held);
  else if (held.phase.name !== 'failed' && grant === undefined) return;
  begin(machine, subscription);
}

/** The app wants it no more. */
export function unwant(machine: Machine, channel: string): void {
  const subscription = machine.subscriptions.get(channel);
  if (subscription === undefined) return;
  const known = subscription.phase.name === 'subscribing' || subscription.phase.name === 'live';
  drop(machine, subscription);
  if (known && machine.line.name === 'live') enqueue(machine, machine.requests, unsubscribeRequest(channel));
}

/** Asks for the channel as soon as there is a line; from where it stands. */
export function begin(machine: Machine, subscription: Subscription): void {
  machine.paused.delete(subscription);
  subscription.until = 0;
  if (machine.line.name === 'down') subscription.phase = { name: 'waiting' };
  else {
    const attempt = ++subscription.attempt;
    subscription.phase = { name: 'subscribing', attempt };
    enqueue(machine, machine.requests, subscribeRequest(subscription, attempt));
  }
  tellState(machine, subscription);
}

/**
 * What came does not fit to what was applied: the server is asked for everything behind that. A server with which this
 * goes on is asked ever more seldom.
 */
export function heal(machine: Machine, subscription: Subscription): void {
  const { heals } = subscription;
  subscription.heals++;
  if (heals === 0) return begin(machine, subscription);
  pause(
    machine,
    subscription,
    pauseMs(heals - 1, machine.turn.random),
    'internal',
    'publications are missing',
  );
}

/** Renews the right to be subscribed ([CHN7]): without a position nothing begins anew. */
function renew(machine: Machine, subscription: Subscription): void {
  const { attempt } = subscription;
  subscription.renewing = attempt;
  const answered = (): void => {
    if (subscription.renewing === attempt) subscription.renewing = 0;
  };
  enqueue(machine, machine.requests, {
    text: (_, i) =>
      subscription.phase.name === 'live'
        ? subscribeText(i, subscription.channel, subscription.grant, {})
        : null,
    onOk(_, reply) {
      answered();
      keepGrant(subscription, reply);
    },
    // The subscription goes on until its older right ends; then the server says so.
    onErr(_, { code }) {
      answered();
      if (code === 'grant_invalid') subscription.grant = undefined;
    },
  });
}

function subscribeRequest(subscription: Subscription, attempt: number): Request {
  const isAsked = (): boolean => subscription.attempt === attempt;
  /** The grant that was named, so that one that is refused is not named again. */
  let named: string | undefined;
  return {
    text(_, i) {
      named = subscription.grant;
      return isAsked() ? subscribeText(i, subscription.channel, named, whereFrom(subscription)) : null;
    },
    onOk: (machine, reply) => (isAsked() ? takeOk(machine, subscription, reply) : undefined),
    onErr: (machine, reply) => (isAsked() ? takeErr(machine, subscription, reply, named) : undefined),
  };
}

function subscribeText(i: number, c: string, g: string | undefined, where: Partial<Subscribe>): string {
  const message: Subscribe = { t: 'sub', i, c, ...where, g };
  return JSON.stringify(message);
}

function whereFrom({ place, start, kind }: Subscription): Partial<Subscribe> {
  if (place.name === 'at') return { e: place.epoch, o: place.offset };
  if (kind === 'map') return { n: MAX_PAGE_SIZE };
  return kind === 'stream' ? { last: start.last, since: start.since } : {};
}

function unsubscribeRequest(channel: string): Request {
  return {
    text(machine, i) {
      const message: Unsubscribe = { t: 'unsub', i, c: channel };
      // Wanted again meanwhile: what was sent behind it must not be undone.
      return machine.subscriptions.has(channel) ? null : JSON.stringify(message);
    },
  };
}

function takeOk(machine: Machine, subscription: Subscription, reply: Ok): void {
  keepGrant(subscription, reply);
  subscription.failures = 0;
  subscription.phase = { name: 'live' };
  subscription.kind ??= kindOf(reply);
  if (subscription.kind === 'map') subscription.view ??= newMapView();
  if (reply.n !== undefined) subscription.count = reply.n;
  if (reply.e !== undefined && reply.o !== undefined)
    settleIn(machine, subscription, reply, reply.e, reply.o);
  if (subscription.invited) {
    subscription.invited = false;
    machine.effects.push({ do: 'invited', channel: subscription.channel, kind: subscription.kind });
  }
  if (subscription.count !== null) tellCount(machine, subscription, subscription.count);
  const { view } = subscription;
  if (view !== null && reply.es !== undefined) {
    beginSnapshot(view);
    takePage(machine, subscription, view, reply);
  } else if (view?.complete === false) readNextPage(machine, subscription, view);
  tellState(machine, subscription);
}

/** Where it stands now that the server answered, and what is to come before anything new. */
function settleIn(
  machine: Machine,
  subscription: Subscription,
  reply: Ok,
  epoch: string,
  offset: number,
): void {
  const { place, start, view } = subscription;
  const top = { epoch, offset };
  switch (place.name) {
    case 'unknown':
      if (start.since === undefined && (start.last ?? 0) === 0) subscription.place = placeAt(top);
      else subscription.place = { name: 'open', floor: top };
      return;
    case 'open':
      if (place.floor.epoch !== epoch) lose(machine, subscription, 'epoch', top);
      return;
    case 'at':
      if (reply.rec !== false && epoch === place.epoch)
        subscription.until = offset > place.offset ? offset : 0;
      else {
        lose(machine, subscription, reply.why ?? 'epoch', top);
        if (view !== null) beginSnapshot(view);
      }
  }
}

function takeErr(
  machine: Machine,
  subscription: Subscription,
  refused: Refused,
  grant: string | undefined,
): void {
  if (refused.code === 'grant_invalid' && grant !== undefined && subscription.grant === grant) {
    // It ran out, most often: whether a rule lets the user in without it is another question.
    subscription.grant = undefined;
    return begin(machine, subscription);
  }
  takeRefusal(machine, subscription, refused);
}

function keepGrant(subscription: Subscription, { g }: Ok): void {
  if (g !== undefined) subscription.grant = g;
}

/** What a channel is of which only an `ok` is known: only maps have entries, and signals no position. */
function kindOf({ es, e }: Ok): ChannelKind {
  if (es !== undefined) return 'map';
  return e === undefined ? 'signal' : 'stream';
}

/** The server ended a subscription ([CHN6]). */
export function takeUnsubscribed(machine: Machine, { c, code, m = '' }: Unsubscribed): void {
  const subscription = machine.subscriptions.get(c);
  // While a `sub` is under way its answer counts: it was sent behind what this ends.
  if (subscription?.phase.name !== 'live') return;
  // The older right ran out while a newer one was on its way: what that opens begins where this ends.
  if (subscription.renewing === subscription.attempt) return begin(machine, subscription);
  takeErr(machine, subscription, { code, m }, subscription.grant);
}

/** The server invites ([CHN8]): the client answers with its own `sub`. */
export function takeInvitation(machine: Machine, { c, g }: Invitation): void {
  const held = machine.subscriptions.get(c);
  if (held === undefined) {
    const subscription = newSubscription(c, null, {});
    subscription.grant = g;
    subscription.invited = true;
    machine.subscriptions.set(c, subscription);
    return begin(machine, subscription);
  }
  held.grant = g;
  if (held.phase.name === 'live') renew(machine, held);
  else if (held.phase.name !== 'waiting') begin(machine, held);
}
