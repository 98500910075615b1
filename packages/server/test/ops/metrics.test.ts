import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/ops/logger.ts';
import { createMetrics, type Metrics } from '../../src/ops/metrics.ts';
import { createSizeHistogram } from '../../src/ops/size-histogram.ts';
import { tableAfter } from '../config/markdown-table.ts';

const metrics = (): Metrics => createMetrics(createLogger('silent'));

/** The samples of one metric, by what stands before the value. */
async function samples(
  { registry }: Pick<Metrics, 'registry'>,
  name: string,
): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith(name));
  return Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  );
}

describe('metrics', () => {
  it('are those that docs/metrics.md lists', async () => {
    const page = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');
    const registered = await metrics().registry.getMetricsAsJSON();
    expect(tableAfter(page, '## Of the server')).toEqual(
      registered.map(({ name, type, help }) => [`\`${name}\``, type, help]),
    );
  });

  it('count what is reported, by its label', async () => {
    const m = metrics();
    m.telemetry.login('fresh', 3);
    m.telemetry.login('fresh', 5);
    m.telemetry.login('token_expired', 1);
    m.telemetry.error('rate_limited');
    m.telemetry.messageIn('hb', 10);
    m.telemetry.messageIn('hb', 10);
    m.telemetry.connectionOpened();
    m.telemetry.connectionClosed('draining');
    m.telemetry.warn('something', { cause: 1 });
    expect(await samples(m, 'carillon_logins_total')).toEqual({
      'carillon_logins_total{result="fresh"}': 2,
      'carillon_logins_total{result="token_expired"}': 1,
    });
    expect(await samples(m, 'carillon_errors_total')).toEqual({
      'carillon_errors_total{code="rate_limited"}': 1,
    });
    expect(await samples(m, 'carillon_messages_in_total')).toEqual({
      'carillon_messages_in_total{type="hb"}': 2,
    });
    expect(await samples(m, 'carillon_bytes_in_total')).toEqual({ carillon_bytes_in_total: 20 });
    expect(await samples(m, 'carillon_connections_opened_total')).toEqual({
      carillon_connections_opened_total: 1,
    });
    expect(await samples(m, 'carillon_connections_closed_total')).toEqual({
      'carillon_connections_closed_total{reason="draining"}': 1,
    });
    expect(await samples(m, 'carillon_warnings_total')).toEqual({
      'carillon_warnings_total{event="something"}': 1,
    });
  });

  it('a scrape changes nothing: counters stay what they were', async () => {
    const m = metrics();
    m.telemetry.slowConsumer();
    m.telemetry.presenceResync();
    m.telemetry.conflated();
    m.telemetry.sessionExpired();
    for (let scrape = 0; scrape < 3; scrape++) {
      for (const name of ['slow_consumers', 'presence_resyncs', 'presence_conflated', 'sessions_expired'])
        expect(await samples(m, `carillon_${name}_total`)).toEqual({ [`carillon_${name}_total`]: 1 });
    }
  });

  it('gauges read the node at the moment of the scrape', async () => {
    const m = metrics();
    let connections = 1;
    m.watch(() => ({
      connections,
      streams: 1,
      polls: 0,
      yjs: 2,
      hocuspocus: 1,
      attached: 2,
      detached: 3,
      watchedUsers: 4,
      watchEdges: 5,
      timers: 6,
      channels: 8,
      subscriptions: 9,
      calls: 10,
      heldUnits: 11,
    }));
    expect(await samples(m, 'carillon_connections ')).toEqual({ carillon_connections: 1 });
    connections = 7;
    expect(await samples(m, 'carillon_connections ')).toEqual({ carillon_connections: 7 });
    expect(await samples(m, 'carillon_transport_connections')).toEqual({
      'carillon_transport_connections{transport="websocket"}': 3,
      'carillon_transport_connections{transport="sse"}': 1,
      'carillon_transport_connections{transport="poll"}': 0,
      'carillon_transport_connections{transport="yjs"}': 2,
      'carillon_transport_connections{transport="hocuspocus"}': 1,
    });
    expect(await samples(m, 'carillon_sessions{')).toEqual({
      'carillon_sessions{state="attached"}': 2,
      'carillon_sessions{state="detached"}': 3,
    });
    const all = (await m.registry.metrics())
      .split('\n')
      .filter((line) => /^carillon_[a-z_]+ \d+$/.test(line));
    expect(all).toEqual(
      expect.arrayContaining([
        'carillon_watched_users 4',
        'carillon_watch_edges 5',
        'carillon_timers 6',
        'carillon_channels 8',
        'carillon_subscriptions 9',
        'carillon_calls 10',
        'carillon_held_units 11',
      ]),
    );
  });

  it('count what happens to documents, and read their sizes at the moment of the scrape', async () => {
    const m = metrics();
    m.telemetry.documentUpdate('taken', 40);
    m.telemetry.documentUpdate('taken', 60);
    m.telemetry.documentUpdate('update_gap', 10);
    m.telemetry.documentJoined('difference');
    m.telemetry.documentCompacted(false, 5);
    m.telemetry.documentCompacted(true, 300);
    m.telemetry.documentVersion('automatic');
    expect(await samples(m, 'carillon_document_updates_total')).toEqual({
      'carillon_document_updates_total{result="taken"}': 2,
      'carillon_document_updates_total{result="update_gap"}': 1,
    });
    expect(await samples(m, 'carillon_document_update_bytes_sum')).toEqual({
      carillon_document_update_bytes_sum: 100,
    });
    expect(await samples(m, 'carillon_document_joins_total')).toEqual({
      'carillon_document_joins_total{way="difference"}': 1,
    });
    expect(await samples(m, 'carillon_document_compactions_total')).toEqual({
      'carillon_document_compactions_total{result="failed"}': 1,
      'carillon_document_compactions_total{result="done"}': 1,
    });
    expect(await samples(m, 'carillon_document_compaction_seconds_sum')).toEqual({
      carillon_document_compaction_seconds_sum: 0.3,
    });
    expect(await samples(m, 'carillon_document_versions_total')).toEqual({
      'carillon_document_versions_total{made="automatic"}': 1,
    });

    expect(await samples(m, 'carillon_document_tail_bytes')).toEqual({ carillon_document_tail_bytes: 0 });
    let tailBytes = 10;
    let retained = (): Promise<number> => Promise.resolve(5);
    m.watchDocuments(() => ({
      open: 2,
      snapshotBytes: 3,
      tailBytes,
      people: 6,
      jobs: 4,
      retained: () => retained(),
    }));
    const gauges = async (): Promise<readonly string[]> =>
      (await m.registry.metrics())
        .split('\n')
        .filter((line) =>
          /^carillon_document(s|_snapshot_bytes|_tail_bytes|_people|_jobs|s_retained) \d+$/.test(line),
        );
    expect(await gauges()).toEqual([
      'carillon_documents 2',
      'carillon_document_snapshot_bytes 3',
      'carillon_document_tail_bytes 10',
      'carillon_document_people 6',
      'carillon_document_jobs 4',
      'carillon_documents_retained 0',
    ]);
    tailBytes = 0;
    // Workers answer behind their jobs, for the next scrape; those that cannot be asked leave what was known.
    retained = () => Promise.reject(new Error('gone'));
    expect(await gauges()).toEqual([
      'carillon_documents 2',
      'carillon_document_snapshot_bytes 3',
      'carillon_document_tail_bytes 0',
      'carillon_document_people 6',
      'carillon_document_jobs 4',
      'carillon_documents_retained 5',
    ]);
    expect(await gauges()).toContain('carillon_documents_retained 5');
  });

  it('count what happens to channels, calls and webhooks', async () => {
    const m = metrics();
    m.telemetry.publication('stream', 3);
    m.telemetry.publication('stream', 1_000);
    m.telemetry.publication('signal', 0);
    m.telemetry.gap('dropped');
    m.telemetry.channelDropped('drop-oldest', 7);
    m.telemetry.channelDropped('drop-oldest', 2);
    m.telemetry.recovered('recovered', 50);
    m.telemetry.recovered('trimmed', 0);
    m.telemetry.callServed('ok', 3);
    m.telemetry.callServed('deadline_exceeded', 5_000);
    m.telemetry.clientCall('call_failed');
    m.telemetry.webhook('retried');
    m.telemetry.webhook('delivered');
    expect(await samples(m, 'carillon_publications_total')).toEqual({
      'carillon_publications_total{kind="stream"}': 2,
      'carillon_publications_total{kind="signal"}': 1,
    });
    expect(await samples(m, 'carillon_channel_fan_out_subscribers')).toMatchObject({
      'carillon_channel_fan_out_subscribers_bucket{le="0"}': 1,
      'carillon_channel_fan_out_subscribers_bucket{le="4"}': 2,
      carillon_channel_fan_out_subscribers_sum: 1_003,
      carillon_channel_fan_out_subscribers_count: 3,
    });
    expect(await samples(m, 'carillon_gaps_total')).toEqual({ 'carillon_gaps_total{reason="dropped"}': 1 });
    expect(await samples(m, 'carillon_channel_dropped_total')).toEqual({
      'carillon_channel_dropped_total{policy="drop-oldest"}': 9,
    });
    expect(await samples(m, 'carillon_recoveries_total')).toEqual({
      'carillon_recoveries_total{result="recovered"}': 1,
      'carillon_recoveries_total{result="trimmed"}': 1,
    });
    expect(await samples(m, 'carillon_recovered_publications')).toMatchObject({
      carillon_recovered_publications_sum: 50,
      carillon_recovered_publications_count: 1,
    });
    expect(await samples(m, 'carillon_calls_total')).toEqual({
      'carillon_calls_total{result="ok"}': 1,
      'carillon_calls_total{result="deadline_exceeded"}': 1,
    });
    expect(await samples(m, 'carillon_call_duration_seconds')).toMatchObject({
      'carillon_call_duration_seconds_bucket{le="0.004"}': 1,
      carillon_call_duration_seconds_sum: 5.003,
    });
    expect(await samples(m, 'carillon_client_calls_total')).toEqual({
      'carillon_client_calls_total{result="call_failed"}': 1,
    });
    expect(await samples(m, 'carillon_webhooks_total')).toEqual({
      'carillon_webhooks_total{result="retried"}': 1,
      'carillon_webhooks_total{result="delivered"}': 1,
    });
  });

  it('show how many publications of events came within the objective', async () => {
    const m = metrics();
    for (const lateMs of [0, 1, 999.5, 1_000, 1_000.5, 5_000_000]) m.telemetry.feedDelivered(lateMs);
    expect(await samples(m, 'carillon_feed_delivery_seconds')).toMatchObject({
      'carillon_feed_delivery_seconds_bucket{le="0.001"}': 2,
      'carillon_feed_delivery_seconds_bucket{le="0.75"}': 2,
      'carillon_feed_delivery_seconds_bucket{le="1"}': 4,
      'carillon_feed_delivery_seconds_bucket{le="1.5"}': 5,
      'carillon_feed_delivery_seconds_bucket{le="3600"}': 5,
      'carillon_feed_delivery_seconds_bucket{le="+Inf"}': 6,
      carillon_feed_delivery_seconds_count: 6,
    });
    expect(await samples(m, 'carillon_feed_delivery_objective_seconds')).toEqual({
      carillon_feed_delivery_objective_seconds: 1,
    });
  });

  it('fan-out, flushes and logins are distributions', async () => {
    const m = metrics();
    for (const viewers of [0, 1, 3, 1_000]) m.telemetry.fanOut(viewers);
    m.telemetry.flush(2, 300);
    m.telemetry.login('fresh', 12.5);
    expect(await samples(m, 'carillon_fan_out_viewers')).toMatchObject({
      'carillon_fan_out_viewers_bucket{le="0"}': 1,
      'carillon_fan_out_viewers_bucket{le="1"}': 2,
      'carillon_fan_out_viewers_bucket{le="2"}': 2,
      'carillon_fan_out_viewers_bucket{le="4"}': 3,
      'carillon_fan_out_viewers_bucket{le="512"}': 3,
      'carillon_fan_out_viewers_bucket{le="1024"}': 4,
      'carillon_fan_out_viewers_bucket{le="+Inf"}': 4,
      carillon_fan_out_viewers_sum: 1_004,
      carillon_fan_out_viewers_count: 4,
    });
    expect(await samples(m, 'carillon_flush_bytes')).toMatchObject({
      'carillon_flush_bytes_bucket{le="256"}': 0,
      'carillon_flush_bytes_bucket{le="512"}': 1,
      carillon_flush_bytes_sum: 300,
    });
    expect(await samples(m, 'carillon_bytes_out_total')).toEqual({ carillon_bytes_out_total: 300 });
    expect(await samples(m, 'carillon_frames_out_total')).toEqual({ carillon_frames_out_total: 2 });
    expect(await samples(m, 'carillon_login_duration_seconds')).toMatchObject({
      'carillon_login_duration_seconds_bucket{le="0.008"}': 0,
      'carillon_login_duration_seconds_bucket{le="0.016"}': 1,
      carillon_login_duration_seconds_sum: 0.0125,
    });
  });

  it('come with those of the process, also twice in one process', async () => {
    const [first, second] = [metrics(), metrics()];
    for (const m of [first, second]) {
      const { contentType, text } = await m.render();
      expect(contentType).toContain('text/plain');
      expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
      expect(text).toContain('process_resident_memory_bytes');
      expect(text.match(/^# TYPE carillon_connections gauge$/gm)).toHaveLength(1);
    }
  });
});

describe('a size histogram', () => {
  it('puts every whole number into the bucket whose bound is the next power of two', async () => {
    const registry = new Registry();
    const histogram = createSizeHistogram(registry, { name: 'h', help: 'h', highestPower: 10, unit: 1 });
    for (let value = 0; value <= 1_500; value++) histogram.observe(value);
    const found = await samples({ registry }, 'h_bucket');
    for (const bound of [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
      expect(found[`h_bucket{le="${bound}"}`]).toBe(bound + 1);
    expect(found['h_bucket{le="+Inf"}']).toBe(1_501);
  });

  it('takes numbers beyond 32 bits and below zero', async () => {
    const registry = new Registry();
    const histogram = createSizeHistogram(registry, { name: 'h', help: 'h', highestPower: 4, unit: 1 });
    for (const value of [-1, 2 ** 40, Number.MAX_SAFE_INTEGER]) histogram.observe(value);
    expect(await samples({ registry }, 'h_bucket')).toMatchObject({
      'h_bucket{le="0"}': 1,
      'h_bucket{le="16"}': 1,
      'h_bucket{le="+Inf"}': 3,
    });
  });
});
