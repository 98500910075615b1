import type { Validate } from '../../core/channel/channel-spec.ts';
import type { FeedEvent } from '../../core/intake/decode-event.ts';

/** What is done with the events of a topic. */
export type FeedTopic = {
  /** What an event must be; null: anything. */
  readonly validate: Validate | null;
  /** The app's own function; what it returns is checked (`readMapped`). May throw. */
  readonly map: (event: FeedEvent) => unknown;
  /** What becomes of an event that the mapping does not know. */
  readonly unknown: 'drop' | 'dead-letter';
  /** What an event is known again by: its id, or where it stood. */
  readonly ids: 'event' | 'place';
};

/** How events of other systems become publications. */
export type Feeds = {
  /** By name. */
  readonly topics: ReadonlyMap<string, FeedTopic>;
  /** The largest content of an event, bytes. */
  readonly eventBytes: number;
};

export const NO_FEEDS: Feeds = { topics: new Map(), eventBytes: 1024 * 1024 };
