import type { Subscribe, Unsubscribe } from '@carillon/protocol';
import type { RefusedName } from '../documents/awareness.ts';
import { entryText } from '../../core/channel/channel-messages.ts';
import type { Matched } from '../../core/channel/patterns.ts';
import { controlFrame } from '../../core/outbox/frame.ts';
import { type NodeContext, sendControl, sendError } from '../context.ts';
import { type LinkState, type LocalSession, isClosed } from '../link-state.ts';
import { inReplayTurn } from '../replay-turns.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import type { ChannelParts } from './channel-parts.ts';
import { rightToSubscribe } from './rights.ts';
import { type RefusedStart, readStart, type Start, startAtTop } from './starting.ts';
import { type HubChannel, type Right, type Subscription, channelsOf } from '../link-state.ts';

/** Readings of the log for one `sub`, where publications come faster than they can be kept behind it. */
const MAX_READINGS = 5;

/** A client's `sub`: from the right to it to the turn in which the replay has been sent and live publications follow. */
export async function subscribe(
  context: NodeContext,
  parts: ChannelParts,
  link: LinkState,
  session: LocalSession,
  message: Subscribe,
  matched: Matched,
): Promise<void> {
  const name = message.c;
  const { subscriptions } = channelsOf(session);
  const misfit = wrongStart(message, matched);
  if (misfit !== undefined) return sendError(context, link, misfit.code, misfit.detail, message.i);
  const held = subscriptions.get(name);
  if (isFull(context, session, name)) return refuseMore(context, link, message);
  const result = await rightToSubscribe(context, parts.roles, session, name, matched, message.g, held?.right);
  if (isGone(context, link, session)) return;
  if (!result.ok) {
    const retryAfterMs = result.code === 'unavailable' ? RETRY_UNAVAILABLE_MS : undefined;
    return sendError(context, link, result.code, result.detail, message.i, retryAfterMs);
  }
  const { right } = result;
  const enter = (): Promise<void> => openAndBegin(context, parts, link, session, message, matched, right);
  return asksReplay(message, matched) ? inReplayTurn(link, enter) : enter();
}

/** Whether a `sub` may be answered by more than its `ok`: what was missed, or the first page of a map. */
function asksReplay({ o, last, since }: Subscribe, { spec }: Matched): boolean {
  return (
    spec.kind === 'map' ||
    spec.kind === 'document' ||
    o !== undefined ||
    last !== undefined ||
    since !== undefined
  );
}

function isFull({ settings }: NodeContext, session: LocalSession, channel: string): boolean {
  const { subscriptions } = channelsOf(session);
  return !subscriptions.has(channel) && subscriptions.size >= settings.subscriptionsPerSession;
}

/** The subscription ended before it began, by the app's order or the end of the right: its request is answered all the same. */
function refuseEnded(context: NodeContext, link: LinkState, { i }: Subscribe): void {
  if (!isClosed(link)) sendError(context, link, 'forbidden', 'the subscription was ended meanwhile', i);
}

function refuseMore(context: NodeContext, link: LinkState, { i }: Subscribe): void {
  const most = context.settings.subscriptionsPerSession;
  sendError(context, link, 'limit_reached', `subscriptions of one session: ${most}`, i);
}

function refuseStart(
  context: NodeContext,
  parts: ChannelParts,
  subscription: Subscription,
  link: LinkState,
  { i }: Subscribe,
  { code, detail }: RefusedStart | RefusedName,
): void {
  parts.end(subscription);
  sendError(context, link, code, detail, i);
}

async function openAndBegin(
  context: NodeContext,
  parts: ChannelParts,
  link: LinkState,
  session: LocalSession,
  message: Subscribe,
  { spec, params }: Matched,
  right: Right,
): Promise<void> {
  const channel = await parts.hub.open(message.c, spec, params);
  try {
    if (isGone(context, link, session)) return;
    // Others that waited may have taken the last place.
    if (isFull(context, session, message.c)) return refuseMore(context, link, message);
    const taken = message.cl && (await parts.documents.takenOf(channel, session.user, message.cl));
    if (isGone(context, link, session)) return;
    if (taken !== undefined)
      return sendError(context, link, 'client_id_taken', `client ${taken} is somebody else's`, message.i);
    await begin(context, parts, link, session, message, channel, right);
  } finally {
    parts.hub.release(channel);
  }
}

