import { pauseMs } from '../core/backoff.ts';
import type { SnapshotEntry, SyncEvent } from '../core/sync/sync-events.ts';
import type { Platform } from '../platform.ts';

/** Reads the app's own snapshot when it is needed: once for each time that the channel was not recovered by replay. */
export type SnapshotReader = {
  /** The channel is live, or not. */
  follow(live: boolean): void;
  /** What was read counts no more. */
  lose(): void;
};

/** @param read absent: the channel holds everything */
export function createSnapshotReader(
  { report, random, setTimer }: Platform,
  read: ((options: { readonly signal: AbortSignal }) => Promise<Iterable<SnapshotEntry>>) | undefined,
  dispatch: (event: SyncEvent) => void,
): SnapshotReader {
  let wanted = read !== undefined;
  let failures = 0;
  let stop = (): void => {};
  let reading = false;

  function begin(): void {
    if (read === undefined) return;
    reading = true;
    const over = new AbortController();
    let cancelPause = (): void => {};
    stop = () => {
      over.abort();
      cancelPause();
      reading = false;
    };
    dispatch({ type: 'reading' });
    new Promise<Iterable<SnapshotEntry>>((resolve) => resolve(read({ signal: over.signal }))).then(
      (entries) => {
        if (over.signal.aborted) return;
        reading = wanted = false;
        failures = 0;
        dispatch({ type: 'snapshot', entries: [...entries] });
      },
      (error: unknown) => {
        if (over.signal.aborted) return;
        report(error);
        cancelPause = setTimer(pauseMs(failures++, random()), begin);
      },
    );
  }

  return {
    follow(live) {
      // What is deleted while nobody hears of it would come back with an older reading.
      if (!live) stop();
      else if (wanted && !reading) begin();
    },
    lose() {
      stop();
      wanted = read !== undefined;
    },
  };
}
