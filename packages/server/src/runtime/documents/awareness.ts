import type { AwarenessUp, ErrorCode } from '@carillon/protocol';
import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import {
  type AwarenessItem,
  allTold,
  awarenessText,
  claim,
  expire,
  hear,
  isForeign,
  leave,
  MAX_AWARENESS_UNITS,
  renew,
  say,
  takeChanges,
} from '../../core/document/awareness.ts';
import { channelFrame, controlFrame, type OutboundFrame } from '../../core/outbox/frame.ts';
import type { AwarenessNotice } from '../../ports/broker.ts';
import type { Timer } from '../../ports/clock.ts';
import { tellNodes } from '../channels/telling-nodes.ts';
import type { UserVisibility } from '../channels/user-visibility.ts';
import { type NodeContext, sendControl, sendError } from '../context.ts';
import { createKeyedRate, type KeyedRate } from '../keyed-rate.ts';
import type { HubChannel, LinkState, LocalSession, Subscription } from '../link-state.ts';
import type { AwarenessRoom } from './awareness-room.ts';

/** Clients of Yjs let go of what they have not heard of for 30 s: it is told anew before, ms. */
const HEARD_OF_MS = 28_000;

/** What one flush may cost, in states times receivers, before the pause behind it grows; and where it has doubled. */
const LOAD = { light: 1_000, heavy: 10_000 } as const;

export type RefusedName = {
  readonly code: 'client_id_taken';
  readonly detail: string;
};

/** Where people are in the documents of this node ([DOC6]). */
export type Awareness = {
  readonly timers: number;
  /** Client ids that people are seen by, in all documents. */
  shown(): number;
  /** The channel's topic is subscribed: the other nodes are asked who is in it. */
  opened(channel: HubChannel): void;
  closed(channel: HubChannel): void;
  /**
   * A subscription names its client ids: from now on it speaks by these and no others. Undefined: it does; refused, those that it
   * had before stay. Whose changes of the document are by them was looked at before.
   */
  claim(subscription: Subscription, names: ReadonlySet<number>): RefusedName | undefined;
  /** Who is there, for a subscription that goes live in this turn: all that changes from then on is told to it. */
  everybody(channel: HubChannel): OutboundFrame;
  /** A client's `aw`. */
  take(link: LinkState, session: LocalSession, message: AwarenessUp): void;
  /** The subscription is over. */
  left(subscription: Subscription): void;
  /** A user of this node came into sight, or went out of it. */
  seen(user: string): void;
  receive(channel: HubChannel, notice: AwarenessNotice): void;
  /** Notices may have been lost: all nodes tell anew. */
  afterGap(): void;
  /** Drops what a connection is still owed of it: before its subscription ends, or begins anew. */
  dropHeld(link: LinkState, channel: HubChannel): void;
  stop(): void;
};

