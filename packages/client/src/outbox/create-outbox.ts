import { CarillonError } from '../carillon-error.ts';
import type { OutboxOption } from './outbox-part.ts';
import { createOutboxShell } from './outbox-shell.ts';
import type { OutboxStore } from './outbox-store.ts';

/** Entries that wait at most, unless the app says otherwise. */
export const DEFAULT_COUNT = 1_000;

/** The bytes that they take in the store: browsers give an origin far more, and memory holds them too. */
export const DEFAULT_BYTES = 4 * 1024 * 1024;

/** Entries that were rejected, or are unknown, and that the app has not dismissed. */
export const DEFAULT_KEPT = 100;

/** Days for which a server remembers the numbers of a queue, unless it is configured otherwise ([PUB7]). */
export const DEFAULT_LANE_DAYS = 30;

const DAY_MS = 24 * 60 * 60_000;

/** The part of that time that is not relied upon: clocks differ, and a message may be long under way. */
const MARGIN = 1 / 30;

export type OutboxOptions = {
  /** Where entries are kept: `indexedDbStore()` in browsers, `fileStore(…)` of `@carillon/client/node`, or one of the app's own. */
  readonly store: OutboxStore;
  /** `all`: streams' and maps' publications go through the outbox unless they say `durable: false`; `asked`: those that say `durable: true`. Absent: `all`. */
  readonly publications?: 'all' | 'asked' | undefined;
  /** Entries that wait at most; one more is refused with `queue_full`. Absent: 1,000. */
  readonly count?: number | undefined;
  /** The bytes that they take in the store, at most. Absent: 4 MiB. */
  readonly bytes?: number | undefined;
  /** Entries that were rejected or are unknown and not dismissed, at most: the oldest are forgotten. Absent: 100. */
  readonly kept?: number | undefined;
  /** The server's `limits.laneDays`, where it is configured with another than 30. */
  readonly laneDays?: number | undefined;
};

/**
 * An outbox for `createClient`: what the user did is kept until the server has answered, in order, over reloads and crashes, and is
 * carried out once.
 *
 * @throws CarillonError `options_invalid`
 */
export function createOutbox(options: OutboxOptions): OutboxOption {
  const { store, publications = 'all' } = options;
  const { count = DEFAULT_COUNT, bytes = DEFAULT_BYTES, kept = DEFAULT_KEPT } = options;
  const { laneDays = DEFAULT_LANE_DAYS } = options;
  if (!(count >= 1 && bytes >= 1 && kept >= 0 && laneDays > 0))
    throw new CarillonError('options_invalid', 'outbox');
  const sureMs = laneDays * DAY_MS * (1 - MARGIN);
  return (host) =>
    createOutboxShell({
      host,
      store,
      settings: { count, bytes, kept, messageBytes: host.settings.messageBytes, sureMs },
      publications: publications === 'all',
    });
}