function wrongStart(
  { e, o, last, since, n, sv, cl }: Subscribe,
  { spec }: Matched,
): { readonly code: 'bad_message' | 'kind_mismatch'; readonly detail: string } | undefined {
  if ((e === undefined) !== (o === undefined)) return { code: 'bad_message', detail: 'e and o go together' };
  if (Number(e !== undefined) + Number(last !== undefined) + Number(since !== undefined) > 1)
    return { code: 'bad_message', detail: 'a position, last and since exclude each other' };
  if (spec.kind === 'signal' && (e !== undefined || last !== undefined || since !== undefined))
    return { code: 'kind_mismatch', detail: 'a signal keeps nothing to begin with' };
  if (spec.kind !== 'stream' && (last !== undefined || since !== undefined))
    return { code: 'kind_mismatch', detail: 'last and since are for streams' };
  if (spec.kind !== 'document' && (sv !== undefined || cl !== undefined))
    return { code: 'kind_mismatch', detail: 'sv and cl are for documents' };
  if (cl !== undefined && cl.length > MAX_NAMES)
    return { code: 'bad_message', detail: `cl: at most ${MAX_NAMES} client ids` };
  if (spec.kind !== 'map' && n !== undefined) return { code: 'kind_mismatch', detail: 'n is for maps' };
  return undefined;
}

/** Whether the connection, or the session behind it, went away while something was being asked. */
function isGone(context: NodeContext, link: LinkState, session: LocalSession): boolean {
  return isClosed(link) || session.link !== link || context.sessions.get(session.id) !== session;
}

async function begin(
  context: NodeContext,
  parts: ChannelParts,
  link: LinkState,
  session: LocalSession,
  message: Subscribe,
  channel: HubChannel,
  given: Right,
): Promise<void> {
  const { subscriptions } = channelsOf(session);
  const { spec } = channel;
  // A role may have changed, or gone, while the channel was being opened.
  const right = parts.roles.latest(session, channel, given);
  if (right === null) return refuseEnded(context, link, message);
  const held = subscriptions.get(channel.name);
  const { o, last, since, sv } = message;
  const anew = o !== undefined || last !== undefined || since !== undefined || sv !== undefined;
  const subscription: Subscription = held ?? {
    session,
    channel,
    state: { name: 'waiting' },
    right,
    names: NO_NAMES,
    member: false,
  };
  subscription.right = right;
  parts.expiries.watch(subscription);
  if (held?.state.name === 'live' && held.state.link === link && !anew) {
    // Only the right is renewed ([CHN7]), and what it speaks by.
    const taken = claimNames(parts, subscription, message);
    if (taken !== undefined) return sendError(context, link, taken.code, taken.detail, message.i);
    await reply(context, link, message, subscription, startAtTop(channel));
    return;
  }
  if (held === undefined) {
    subscriptions.set(channel.name, subscription);
    parts.hub.add(subscription);
  }
  parts.roles.joined(subscription);
  context.flusher.dropHeld(link, channel);
  parts.awareness.dropHeld(link, channel);
  for (let readings = 1; ; readings++) {
    const joining = { name: 'joining', link, buffer: [], lost: false } as Subscription['state'] & {
      name: 'joining';
    };
    subscription.state = joining;
    let start: Start | RefusedStart;
    try {
      start = await readStart(context, parts, channel, message);
    } catch (error) {
      if (subscription.state === joining) parts.end(subscription);
      throw error;
    }
    // Ended meanwhile: by a revocation, the end of the right, or the line.
    if (subscription.state !== joining) return refuseEnded(context, link, message);
    if ('ok' in start) return refuseStart(context, parts, subscription, link, message, start);
    const taken = claimNames(parts, subscription, message);
    if (taken !== undefined) return refuseStart(context, parts, subscription, link, message, taken);
    // What is read behind a move of the feed is never older than it.
    if (!joining.lost && spec.kind !== 'signal') parts.hub.begunAnew(channel, start.top);
    if (joining.lost) {
      if (readings < MAX_READINGS) continue;
      parts.end(subscription);
      return sendError(
        context,
        link,
        'unavailable',
        'publications come faster than they are read',
        message.i,
        RETRY_UNAVAILABLE_MS,
      );
    }
    if (!session.isFollower) parts.members.come(subscription);
    // From here to the end of the function nothing waits: the reply, what was missed, and what came meanwhile.
    const granted = grantFor(context, subscription);
    if (granted instanceof Promise) {
      // Signing takes a moment, in which publications may come: they are kept behind the reply like the others.
      const grant = await granted;
      if (subscription.state !== joining) return refuseEnded(context, link, message);
      if (joining.lost) continue;
      finish(context, parts, link, message, subscription, start, joining, grant);
    } else finish(context, parts, link, message, subscription, start, joining, granted);
    return;
  }
}

