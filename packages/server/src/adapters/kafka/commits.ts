import type { Consumer } from '@platformatic/kafka';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { HeldPartitions } from './held.ts';
import { asksToRejoin } from './kafka-error.ts';
import type { KafkaTiming } from './kafka-settings.ts';
import type { Troubles } from './troubles.ts';

export type CommitsDeps = {
  readonly held: HeldPartitions;
  member(): Consumer | null;
  readonly clock: Clock;
  readonly timing: KafkaTiming;
  readonly troubles: Troubles;
  explain(error: unknown): string;
};

/** Tells the group how far its partitions are done. */
export type Commits = {
  /** Something may have to be committed, soon. */
  note(): void;
  /** Commits what is done and not committed, now; resolves once that was tried. Never rejects. */
  flush(): Promise<void>;
  end(): void;
};

export function createCommits(deps: CommitsDeps): Commits {
  const { held, member, clock, timing, troubles, explain } = deps;
  let timer: Timer | null = null;
  let running: Promise<void> | null = null;
  let ended = false;

  function schedule(ms: number): void {
    if (timer !== null || ended) return;
    timer = clock.setTimer(ms, () => {
      timer = null;
      void flush();
    });
  }

  async function commit(): Promise<void> {
    const consumer = member();
    if (consumer === null) return;
    const due = [...held.values()].flatMap(({ topic, partition, reading }) =>
      // Lower as well: a topic that was made anew begins at 0, and what is committed of the old one would count for it.
      reading !== null && reading.watermark.position !== reading.committed
        ? [{ topic, partition, reading, position: reading.watermark.position }]
        : [],
    );
    if (due.length === 0) return;
    try {
      await consumer.commit({
        offsets: due.map(({ topic, partition, position }) => ({
          topic,
          partition,
          offset: BigInt(position),
          leaderEpoch: -1,
        })),
      });
      for (const { reading, position } of due) reading.committed = position;
      troubles.clear('commit');
    } catch (error) {
      // The group is being divided anew: what is still held behind that is committed then.
      if (!asksToRejoin(error)) troubles.set('commit', 'kafka_commit_failed', explain(error));
      schedule(timing.longestRetryMs);
    }
  }

  /** One at a time: of two, the older could arrive last. */
  function flush(): Promise<void> {
    const mine = (running ?? Promise.resolve()).then(commit);
    running = mine;
    return mine;
  }

  return {
    note: () => schedule(timing.commitMs),
    flush,
    end() {
      ended = true;
      timer?.cancel();
    },
  };
}
