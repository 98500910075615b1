import type { Consumer } from '@platformatic/kafka';
import type { Clock } from '../../ports/clock.ts';
import {
  isDrained,
  isFarAhead,
  partitionName,
  type Held,
  type HeldPartitions,
  type Reading,
} from './held.ts';
import { OFFSET_OUT_OF_RANGE } from './kafka-error.ts';
import type { KafkaTiming } from './kafka-settings.ts';
import type { Pauses } from './pauses.ts';
import { recordsOf } from './records.ts';
import type { Troubles } from './troubles.ts';

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;
type PartitionResponse = FetchResponse['responses'][number]['partitions'][number];
type Metadata = Awaited<ReturnType<Consumer['metadata']>>;
/** A partition as it was asked for: what it has become since is what the answer may no longer fit. */
type Asked = { readonly partition: Held; readonly reading: Reading; readonly offset: number };

/** Fetched at a time, in bytes; a broker sends one larger event all the same. */
export const FETCH_BYTES = 8 * 1_024 * 1_024;
export const PARTITION_BYTES = 1_024 * 1_024;

/** A fetch waits no longer than this, in ms, where other partitions of the same broker will want one soon. */
const SHORT_WAIT_MS = 5;

/** Fetches the partitions that are held, from the brokers that lead them: one request to each at a time. */
export type Fetching = {
  /** Fetches what has nothing left to be brought. */
  wake(): void;
};

export type FetchingDeps = {
  readonly held: HeldPartitions;
  readonly fetcher: Consumer;
  readonly topics: readonly string[];
  readonly timing: KafkaTiming;
  readonly clock: Clock;
  readonly troubles: Troubles;
  readonly pauses: Pauses;
  explain(error: unknown): string;
  mayFetch(): boolean;
  /** Something waits to be brought. */
  onFetched(): void;
  /** The broker no longer has, or does not yet have, what was asked for. */
  onOutOfRange(partition: Held): Promise<void>;
};

