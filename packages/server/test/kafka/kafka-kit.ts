import { createNodeClock } from '../../src/adapters/node/clock.ts';
import type { KafkaSourceOptions, KafkaTiming } from '../../src/adapters/kafka/kafka-settings.ts';
import { usualTiming } from '../../src/adapters/kafka/kafka-settings.ts';
import { type KafkaCluster, type KafkaMessage, onRealKafka } from '../servers/kafka-cluster.ts';

/** What was warned of. */
export type Warnings = {
  readonly events: readonly { readonly event: string; readonly detail: Readonly<Record<string, unknown>> }[];
  /** Resolves once one of this name was. */
  until(event: string): Promise<Readonly<Record<string, unknown>>>;
  warn(event: string, detail: Readonly<Record<string, unknown>>): void;
};

export function createWarnings(): Warnings {
  const events: { event: string; detail: Readonly<Record<string, unknown>> }[] = [];
  const waiting = new Map<string, ((detail: Readonly<Record<string, unknown>>) => void)[]>();
  return {
    events,
    until(event) {
      const found = events.find((one) => one.event === event);
      if (found !== undefined) return Promise.resolve(found.detail);
      return new Promise((resolve) => waiting.set(event, [...(waiting.get(event) ?? []), resolve]));
    },
    warn(event, detail) {
      events.push({ event, detail });
      for (const resolve of waiting.get(event) ?? []) resolve(detail);
      waiting.delete(event);
    },
  };
}

let named = 0;

/** A name that no other test has, on a real cluster neither. */
export const newName = (what: string): string =>
  `carillon-test-${what}-${process.pid}-${Date.now()}-${++named}`;

/** What every source of these tests is made with, but for what a test says. */
export function optionsFor(
  cluster: Pick<KafkaCluster, 'brokers'>,
  changes: Pick<KafkaSourceOptions, 'topics' | 'groupId'> & Partial<KafkaSourceOptions>,
): KafkaSourceOptions {
  return {
    brokers: cluster.brokers,
    clientId: 'carillon-test',
    from: 'earliest',
    deadLetterTopic: null,
    sasl: null,
    tls: null,
    inFlight: 1_000,
    // Real brokers take no less than six. A rebalance of the mock takes a second less than this where somebody is missing.
    sessionMs: onRealKafka ? 6_000 : 4_000,
    clock: createNodeClock(),
    random: Math.random,
    warn: () => undefined,
    ...changes,
  };
}

/** The mock answers a fetch that finds nothing only when its time is over; brokers answer at once. */
export const quickTiming: KafkaTiming = {
  ...usualTiming,
  heartbeatMs: 300,
  fetchWaitMs: 50,
  commitMs: 20,
  retryMs: 20,
  longestRetryMs: 300,
  lagMs: 300,
};

/** Resolves once it holds; for what no event tells of, such as a commit. */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

export const message = (
  partition: number,
  value: KafkaMessage['value'],
  key: string | null = null,
  headers: KafkaMessage['headers'] = [],
): KafkaMessage => ({ partition, key, value, headers });
