import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import { addKey, createKeyOrder, removeKey } from '../../core/channel/key-order.ts';
import { type ChannelNotice, channelTopic } from '../../ports/broker.ts';
import type { Position } from '../../ports/log.ts';
import type { NodeContext } from '../context.ts';
import { type DueQueue, createDueQueue } from '../due-queue.ts';
import { inTurns } from '../turns.ts';
import { createDelivery } from './delivery.ts';
import { createFeeding } from './feeding.ts';
import { documentOf } from './beside.ts';
import { logOf } from './log-of.ts';
import { createMemberCounts } from './member-counts.ts';
import type { MemberTelling } from './member-telling.ts';
import { type NamePage, pageOf } from './name-page.ts';
import type { Awareness } from '../documents/awareness.ts';
import { newAwarenessRoom } from '../documents/awareness-room.ts';
import type { Documents } from '../documents/documents.ts';
import { type SignalSender, newSignalBatch } from './signals.ts';
import type { HubChannel, Subscription } from '../link-state.ts';

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

export function createHub(
  context: NodeContext,
  signals: SignalSender,
  telling: MemberTelling,
  awareness: Pick<Awareness, 'opened' | 'closed' | 'receive'>,
  documents: Pick<Documents, 'closed' | 'delivered' | 'lost'>,
): Hub {
  const { broker, clock, events, members } = context.ports;
  const channels = new Map<string, HubChannel>();
  const occupied = createKeyOrder();
  const isOpen = (channel: HubChannel): boolean => channels.get(channel.name) === channel;
  const memberCounts = createMemberCounts(context, isOpen);
  const feeding = createFeeding(context, createDelivery(context, documents), isOpen);
  const keptReplays: DueQueue<HubChannel> = createDueQueue(clock, REPLAY_KEPT_MS, ({ replays }) =>
    replays.clear(),
  );
  let subscriptions = 0;
  let stopped = false;

  function newChannel(name: string, spec: ChannelSpec, params: HubChannel['params']): HubChannel {
    return {
      name,
      slow: spec.slow,
      heldUnits: spec.heldUnits,
      spec,
      params,
      json: JSON.stringify(name),
      document: documentOf(name, spec, params),
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
      awareness: spec.kind === 'document' ? newAwarenessRoom(name, spec) : null,
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
    if (channel.awareness !== null) awareness.opened(channel);
    const counted = memberCounts.open(channel);
    const read = readTop(channel);
    return counted === undefined ? read : Promise.all([counted, read]).then(() => undefined);
  }

  function readTop(channel: HubChannel): Promise<void> | undefined {
    if (channel.spec.kind === 'signal') return undefined;
    const top = logOf(context, channel.spec).top(channel.name);
    if (top instanceof Promise) return top.then((later) => feeding.begin(channel, later));
    feeding.begin(channel, top);
    return undefined;
  }

  function release(channel: HubChannel): void {
    channel.pins--;
    closeIfUnused(channel);
  }

  function closeIfUnused(channel: HubChannel): void {
    if (channel.pins === 0 && channel.subscriptions.size === 0) close(channel);
  }

  function close(channel: HubChannel): void {
    if (!isOpen(channel)) return;
    channels.delete(channel.name);
    broker.unsubscribe(channelTopic(channel.name));
    keptReplays.remove(channel);
    feeding.forget(channel);
    signals.forget(channel);
    documents.closed(channel);
    awareness.closed(channel);
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
        feeding.feed(channel, notice);
        return;
      case 'signal':
        signals.take(channel, notice);
        return;
      case 'awareness':
        awareness.receive(channel, notice);
        return;
      case 'member':
        memberCounts.receive(channel, notice);
    }
  }

  return {
    get size() {
      return channels.size;
    },
    get subscriptions() {
      return subscriptions;
    },
    get timers() {
      return feeding.timers + keptReplays.size;
    },
    occupied: (after, limit) => pageOf(occupied, after, limit, isOccupied),
    get: (name) => channels.get(name),
    open,
    release,
    add,
    remove,
    receive,
    begunAnew: feeding.begunAnew,
    keepReplay: (channel) => keptReplays.add(channel),
    async compareTops() {
      // In pieces: a log in process answers at once, and a hundred thousand answers would hold everybody up.
      for await (const slice of inTurns(context, channels.values())) {
        if (stopped) return;
        await Promise.all([...slice.map(feeding.compareTop), ...slice.map(memberCounts.compare)]);
      }
    },
    stop() {
      stopped = true;
      feeding.stop();
      for (const channel of channels.values()) {
        feeding.forget(channel);
        signals.forget(channel);
      }
      keptReplays.clear();
    },
  };
}