export function createFetching(deps: FetchingDeps): Fetching {
  const { held, fetcher, topics, timing, clock, troubles, pauses, explain, mayFetch, onFetched } = deps;
  /** Brokers that were asked and have not answered, or are left alone for a while. */
  const busy = new Set<number>();
  const failures = new Map<number, number>();
  let looking = false;
  let again = false;

  const wanted = (): boolean => {
    for (const { reading } of held.values())
      if (reading !== null && !reading.resting && isDrained(reading)) return true;
    return false;
  };

  async function wake(): Promise<void> {
    again = true;
    if (looking) return;
    looking = true;
    for (let attempt = 0; again;) {
      again = false;
      if (!mayFetch() || !wanted()) continue;
      try {
        look(await fetcher.metadata({ topics: [...topics] }));
        troubles.clear('metadata');
        attempt = 0;
      } catch (error) {
        if (!mayFetch()) continue;
        troubles.set('metadata', 'kafka_unreachable', explain(error));
        again = await pauses.backoff(attempt++);
      }
    }
    looking = false;
  }

  function look(metadata: Metadata): void {
    const byBroker = new Map<number, Asked[]>();
    const filled = new Set<number>();
    for (const partition of held.values()) {
      const { reading } = partition;
      if (reading === null || reading.resting) continue;
      const leader = metadata.topics.get(partition.topic)?.partitions[partition.partition]?.leader ?? -1;
      if (leader < 0) void rest(partition, reading, 'it has no leader');
      else if (!isDrained(reading)) {
        // One that is held up wants nothing soon.
        if (!isFarAhead(reading)) filled.add(leader);
      } else {
        const list = byBroker.get(leader) ?? [];
        list.push({ partition, reading, offset: reading.next });
        byBroker.set(leader, list);
      }
    }
    for (const [broker, asked] of byBroker)
      if (!busy.has(broker))
        void ask(broker, asked, metadata, filled.has(broker) ? SHORT_WAIT_MS : timing.fetchWaitMs);
  }

  async function ask(
    broker: number,
    asked: readonly Asked[],
    metadata: Metadata,
    waitMs: number,
  ): Promise<void> {
    busy.add(broker);
    const part = `broker ${broker}`;
    try {
      const response = await fetcher
        .fetch({
          ...requestOf(broker, asked, metadata),
          minBytes: 1,
          maxBytes: FETCH_BYTES,
          maxWaitTime: waitMs,
        })
        .catch((error: unknown) => answerWithin(error) ?? Promise.reject(error));
      failures.delete(broker);
      troubles.clear(part);
      await keep(response, asked, metadata);
    } catch (error) {
      const attempt = failures.get(broker) ?? 0;
      failures.set(broker, attempt + 1);
      // Another broker may lead its partitions by now.
      fetcher.clearMetadata();
      if (mayFetch()) troubles.set(part, 'kafka_fetch_failed', `broker ${broker}: ${explain(error)}`);
      await pauses.backoff(attempt);
    }
    busy.delete(broker);
    onFetched();
    void wake();
  }

  async function keep(response: FetchResponse, asked: readonly Asked[], metadata: Metadata): Promise<void> {
    const names = new Map([...metadata.topics].map(([name, { id }]) => [id, name]));
    for (const { topicId, partitions } of response.responses) {
      const topic = names.get(topicId);
      for (const answer of partitions) {
        const one = asked.find(
          ({ partition }) => partition.topic === topic && partition.partition === answer.partitionIndex,
        );
        // A partition that went, or was fetched from another broker between: the answer is nobody's any more.
        if (one === undefined || !one.partition.mine || one.reading.next !== one.offset) continue;
        await keepPartition(one, answer);
      }
    }
  }

  async function keepPartition(
    { partition, reading, offset }: Asked,
    answer: PartitionResponse,
  ): Promise<void> {
    const name = partitionName(partition.topic, partition.partition);
    if (answer.errorCode === OFFSET_OUT_OF_RANGE) return deps.onOutOfRange(partition);
    if (answer.errorCode !== 0) return void rest(partition, reading, `error code ${answer.errorCode}`);
    troubles.clear(name);
    reading.end = Number(answer.highWatermark);
    reading.endMs = clock.monotonicMs();
    const { records, next } = recordsOf(answer.records ?? [], offset);
    reading.next = next;
    reading.waiting = records;
    reading.at = 0;
  }

  /** Leaves a partition alone that answers with an error: its leader moves, or somebody deleted its topic. */
  async function rest(partition: Held, reading: Reading, reason: string): Promise<void> {
    const name = partitionName(partition.topic, partition.partition);
    reading.resting = true;
    troubles.set(name, 'kafka_fetch_failed', `${name}: ${reason}`);
    fetcher.clearMetadata();
    await pauses.backoff(1);
    reading.resting = false;
    if (!partition.mine) troubles.clear(name);
    void wake();
  }

  return { wake: () => void wake() };
}

/** What a broker is asked for. Epochs of leaders are not told: an answer of a former leader is behind, not wrong. */
function requestOf(broker: number, asked: readonly Asked[], metadata: Metadata) {
  return {
    node: broker,
    topics: asked.map(({ partition, offset }) => ({
      topicId: metadata.topics.get(partition.topic)?.id ?? partition.topic,
      partitions: [
        {
          partition: partition.partition,
          fetchOffset: BigInt(offset),
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
          partitionMaxBytes: PARTITION_BYTES,
        },
      ],
    })),
  };
}

/** The driver throws where one partition has an error; the others' records are in the answer all the same. */
function answerWithin(error: unknown): FetchResponse | null {
  const response: unknown = error instanceof Error ? Reflect.get(error, 'response') : null;
  if (typeof response !== 'object' || response === null) return null;
  const answer = response as FetchResponse;
  return Array.isArray(answer.responses) && answer.responses.length > 0 && answer.errorCode === 0
    ? answer
    : null;
}
