import { Counter, Gauge, type Registry } from 'prom-client';
import type { Source } from '../ports/source.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { createLatencyHistogram, createSizeHistogram } from './size-histogram.ts';

/** What is promised of the way from an event to a socket, s. */
const DELIVERY_OBJECTIVE_SECONDS = 1;

/** Around the objective, and far behind it where somebody asks by how much. */
const DELIVERY_BOUNDS_MS = [
  1, 2, 5, 10, 25, 50, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 5_000, 10_000, 30_000, 60_000,
  300_000, 3_600_000,
];

export type FeedMetrics = {
  readonly telemetry: Pick<Telemetry, 'feedEvent' | 'feedDelivered'>;
  /** Names the sources whose positions are read at each scrape. */
  watch(sources: () => readonly Source[]): void;
};

/** What is measured of events of other systems. */
export function createFeedMetrics(registry: Registry): FeedMetrics {
  let sources: () => readonly Source[] = () => [];
  /** By source, topic and result: as many as the configuration has topics. */
  const counts = new Map<string, { readonly labels: Record<string, string>; value: number }>();

  new Counter({
    name: 'carillon_feed_events_total',
    help: 'Events of other systems by `source`, `topic` (empty: one that nothing is mapped for) and `result`: `applied`, `duplicate`, `ignored`, `unavailable`, or why it is poison.',
    labelNames: ['source', 'topic', 'result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of counts.values()) this.inc(labels, value);
    },
  });
  const durations = createSizeHistogram(registry, {
    name: 'carillon_feed_event_duration_seconds',
    help: 'From the moment a source brought an event to its verdict.',
    highestPower: 17,
    unit: 0.001,
  });
  const deliveries = createLatencyHistogram(registry, {
    name: 'carillon_feed_delivery_seconds',
    help: 'From an event to its publication at the sockets of this node: once for each node with subscribers, where the event says when it happened.',
    boundsMs: DELIVERY_BOUNDS_MS,
  });
  new Gauge({
    name: 'carillon_feed_delivery_objective_seconds',
    help: 'What `carillon_feed_delivery_seconds` is to stay below.',
    registers: [registry],
  }).set(DELIVERY_OBJECTIVE_SECONDS);
  const perPartition = ['source', 'topic', 'partition'] as const;
  new Gauge({
    name: 'carillon_feed_position',
    help: 'How far a source is, by `source`, `topic` and `partition`: the offset behind the last event that is done.',
    labelNames: perPartition,
    registers: [registry],
    collect() {
      this.reset();
      for (const source of sources())
        for (const { topic, partition, position } of source.positions())
          this.set({ source: source.name, topic, partition }, position);
    },
  });
  new Gauge({
    name: 'carillon_feed_lag',
    help: 'Events that wait at a source behind its position, by `source`, `topic` and `partition`.',
    labelNames: perPartition,
    registers: [registry],
    collect() {
      this.reset();
      for (const source of sources())
        for (const { topic, partition, lag } of source.positions())
          if (lag !== null) this.set({ source: source.name, topic, partition }, lag);
    },
  });
  new Gauge({
    name: 'carillon_feed_source_up',
    help: '1 while a source brings events, 0 while it is in trouble, by `source`.',
    labelNames: ['source'],
    registers: [registry],
    collect() {
      this.reset();
      for (const source of sources()) this.set({ source: source.name }, source.trouble() === null ? 1 : 0);
    },
  });

  return {
    telemetry: {
      feedEvent(source, topic, result, durationMs) {
        const key = `${source} ${topic} ${result}`;
        const counted = counts.get(key);
        if (counted === undefined) counts.set(key, { labels: { source, topic, result }, value: 1 });
        else counted.value++;
        durations.observe(durationMs);
      },
      feedDelivered(lateMs) {
        deliveries.observe(lateMs);
      },
    },
    watch(given) {
      sources = given;
    },
  };
}