export function createAwareness(context: NodeContext, visibility: () => UserVisibility): Awareness {
  const { clock, cluster, telemetry, steadyMs } = context.ports;
  const { graceMs, awarenessMs } = context.settings;
  const self = cluster?.node ?? '';
  const rates = new Map<ChannelSpec, KeyedRate>();
  /** Documents that somebody is in, of the open ones. */
  const inhabited = new Set<HubChannel>();
  let timers = 0;
  let telling: Timer | null = null;
  let stopped = false;

  function roomOf({ awareness, name }: HubChannel): AwarenessRoom {
    if (awareness === null) throw new TypeError(`${name} is no document`);
    return awareness;
  }

  /** At once where it was quiet, otherwise when the pause is over: all that changed until then in one frame. */
  function changed(channel: HubChannel): void {
    if (stopped) return;
    const room = roomOf(channel);
    inhabited.add(channel);
    armTelling();
    if (room.timer !== null) return;
    const waitMs = room.flushedAtMs + room.quietMs - clock.monotonicMs();
    if (waitMs <= 0) return flush(channel, room);
    timers++;
    room.timer = clock.setTimer(waitMs, () => {
      timers--;
      room.timer = null;
      flush(channel, room);
    });
  }

  function isSeen(user: string): boolean | undefined {
    const seen = visibility().of(user);
    return seen instanceof Promise ? undefined : seen;
  }

  function flush(channel: HubChannel, room: AwarenessRoom): void {
    const items = takeChanges(room.table, isSeen, clock.nowMs());
    const receivers = tell(channel, room, items);
    const load = items.length * receivers;
    const share = (load - LOAD.light) / (LOAD.heavy - LOAD.light);
    room.quietMs = channel.spec.flushMs * (1 + Math.min(1, Math.max(0, share)));
    tellOthers(channel, room, items);
    if (room.table.entries.size === 0) inhabited.delete(channel);
  }

  /** @returns how many it went to */
  function tell(channel: HubChannel, room: AwarenessRoom, items: readonly AwarenessItem[]): number {
    if (items.length === 0) return 0;
    room.flushedAtMs = clock.monotonicMs();
    room.flushes++;
    room.everybody = null;
    const texts = items.map(awarenessText);
    // Its own key: a batch that is held is conflated with none that speaks of others.
    const frame = awarenessFrame(channel, room, `flush ${room.flushes}`, texts.join(','));
    const single: OutboundFrame[] = [];
    let receivers = 0;
    for (const { state } of channel.subscriptions) {
      if (state.name !== 'live') continue;
      receivers++;
      const { link } = state;
      if (!link.connection.writing && link.outbox.held === null) {
        context.flusher.send(link, frame);
        continue;
      }
      // A connection that does not read holds the latest of each, not a batch for every interval.
      for (const [i, { client }] of items.entries()) {
        single[i] ??= awarenessFrame(channel, room, String(client), texts[i] ?? '');
        context.flusher.send(link, single[i]);
      }
    }
    return receivers;
  }

  function awarenessFrame(
    { json }: HubChannel,
    { ref }: AwarenessRoom,
    key: string,
    items: string,
  ): OutboundFrame {
    return channelFrame(ref, key, 0, `{"t":"aw","c":${json},"ss":[${items}]}`);
  }

  function tellOthers(channel: HubChannel, room: AwarenessRoom, changes: readonly AwarenessItem[]): void {
    const all = room.owesAll;
    const items = (all ? allTold(room.table) : changes).filter(({ here }) => here);
    room.owesAll = false;
    // Where all is owed, that nobody is there any more is told too.
    if (items.length > 0 || all) publish(channel, items, all, false);
  }

  function publish({ name }: HubChannel, items: AwarenessNotice['items'], all: boolean, ask: boolean): void {
    if (cluster === null) return;
    tellNodes(context.ports, { kind: 'awareness', channel: name, node: self, items, all, ask });
  }

  function armTelling(): void {
    if (!stopped) telling ??= clock.setTimer(awarenessMs, tellAgain);
  }

  function tellAgain(): void {
    telling = null;
    const beforeMs = steadyMs() - graceMs - awarenessMs;
    for (const channel of inhabited) {
      const room = roomOf(channel);
      expire(room.table, beforeMs);
      renew(room.table, clock.nowMs() + awarenessMs - HEARD_OF_MS);
      room.owesAll = true;
      changed(channel);
    }
    if (inhabited.size > 0) armTelling();
  }

  function rateOf(spec: ChannelSpec): KeyedRate | undefined {
    const { document } = spec;
    let rate = rates.get(spec);
    if (rate !== undefined || document === null) return rate;
    rate = createKeyedRate(document.awarenessRate);
    rates.set(spec, rate);
    return rate;
  }

  function refusal(
    subscription: Subscription,
    { cl, d }: AwarenessUp,
    state: string | null,
  ): { readonly code: ErrorCode; readonly detail: string; readonly retryAfterMs?: number } | undefined {
    const { channel, session, names } = subscription;
    const { spec } = channel;
    const retryAfterMs = rateOf(spec)?.take(`${session.id} ${channel.name}`, clock.monotonicMs()) ?? 0;
    if (retryAfterMs > 0)
      return { code: 'rate_limited', detail: 'too many changes of where you are', retryAfterMs };
    if (!names.has(cl))
      return {
        code: 'client_id_taken',
        detail: 'cl: a client id that this session has not named in its sub',
      };
    if (d !== undefined && (typeof d !== 'object' || d === null || Array.isArray(d)))
      return { code: 'bad_message', detail: 'd: expected an object' };
    const most = spec.document?.awarenessUnits ?? 0;
    return state !== null && state.length > most
      ? { code: 'too_large', detail: `d: at most ${most} characters of JSON` }
      : undefined;
  }

  function watchUser({ session: { user }, channel }: Subscription): void {
    const seen = visibility().of(user);
    if (!(seen instanceof Promise)) return;
    seen.then(
      () => show(channel, user),
      (error: unknown) => telemetry.warn('member_unknown', { error: String(error) }),
    );
  }

  /** Whether others see a user has changed, or is known only now. */
  function show(channel: HubChannel, user: string): void {
    const { table } = roomOf(channel);
    let any = false;
    for (const { client, user: of, holder } of table.entries.values()) {
      if (of !== user || holder.kind !== 'session') continue;
      table.changed.add(client);
      any = true;
    }
    if (any) changed(channel);
  }

  function giveUp({ session, channel }: Subscription, clients: readonly number[]): void {
    if (clients.length === 0) return;
    const { table } = roomOf(channel);
    leave(table, clients, session.id);
    if (table.changed.size > 0) changed(channel);
  }

  return {
    get timers() {
      return timers + (telling === null ? 0 : 1);
    },
    shown() {
      let shown = 0;
      for (const { awareness } of inhabited)
        for (const { told } of awareness?.table.entries.values() ?? []) if (told !== null) shown++;
      return shown;
    },
    opened(channel) {
      publish(channel, [], false, true);
    },
    closed(channel) {
      const { awareness: room } = channel;
      inhabited.delete(channel);
      if (room === null || room.timer === null) return;
      room.timer.cancel();
      room.timer = null;
      timers--;
      // Of the last who left the other nodes have not heard yet.
      tellOthers(channel, room, takeChanges(room.table, isSeen, clock.nowMs()));
    },
    claim(subscription, names) {
      const { session, channel } = subscription;
      const { table } = roomOf(channel);
      for (const client of names)
        if (isForeign(table, client, session.user))
          return { code: 'client_id_taken', detail: `cl: ${client} is somebody else's` };
      giveUp(
        subscription,
        [...subscription.names].filter((client) => !names.has(client)),
      );
      subscription.names = names;
      // Where there is no room for more they are in all the same, and seen by nobody.
      for (const client of names) claim(table, client, session.user, session.id);
      if (names.size > 0) {
        inhabited.add(channel);
        armTelling();
        watchUser(subscription);
      }
      if (table.changed.size > 0) changed(channel);
      return undefined;
    },
    everybody(channel) {
      const room = roomOf(channel);
      return (room.everybody ??= controlFrame(
        `{"t":"aw","c":${channel.json},"ss":[${allTold(room.table).map(awarenessText).join(',')}],"all":true}`,
      ));
    },
    take(link, session, message) {
      const { c, i, cl, n, d } = message;
      const subscription = session.channels?.subscriptions.get(c);
      if (subscription === undefined || subscription.state.name === 'waiting')
        return sendError(context, link, 'not_subscribed', 'join the document first', i);
      const { channel } = subscription;
      if (channel.awareness === null)
        return sendError(context, link, 'kind_mismatch', 'only documents have awareness', i);
      const state = d === undefined ? null : JSON.stringify(d);
      const refused = refusal(subscription, message, state);
      if (refused !== undefined)
        return sendError(context, link, refused.code, refused.detail, i, refused.retryAfterMs);
      const said = say(channel.awareness.table, cl, session.user, session.id, n, state);
      if (said === 'full')
        return sendError(
          context,
          link,
          'limit_reached',
          `awareness of one document: ${MAX_AWARENESS_UNITS}`,
          i,
        );
      if (said === 'foreign')
        return sendError(context, link, 'client_id_taken', `cl: ${cl} is somebody else's`, i);
      if (said === 'taken') changed(channel);
      if (i !== undefined) sendControl(context, link, { t: 'ok', i });
    },
    left(subscription) {
      if (subscription.channel.awareness !== null) giveUp(subscription, [...subscription.names]);
    },
    seen(user) {
      const channels = new Set<HubChannel>();
      for (const session of context.sessionsOf.get(user) ?? [])
        for (const { channel } of session.channels?.subscriptions.values() ?? [])
          if (channel.awareness !== null) channels.add(channel);
      for (const channel of channels) show(channel, user);
    },
    receive(channel, notice) {
      const { awareness: room } = channel;
      if (room === null || notice.node === self) return;
      hear(room.table, notice, steadyMs());
      if (notice.ask) room.owesAll = true;
      if (room.table.changed.size > 0 || room.owesAll) changed(channel);
    },
    afterGap() {
      for (const channel of inhabited) {
        publish(channel, [], false, true);
        roomOf(channel).owesAll = true;
        changed(channel);
      }
    },
    dropHeld(link, { awareness }) {
      if (awareness !== null) context.flusher.dropHeld(link, awareness.ref);
    },
    stop() {
      stopped = true;
      telling?.cancel();
      telling = null;
      for (const { awareness: room } of inhabited) {
        if (room === null || room.timer === null) continue;
        room.timer.cancel();
        room.timer = null;
        timers--;
      }
      inhabited.clear();
    },
  };
}
