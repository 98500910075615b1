import { type Feed, moveTo, newFeed, positionOf, take, takeNext } from '../../core/channel/feed.ts';
import type { PublicationNotice } from '../../ports/broker.ts';
import type { Position, ReadResult } from '../../ports/log.ts';
import type { NodeContext } from '../context.ts';
import type { HubChannel } from '../link-state.ts';
import type { Delivery } from './delivery.ts';
import { logOf } from './log-of.ts';

/** How long a publication that came early waits for the one before it, before the log is read, ms. */
const REORDER_WINDOW_MS = 50;

/** A log that could not be read is asked again after so long, ms. */
const READ_AGAIN_MS = 1_000;

/** Puts what comes for the channels of this node in order, and reads from the log what did not come. */
export type Feeding = {
  readonly timers: number;
  /** The log's top was read: what came meanwhile follows it. */
  begin(channel: HubChannel, top: Position): void;
  feed(channel: HubChannel, notice: PublicationNotice): void;
  /** Somebody has read from the log that the channel began anew, at this top. */
  begunAnew(channel: HubChannel, top: Position): void;
  /** Reads what was lost, where the log has more than was delivered. Never rejects. */
  compareTop(channel: HubChannel): Promise<void> | undefined;
  /** The channel was closed. */
  forget(channel: HubChannel): void;
  /** The node ends: nothing more is read. The channels that are open are forgotten one by one. */
  stop(): void;
};

/** @param isOpen whether it is still the channel of its name: one that was closed may have a successor */
export function createFeeding(
  context: NodeContext,
  delivery: Delivery,
  isOpen: (channel: HubChannel) => boolean,
): Feeding {
  const { clock, telemetry } = context.ports;
  let timers = 0;
  let stopped = false;

  function begin(channel: HubChannel, top: Position): void {
    channel.feed = newFeed(top);
    const { backlog } = channel;
    channel.backlog = [];
    for (const notice of backlog) feed(channel, notice);
  }

  function feed(channel: HubChannel, notice: PublicationNotice): void {
    if (channel.feed === null) {
      channel.backlog.push(notice);
      return;
    }
    switch (take(channel.feed, notice)) {
      case 'deliver':
        delivery.deliver(channel, notice);
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
      delivery.deliver(channel, next);
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
    if (stopped || channel.feed === null || !isOpen(channel)) return;
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
        if (isOpen(channel)) caughtUp(channel, from, result);
      },
      (error: unknown) => {
        channel.reading = false;
        telemetry.warn('channel_read_failed', { channel: name, error: String(error) });
        if (isOpen(channel) && channel.reorder === null) beginReorder(channel, READ_AGAIN_MS);
      },
    );
  }

  function begunAnew(channel: HubChannel, top: Position): void {
    if (channel.feed === null || channel.feed.epoch === top.epoch) return;
    moveTo(channel.feed, top);
    delivery.tellGap(channel, 'epoch', top);
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
        delivery.deliver(channel, {
          kind: 'publication',
          channel: channel.name,
          epoch: from.epoch,
          publication,
          silent: null,
          eventMs: null,
        });
      }
    } else if (result.top.epoch !== channel.feed.epoch || result.top.offset >= channel.feed.next) {
      const anew = result.top.epoch !== channel.feed.epoch;
      moveTo(channel.feed, result.top);
      delivery.tellGap(channel, anew ? 'epoch' : 'dropped', result.top);
    }
    deliverEarly(channel);
    if (channel.readAgain) catchUp(channel);
    else if (channel.feed.early.size > 0 && channel.reorder === null) beginReorder(channel);
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
    get timers() {
      return timers;
    },
    begin,
    feed,
    begunAnew,
    compareTop,
    forget(channel) {
      if (channel.reorder !== null) endReorder(channel);
    },
    stop() {
      stopped = true;
    },
  };
}
