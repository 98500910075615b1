import type { Consumer } from '@platformatic/kafka';
import type { Clock } from '../../ports/clock.ts';
import { partitionName, readFrom, type Held } from './held.ts';
import type { KafkaSettings, KafkaTiming } from './kafka-settings.ts';
import type { Pauses } from './pauses.ts';
import type { Troubles } from './troubles.ts';

/** Special times of the protocol's ListOffsets. */
const LATEST = -1n;
const EARLIEST = -2n;

export type OffsetsDeps = {
  readonly from: KafkaSettings['from'];
  readonly fetcher: Consumer;
  member(): Consumer | null;
  readonly clock: Clock;
  readonly timing: KafkaTiming;
  readonly troubles: Troubles;
  readonly pauses: Pauses;
  explain(error: unknown): string;
  warn(event: string, detail: Readonly<Record<string, unknown>>): void;
};

/** Looks up where partitions are read from, and how long they are. */
export type Offsets = {
  /** Finds where to begin, trying until it knows or the partition is gone. */
  begin(partition: Held): Promise<void>;
  /** What is to be read is not there: goes on at the end that `from` names. */
  reset(partition: Held): Promise<void>;
  /** Asks how long the partitions are that were not fetched for a while. */
  refresh(partitions: Iterable<Held>): Promise<void>;
};

export function createOffsets(deps: OffsetsDeps): Offsets {
  const { fetcher, clock, troubles, pauses, explain } = deps;

  async function edge(topic: string, partition: number, timestamp: bigint): Promise<number> {
    const found = await fetcher.listOffsets({
      topics: [topic],
      partitions: { [topic]: [partition] },
      timestamp,
    });
    const offset = found.get(topic)?.[partition];
    if (offset === undefined)
      throw new Error(`the broker names no offset of ${partitionName(topic, partition)}`);
    return Number(offset);
  }

  async function committedOf({ topic, partition }: Held): Promise<number | null> {
    const member = deps.member();
    if (member === null) throw new Error('this node is not in the group');
    const found = await member.listCommittedOffsets({ topics: [{ topic, partitions: [partition] }] });
    const offset = Number(found.get(topic)?.[partition] ?? -1n);
    return offset < 0 ? null : offset;
  }

  async function untilKnown(partition: Held, look: () => Promise<void>): Promise<void> {
    const name = partitionName(partition.topic, partition.partition);
    for (let attempt = 0; partition.mine; attempt++) {
      try {
        await look();
        break;
      } catch (error) {
        if (!partition.mine) break;
        fetcher.clearMetadata();
        troubles.set(name, 'kafka_offsets_failed', `${name}: ${explain(error)}`);
        if (!(await pauses.backoff(attempt))) break;
      }
    }
    troubles.clear(name);
  }

  const first = deps.from === 'earliest' ? EARLIEST : LATEST;

  return {
    begin: (partition) =>
      untilKnown(partition, async () => {
        const { topic, partition: number } = partition;
        const committed = await committedOf(partition);
        const end = await edge(topic, number, LATEST);
        const start = committed ?? (first === LATEST ? end : await edge(topic, number, first));
        if (partition.mine) partition.reading = readFrom(start, committed, end, clock.monotonicMs());
      }),
    reset: (partition) =>
      untilKnown(partition, async () => {
        const { topic, partition: number, reading } = partition;
        const start = await edge(topic, number, first);
        if (!partition.mine || reading === null || partition.reading !== reading) return;
        deps.warn('kafka_offset_out_of_range', {
          partition: partitionName(topic, number),
          offset: reading.next,
          reason: `the broker does not have it: events were deleted before they were read, or the topic was made anew; it goes on at the ${deps.from}, ${start}`,
        });
        reading.next = start;
        reading.watermark.passTo(start);
      }),
    async refresh(partitions) {
      const dueMs = clock.monotonicMs() - deps.timing.lagMs;
      for (const { topic, partition, reading } of [...partitions]) {
        if (reading === null || reading.endMs > dueMs) continue;
        try {
          reading.end = await edge(topic, partition, LATEST);
          reading.endMs = clock.monotonicMs();
        } catch {
          // Whatever is wrong with its broker is said by those who fetch from it; the lag stays as it was.
          return;
        }
      }
    },
  };
}
