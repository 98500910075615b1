import { publicationText, ownPublicationText } from '../../core/channel/channel-messages.ts';
import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import { type Feed, moveTo, newFeed, positionOf, take, takeNext } from '../../core/channel/feed.ts';
import { addKey, createKeyOrder, removeKey } from '../../core/channel/key-order.ts';
import { type OutboundFrame, channelFrame, controlFrame } from '../../core/outbox/frame.ts';
import { type ChannelNotice, type PublicationNotice, channelTopic } from '../../ports/broker.ts';
import type { Log, Position, Publication, ReadResult } from '../../ports/log.ts';
import type { NodeContext } from '../context.ts';
import { type DueQueue, createDueQueue } from '../due-queue.ts';
import { inTurns } from '../turns.ts';
import { createMemberCounts } from './member-counts.ts';
import type { MemberTelling } from './member-telling.ts';
import { type NamePage, pageOf } from './name-page.ts';
import { type SignalSender, newSignalBatch } from './signals.ts';
import type { HubChannel, Subscription } from '../link-state.ts';

/** How long a publication that came early waits for the one before it, before the log is read, ms. */
const REORDER_WINDOW_MS = 50;

/** Publications kept behind a replay that is being read; beyond it the log is read once more. */
const MAX_BUFFERED = 1_000;

/** A log that could not be read is asked again after so long, ms. */
const READ_AGAIN_MS = 1_000;

/** How long a replay is kept for others who missed the same, ms. */
const REPLAY_KEPT_MS = 5_000;

/** The channels of this node: which are open, what comes in for them, and to whom it goes. */
export type Hub = {
  readonly size: number;
  readonly subscriptions: number;
  readonly timers: number;
  /** A page of the channels that somebody is subscribed to, in their order. */
  occupied(after: string | null, limit: number): NamePage;
  get(name: string): HubChannel | undefined;
  /**
   * Opens a channel and holds it open until `release`. Rejects where the broker or the log cannot be reached; then it
   * need not be released.
   */
  open(name: string, spec: ChannelSpec, params: HubChannel['params']): HubChannel | Promise<HubChannel>;
  release(channel: HubChannel): void;
  add(subscription: Subscription): void;
  remove(subscription: Subscription): void;
  receive(notice: ChannelNotice): void;
  /**
   * Whoever joins has read from the log that the channel began anew, which this node did not know yet: all others are told, and
   * those who are joining read once more. A subscription that lived in an epoch of its own would be told of it later, as of
   * something that it lost, or be sent what belongs to the epoch before.
   */
  begunAnew(channel: HubChannel, top: Position): void;
  /** A replay was made and is kept for a while. */
  keepReplay(channel: HubChannel): void;
  /** Compares with the log, and with who is in the channels, what was delivered; reads what was lost. Never rejects. */
  compareTops(): Promise<void>;
  stop(): void;
};

export function logOf(context: NodeContext, spec: ChannelSpec): Log {
  return spec.durability === 'stored' ? context.ports.logs.stored : context.ports.logs.memory;
}