function finish(
  context: NodeContext,
  parts: ChannelParts,
  link: LinkState,
  message: Subscribe,
  subscription: Subscription,
  start: Start,
  { buffer }: Extract<Subscription['state'], { name: 'joining' }>,
  grant: string | undefined,
): void {
  const { flusher, ports } = context;
  flusher.send(link, controlFrame(replyText(message, subscription, start, grant)));
  for (const frame of start.frames) flusher.send(link, frame);
  for (const { offset, frame } of buffer) if (offset > start.top.offset) flusher.send(link, frame);
  subscription.state = { name: 'live', link, from: start.top.offset };
  if (subscription.channel.awareness !== null)
    flusher.send(link, parts.awareness.everybody(subscription.channel));
  if (message.o !== undefined && start.recovery !== null) {
    const { rec, why } = start.recovery;
    ports.telemetry.recovered(rec ? 'recovered' : (why ?? 'epoch'), rec ? start.top.offset - message.o : 0);
  }
}

/** The client ids that a `sub` names; one that names none keeps those that it has. */
function claimNames(
  { awareness }: ChannelParts,
  subscription: Subscription,
  { cl }: Subscribe,
): RefusedName | undefined {
  if (subscription.channel.awareness === null) return undefined;
  return awareness.claim(subscription, cl === undefined ? subscription.names : new Set(cl));
}

async function reply(
  context: NodeContext,
  link: LinkState,
  message: Subscribe,
  subscription: Subscription,
  start: Start,
): Promise<void> {
  const grant = await grantFor(context, subscription);
  if (!isClosed(link))
    context.flusher.send(link, controlFrame(replyText(message, subscription, start, grant)));
}

/** A right that a rule gave for a time can be taken along to another node, or over a restart. */
function grantFor(
  context: NodeContext,
  { right, session, channel }: Subscription,
): string | undefined | Promise<string> {
  // A role can be taken away at any moment: what a client could carry along would outlast that.
  if (right.by !== 'rule' || right.untilMs === null || right.role !== null) return undefined;
  const expiresAtMs = Math.min(right.untilMs, context.ports.clock.nowMs() + context.settings.maxGrantMs);
  return context.ports.grants.sign({ user: session.user, channel: channel.name, expiresAtMs, role: null });
}

function replyText(
  message: Subscribe,
  { channel, right }: Subscription,
  start: Start,
  grant: string | undefined,
): string {
  const { top, recovery, page, document } = start;
  const head = JSON.stringify({
    t: 'ok',
    i: message.i,
    ...(channel.spec.kind === 'signal' ? {} : { e: top.epoch, o: top.offset }),
    ...recovery,
    ...(page === null || page.next === null ? {} : { next: page.next }),
    ...(channel.memberFeed === null ? {} : { n: channel.memberFeed.count }),
    ...(document === null ? {} : { sv: document.vector }),
    ...(channel.spec.kind === 'document' ? { role: right.role ?? 'none' } : {}),
    ...(document === null || document.state === null ? {} : { ds: document.state }),
    ...(grant === undefined ? {} : { g: grant }),
    // A role is asked for again when it runs out, and nobody is cut off for that.
    ...(right.untilMs === null || (right.role !== null && right.by === 'rule')
      ? {}
      : { until: Math.floor(right.untilMs) }),
  });
  return page === null ? head : `${head.slice(0, -1)},"es":[${page.entries.map(entryText).join(',')}]}`;
}

const NO_NAMES: ReadonlySet<number> = new Set();

/** Client ids that one session may name ([DOC1]). */
export const MAX_NAMES = 16;

/** A client's `unsub`. */
export function unsubscribe(
  context: NodeContext,
  parts: ChannelParts,
  link: LinkState,
  session: LocalSession,
  message: Unsubscribe,
): void {
  const subscription = session.channels?.subscriptions.get(message.c);
  if (subscription === undefined)
    return sendError(context, link, 'not_subscribed', 'no such subscription', message.i);
  parts.end(subscription);
  if (message.i !== undefined) sendControl(context, link, { t: 'ok', i: message.i });
}
