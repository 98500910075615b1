import {
  collectDefaultMetrics,
  Gauge,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import type { Telemetry } from '../ports/telemetry.ts';
import { storeUnavailable, type StoreUnavailable } from '../ports/unavailable.ts';
import type { NodeCounts } from '../runtime/node-api.ts';
import { createChannelMetrics } from './channel-metrics.ts';
import { createDocumentMetrics, type DocumentMetrics } from './document-metrics.ts';
import { createFeedMetrics, type FeedMetrics } from './feed-metrics.ts';
import { createInstruments } from './instruments.ts';
import type { Logger } from './logger.ts';
import { createSizeHistogram } from './size-histogram.ts';

export type Metrics = {
  /** What the runtime and the gateways report to. */
  readonly telemetry: Telemetry;
  /** This server's own metrics, without those of the process. */
  readonly registry: Registry;
  /** Names the node whose present numbers are read at each scrape. */
  watch(counts: () => NodeCounts): void;
  /** Names the sources whose positions are read at each scrape. */
  readonly watchSources: FeedMetrics['watch'];
  /** Names what the sizes and jobs of documents are read from at each scrape. */
  readonly watchDocuments: DocumentMetrics['watch'];
  /** Everything, in the Prometheus text format. Rejects with `metricsUnavailable` where it cannot be had at the moment. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Everything as values, for whoever puts the metrics of several processes together. */
  samples(): Promise<readonly MetricObjectWithValues<MetricValue<string>>[]>;
};

/** @param detail whoever scrapes reads it */
export function metricsUnavailable(detail: string): StoreUnavailable {
  return storeUnavailable(detail);
}

/** How often the event loop's delay is sampled. Finer samples would wake an idle process for nothing. */
const LOOP_DELAY_SAMPLE_MS = 20;

let processRegistry: Registry | undefined;

/** The metrics of the process, shared by all servers in it: their samplers cannot be stopped. */
function processMetrics(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry, eventLoopMonitoringPrecision: LOOP_DELAY_SAMPLE_MS });
  }
  return processRegistry;
}

/**
 * Measures one server. Reports add to plain numbers; the registry reads them when it is scraped. docs/metrics.md lists
 * every metric, and a test keeps the two equal.
 */