export function createHub(context: NodeContext, signals: SignalSender, telling: MemberTelling): Hub {
  const { broker, clock, events, members, telemetry } = context.ports;
  const channels = new Map<string, HubChannel>();
  const occupied = createKeyOrder();
  const memberCounts = createMemberCounts(context, (channel) => channels.get(channel.name) === channel);
  const keptReplays: DueQueue<HubChannel> = createDueQueue(clock, REPLAY_KEPT_MS, ({ replays }) =>
    replays.clear(),
  );
  let subscriptions = 0;
  let timers = 0;
  let stopped = false;

  function newChannel(name: string, spec: ChannelSpec, params: HubChannel['params']): HubChannel {
    return {
      name,
      slow: spec.slow,
      heldUnits: spec.heldUnits,
      spec,
      params,
      json: JSON.stringify(name),
      subscriptions: new Set(),
      pins: 0,
      opening: null,
      feed: null,
      backlog: [],
      reading: false,
      readAgain: false,
      reorder: null,
      replays: new Map(),
      signals: spec.kind === 'signal' ? newSignalBatch() : null,
      members: spec.members ? new Map() : null,
      memberFeed: null,
    };
  }

  function open(
    name: string,
    spec: ChannelSpec,
    params: HubChannel['params'],
  ): HubChannel | Promise<HubChannel> {
    const there = channels.get(name);
    const channel = there ?? newChannel(name, spec, params);
    channel.pins++;
    if (there === undefined) {
      channels.set(name, channel);
      begin(channel);
    }
    return channel.opening === null ? channel : channel.opening.then(() => channel);
  }

  /** Subscribed first, then the top is read: what is published between the two waits in the backlog. */
  function begin(channel: HubChannel): void {
    const subscribing = broker.subscribe(channelTopic(channel.name));
    const begun = subscribing === undefined ? readFirst(channel) : subscribing.then(() => readFirst(channel));
    if (begun === undefined) return;
    channel.opening = begun.then(
      () => {
        channel.opening = null;
      },
      (error: unknown) => {
        close(channel);
        throw error;
      },
    );
    // Whoever opens it waits for a promise made from this one.
    channel.opening.catch(() => undefined);
  }

  function readFirst(channel: HubChannel): Promise<void> | undefined {
    const counted = memberCounts.open(channel);
    const read = readTop(channel);
    return counted === undefined ? read : Promise.all([counted, read]).then(() => undefined);
  }

  function readTop(channel: HubChannel): Promise<void> | undefined {
    if (channel.spec.kind === 'signal') return undefined;
    const top = logOf(context, channel.spec).top(channel.name);
    if (top instanceof Promise) return top.then((later) => ready(channel, later));
    ready(channel, top);
    return undefined;
  }

  function ready(channel: HubChannel, top: Position): void {
    channel.feed = newFeed(top);
    const { backlog } = channel;
    channel.backlog = [];
    for (const notice of backlog) feed(channel, notice);
  }

  function release(channel: HubChannel): void {
    channel.pins--;
    closeIfUnused(channel);
  }

  function closeIfUnused(channel: HubChannel): void {
    if (channel.pins === 0 && channel.subscriptions.size === 0) close(channel);
  }

  function close(channel: HubChannel): void {
    if (channels.get(channel.name) !== channel) return;
    channels.delete(channel.name);
    broker.unsubscribe(channelTopic(channel.name));
    keptReplays.remove(channel);
    if (channel.reorder !== null) endReorder(channel);
    signals.forget(channel);
  }

  function add(subscription: Subscription): void {
    const { channel } = subscription;
    channel.subscriptions.add(subscription);
    subscriptions++;
    if (channel.subscriptions.size > 1) return;
    addKey(occupied, channel.name);
    tellOccupied(channel.name, true);
  }

  function remove(subscription: Subscription): void {
    const { channel } = subscription;
    if (!channel.subscriptions.delete(subscription)) return;
    subscriptions--;
    if (channel.subscriptions.size === 0) {
      removeKey(occupied, isOccupied);
      tellOccupied(channel.name, false);
    }
    closeIfUnused(channel);
  }

  /** The first of all nodes, or the last, is told to whoever wants to hear of it. */
  function tellOccupied(name: string, present: boolean): void {
    telling.set(`\n${name}`, present, (now) => {
      const isOnly = now ? members.occupied(name) : members.vacated(name);
      if (isOnly instanceof Promise) return isOnly.then((only) => void (only && tellEvent(name, now)));
      if (isOnly) tellEvent(name, now);
      return undefined;
    });
  }

  function tellEvent(name: string, present: boolean): void {
    if (present) events.channelOccupied(name, clock.nowMs());
    else events.channelVacated(name, clock.nowMs());
  }

  function isOccupied(name: string): boolean {
    return (channels.get(name)?.subscriptions.size ?? 0) > 0;
  }

  function receive(notice: ChannelNotice): void {
    const channel = channels.get(notice.channel);
    if (channel === undefined) return;
    switch (notice.kind) {
      case 'publication':
        feed(channel, notice);
        return;
      case 'signal':
        signals.take(channel, notice);
        return;
      case 'member':
        memberCounts.receive(channel, notice);
    }
  }

  function feed(channel: HubChannel, notice: PublicationNotice): void {
    if (channel.feed === null) {
      channel.backlog.push(notice);
      return;
    }
    switch (take(channel.feed, notice)) {
      case 'deliver':
        deliver(channel, notice);
        deliverEarly(channel);
        return;
      case 'wait':
        if (channel.reorder === null && !channel.reading) beginReorder(channel);
        return;
      case 'read':
      case 'other_epoch':
        catchUp(channel);
        return;
      case 'repeat':
    }
  }

  function deliverEarly(channel: HubChannel): void {
    if (channel.feed === null || channel.feed.early.size === 0) return;
    for (let next = takeNext(channel.feed); next !== undefined; next = takeNext(channel.feed))
      deliver(channel, next);
    if (channel.feed.early.size === 0 && channel.reorder !== null) endReorder(channel);
  }

  function beginReorder(channel: HubChannel, delayMs = REORDER_WINDOW_MS): void {
    if (stopped) return;
    timers++;
    channel.reorder = clock.setTimer(delayMs, () => {
      timers--;
      channel.reorder = null;
      catchUp(channel);
    });
  }

  function endReorder(channel: HubChannel): void {
    channel.reorder?.cancel();
    channel.reorder = null;
    timers--;
  }

  /** Reads what did not come. One reading at a time: what comes meanwhile waits in the feed. */
  function catchUp(channel: HubChannel): void {
    // Behind the end of the node the log is closed, and would be asked again for ever.
    if (stopped || channel.feed === null || channels.get(channel.name) !== channel) return;
    if (channel.reading) {
      channel.readAgain = true;
      return;
    }
    if (channel.reorder !== null) endReorder(channel);
    channel.reading = true;
    channel.readAgain = false;
    const { spec, name } = channel;
    const from = positionOf(channel.feed);
    Promise.resolve(logOf(context, spec).read(name, from, spec.retention, clock.nowMs())).then(
      (result) => {
        channel.reading = false;
        if (channels.get(name) === channel) caughtUp(channel, from, result);
      },
      (error: unknown) => {
        channel.reading = false;
        telemetry.warn('channel_read_failed', { channel: name, error: String(error) });
        if (channels.get(name) === channel && channel.reorder === null) beginReorder(channel, READ_AGAIN_MS);
      },
    );
  }

  function begunAnew(channel: HubChannel, top: Position): void {
    if (channel.feed === null || channel.feed.epoch === top.epoch) return;
    moveTo(channel.feed, top);
    tellGap(channel, 'epoch', top);
  }

  function caughtUp(channel: HubChannel, from: Position, result: ReadResult): void {
    if (channel.feed === null) return;
    // It began anew while the log was read: the answer is about what counts no more.
    if (channel.feed.epoch !== from.epoch) return catchUp(channel);
    if (result.ok) {
      for (const publication of result.publications) {
        // What came while the log was read was delivered in its turn.
        if (publication.offset !== channel.feed.next) continue;
        channel.feed.next++;
        // It may have come too, early: left there, the feed would wait for its turn for ever, and the log be read for it.
        channel.feed.early.delete(publication.offset);
        deliver(channel, {
          kind: 'publication',
          channel: channel.name,
          epoch: from.epoch,
          publication,
          silent: null,
        });
      }
    } else if (result.top.epoch !== channel.feed.epoch || result.top.offset >= channel.feed.next) {
      const anew = result.top.epoch !== channel.feed.epoch;
      moveTo(channel.feed, result.top);
      tellGap(channel, anew ? 'epoch' : 'dropped', result.top);
    }
    deliverEarly(channel);
    if (channel.readAgain) catchUp(channel);
    else if (channel.feed.early.size > 0 && channel.reorder === null) beginReorder(channel);
  }

  /** Publications are gone that nobody can read any more: everyone is told, at this very place in the order. */
  function tellGap(channel: HubChannel, why: 'epoch' | 'dropped', top: Position): void {
    const text = `{"t":"gap","c":${channel.json},"why":"${why}","e":${JSON.stringify(top.epoch)},"o":${top.offset}}`;
    const frame = controlFrame(text);
    channel.replays.clear();
    for (const subscription of channel.subscriptions) {
      const { state } = subscription;
      if (state.name === 'joining') state.lost = true;
      if (state.name !== 'live') continue;
      // It joined behind that: a client that knows it takes no notice, and would never ask to be sent more.
      if (why === 'dropped' && state.from >= top.offset) continue;
      telemetry.gap(why);
      context.flusher.send(state.link, frame);
      // Of a map nothing counts any more, and publications alone do not make it whole: the client reads it anew.
      if (channel.spec.kind === 'map') subscription.state = { name: 'stalled', link: state.link };
      else subscription.state = { name: 'live', link: state.link, from: 0 };
    }
  }

  function deliver(channel: HubChannel, { publication, silent }: PublicationNotice): void {
    const { offset, key } = publication;
    const frame = channelFrame(channel, key, offset, publicationText(channel.json, publication));
    if (channel.replays.size > 0) channel.replays.clear();
    let told = 0;
    for (const subscription of channel.subscriptions) {
      const { state } = subscription;
      if (state.name === 'live') {
        // Up to there its replay has told it already.
        if (offset <= state.from) continue;
        told++;
        context.flusher.send(
          state.link,
          silent !== null && silent.session === subscription.session.id
            ? own(channel, publication, silent.request)
            : frame,
        );
      } else if (state.name === 'joining') {
        if (state.buffer.length < MAX_BUFFERED) {
          const isOwn = silent !== null && silent.session === subscription.session.id;
          state.buffer.push({ offset, frame: isOwn ? own(channel, publication, silent.request) : frame });
        } else state.lost = true;
      }
    }
    telemetry.publication(channel.spec.kind, told);
  }

  /** With the key that it set: only what sets that key again may take its place, for the client alone has the value. */
  function own(channel: HubChannel, { key, offset }: Publication, request: number | null): OutboundFrame {
    return channelFrame(channel, key, offset, ownPublicationText(channel.json, offset, request));
  }

  function compareTop(channel: HubChannel): Promise<void> | undefined {
    const { feed } = channel;
    if (feed === null || channel.reading) return undefined;
    const delivered = positionOf(feed);
    const top = logOf(context, channel.spec).top(channel.name);
    if (!(top instanceof Promise)) {
      compared(channel, feed, delivered, top);
      return undefined;
    }
    return top.then(
      (later) => compared(channel, feed, delivered, later),
      (error: unknown) =>
        telemetry.warn('channel_read_failed', { channel: channel.name, error: String(error) }),
    );
  }

  function compared(
    channel: HubChannel,
    feed: Feed<PublicationNotice>,
    delivered: Position,
    top: Position,
  ): void {
    const now = positionOf(feed);
    // What was delivered while the log was asked is newer than its answer.
    const moved = now.offset !== delivered.offset || now.epoch !== delivered.epoch;
    if (!moved && (top.epoch !== now.epoch || top.offset > now.offset)) catchUp(channel);
  }

  return {
    get size() {
      return channels.size;
    },
    get subscriptions() {
      return subscriptions;
    },
    get timers() {
      return timers + keptReplays.size;
    },
    occupied: (after, limit) => pageOf(occupied, after, limit, isOccupied),
    get: (name) => channels.get(name),
    open,
    release,
    add,
    remove,
    receive,
    begunAnew,
    keepReplay: (channel) => keptReplays.add(channel),
    async compareTops() {
      // In pieces: a log in process answers at once, and a hundred thousand answers would hold everybody up.
      for await (const slice of inTurns(context, channels.values())) {
        if (stopped) return;
        await Promise.all([...slice.map(compareTop), ...slice.map(memberCounts.compare)]);
      }
    },
    stop() {
      stopped = true;
      for (const channel of channels.values()) {
        if (channel.reorder !== null) endReorder(channel);
        signals.forget(channel);
      }
      keptReplays.clear();
    },
  };
}
