import type { Position } from '../../ports/log.ts';

/** What a feed puts in order: a publication on its way, with its place in the channel. */
export type Fed = { readonly epoch: string; readonly publication: { readonly offset: number } };

/**
 * Publications of one channel as one node receives them. A broker may lose, repeat and reorder them, so each is held
 * against the offset that is next: what comes early waits for a moment, and what does not come is read from the log.
 */
export type Feed<N extends Fed> = {
  epoch: string;
  /** The offset that is delivered next. */
  next: number;
  /** Came before their turn, by offset. */
  readonly early: Map<number, N>;
};

/** Publications that may wait for one before them. More means that it is surely lost, and reading the log is cheaper. */
export const MAX_EARLY = 64;

/** What is to be done about a publication that came in. */
export type Taken =
  /** Deliver it, and then what `takeNext` gives. */
  | 'deliver'
  /** It waits for one before it: if that does not come within the reorder window, read the log. */
  | 'wait'
  /** Too many wait: read the log now. */
  | 'read'
  /** It has been delivered. */
  | 'repeat'
  /** It belongs to another incarnation of the channel: ask the log which one counts. */
  | 'other_epoch';

export function newFeed<N extends Fed>(top: Position): Feed<N> {
  return { epoch: top.epoch, next: top.offset + 1, early: new Map() };
}

export function take<N extends Fed>(feed: Feed<N>, notice: N): Taken {
  if (notice.epoch !== feed.epoch) return 'other_epoch';
  const { offset } = notice.publication;
  if (offset < feed.next) return 'repeat';
  if (offset === feed.next) {
    feed.next++;
    return 'deliver';
  }
  feed.early.set(offset, notice);
  return feed.early.size > MAX_EARLY ? 'read' : 'wait';
}

/** The next one that had come early, where its turn has come. */
export function takeNext<N extends Fed>(feed: Feed<N>): N | undefined {
  const notice = feed.early.get(feed.next);
  if (notice === undefined) return undefined;
  feed.early.delete(feed.next);
  feed.next++;
  return notice;
}

/** The last position that was delivered. */
export function positionOf(feed: Feed<Fed>): Position {
  return { epoch: feed.epoch, offset: feed.next - 1 };
}

/** Goes on behind another position: what lies before it will not be delivered any more. */
export function moveTo(feed: Feed<Fed>, position: Position): void {
  if (position.epoch !== feed.epoch) feed.early.clear();
  feed.epoch = position.epoch;
  feed.next = position.offset + 1;
  for (const offset of feed.early.keys()) if (offset < feed.next) feed.early.delete(offset);
}