export function createMetrics(logger: Logger): Metrics {
  const registry = new Registry();
  let counts: () => NodeCounts = () => ({
    connections: 0,
    streams: 0,
    polls: 0,
    yjs: 0,
    hocuspocus: 0,
    attached: 0,
    detached: 0,
    watchedUsers: 0,
    watchEdges: 0,
    timers: 0,
    channels: 0,
    subscriptions: 0,
    calls: 0,
    heldUnits: 0,
  });

  const { gauge, counter, counterBy } = createInstruments(registry, () => counts());

  gauge('carillon_connections', 'Open connections.', (now) => now.connections);
  new Gauge({
    name: 'carillon_transport_connections',
    help: 'Open connections by `transport`: `websocket`, `sse`, `poll`, `yjs`, `hocuspocus`.',
    labelNames: ['transport'],
    registers: [registry],
    collect() {
      const { connections, streams, polls, yjs, hocuspocus } = counts();
      this.set({ transport: 'websocket' }, connections - streams - polls - yjs - hocuspocus);
      this.set({ transport: 'sse' }, streams);
      this.set({ transport: 'poll' }, polls);
      this.set({ transport: 'yjs' }, yjs);
      this.set({ transport: 'hocuspocus' }, hocuspocus);
    },
  });
  new Gauge({
    name: 'carillon_sessions',
    help: 'Sessions by `state`: attached to a connection, or detached and in their grace.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const now = counts();
      this.set({ state: 'attached' }, now.attached);
      this.set({ state: 'detached' }, now.detached);
    },
  });
  gauge('carillon_watched_users', 'Users whom somebody on this node follows.', (now) => now.watchedUsers);
  gauge('carillon_watch_edges', 'Pairs of a session and a user it watches.', (now) => now.watchEdges);
  gauge('carillon_timers', 'Deadlines the node waits for.', (now) => now.timers);

  const opened = counter('carillon_connections_opened_total', 'Connections that were opened.');
  const closed = counterBy(
    'carillon_connections_closed_total',
    'reason',
    'Connections that were closed, by `reason`; `client`: the client or the network ended it.',
  );
  const messages = counterBy(
    'carillon_messages_in_total',
    'type',
    'Messages from clients by `type`; `bad`: could not be understood.',
  );
  const bytesIn = counter(
    'carillon_bytes_in_total',
    'Bytes of the text messages from clients, framing not included.',
  );
  const framesOut = counter('carillon_frames_out_total', 'Messages to clients.');
  const bytesOut = counter('carillon_bytes_out_total', 'Bytes handed to sockets, framing included.');
  const logins = counterBy(
    'carillon_logins_total',
    'result',
    'Logins by `result`: `fresh`, `resumed`, `resume_failed` (a new session instead), or the error code.',
  );
  const errors = counterBy(
    'carillon_errors_total',
    'code',
    'Errors answered to clients and callers, by `code`.',
  );
  const warnings = counterBy(
    'carillon_warnings_total',
    'event',
    'Causes that were logged for the operator, by `event`.',
  );
  const slow = counter(
    'carillon_slow_consumers_total',
    'Times a connection fell behind and what it is owed began to be held.',
  );
  const resyncs = counter(
    'carillon_presence_resyncs_total',
    'Times a connection fell so far behind that it got one full sync instead.',
  );
  const conflated = counter(
    'carillon_presence_conflated_total',
    'Changes that were merged into another before they were sent.',
  );
  const expired = counter(
    'carillon_sessions_expired_total',
    'Sessions whose client did not come back within the grace.',
  );
  const relays = counterBy(
    'carillon_relayed_requests_total',
    'result',
    'Requests of `/sse` and `/poll` that were handed to the node of their line, by `result`: `answer`, `silent` (it did not answer in time), `gone` (there is no such node any more).',
  );
  const fanOut = createSizeHistogram(registry, {
    name: 'carillon_fan_out_viewers',
    help: 'Viewers on this node that one visible change was sent to.',
    highestPower: 20,
    unit: 1,
  });
  const flushFrames = createSizeHistogram(registry, {
    name: 'carillon_flush_frames',
    help: 'Messages in one write to one connection.',
    highestPower: 12,
    unit: 1,
  });
  const flushBytes = createSizeHistogram(registry, {
    name: 'carillon_flush_bytes',
    help: 'Bytes in one write to one connection.',
    highestPower: 24,
    unit: 1,
  });
  const loginTime = createSizeHistogram(registry, {
    name: 'carillon_login_duration_seconds',
    help: 'From the `login` message to its answer.',
    highestPower: 14,
    unit: 0.001,
  });

  const feeds = createFeedMetrics(registry);
  const documents = createDocumentMetrics(registry, () => counts());

  const telemetry: Telemetry = {
    ...createChannelMetrics(registry, () => counts()),
    ...feeds.telemetry,
    ...documents.telemetry,
    connectionOpened() {
      opened.value++;
    },
    connectionClosed(reason) {
      closed.add(reason);
    },
    messageIn(type, bytes) {
      messages.add(type);
      bytesIn.value += bytes;
    },
    error(code) {
      errors.add(code);
    },
    login(result, durationMs) {
      logins.add(result);
      loginTime.observe(durationMs);
    },
    fanOut(viewers) {
      fanOut.observe(viewers);
    },
    flush(frames, bytes) {
      framesOut.value += frames;
      bytesOut.value += bytes;
      flushFrames.observe(frames);
      flushBytes.observe(bytes);
    },
    slowConsumer() {
      slow.value++;
    },
    presenceResync() {
      resyncs.value++;
    },
    conflated() {
      conflated.value++;
    },
    sessionExpired() {
      expired.value++;
    },
    relayed(result) {
      relays.add(result);
    },
    warn(event, detail) {
      warnings.add(event);
      logger.warn({ event, ...detail }, event);
    },
  };

  return {
    telemetry,
    registry,
    watch(of) {
      counts = of;
    },
    watchSources: feeds.watch,
    watchDocuments: documents.watch,
    async render() {
      const texts = await Promise.all([registry.metrics(), processMetrics().metrics()]);
      return { contentType: registry.contentType, text: texts.join('\n') };
    },
    async samples() {
      const all = await Promise.all([registry.getMetricsAsJSON(), processMetrics().getMetricsAsJSON()]);
      return all.flat();
    },
  };
}
