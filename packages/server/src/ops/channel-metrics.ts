import type { Registry } from 'prom-client';
import type { Telemetry } from '../ports/telemetry.ts';
import type { NodeCounts } from '../runtime/node-api.ts';
import { createInstruments } from './instruments.ts';
import { createSizeHistogram } from './size-histogram.ts';

/** The part of the reports that is about channels, calls and webhooks. */
export type ChannelTelemetry = Pick<
  Telemetry,
  'publication' | 'gap' | 'channelDropped' | 'recovered' | 'callServed' | 'clientCall' | 'webhook'
>;

export function createChannelMetrics(registry: Registry, counts: () => NodeCounts): ChannelTelemetry {
  const { gauge, counterBy } = createInstruments(registry, counts);

  gauge('carillon_channels', 'Channels that somebody on this node is subscribed to.', (now) => now.channels);
  gauge('carillon_subscriptions', 'Pairs of a session and a channel.', (now) => now.subscriptions);
  gauge('carillon_calls', 'Calls of clients that are being served.', (now) => now.calls);
  gauge(
    'carillon_held_units',
    'UTF-16 units held back for connections that do not read, presence apart.',
    (now) => now.heldUnits,
  );
  const publications = counterBy(
    'carillon_publications_total',
    'kind',
    'Publications, and flushes of signals, sent to subscribers of this node, by `kind` of channel.',
  );
  const channelFanOut = createSizeHistogram(registry, {
    name: 'carillon_channel_fan_out_subscribers',
    help: 'Subscribers on this node that one publication was sent to.',
    highestPower: 20,
    unit: 1,
  });
  const gaps = counterBy(
    'carillon_gaps_total',
    'reason',
    'Subscribers that were told of missing publications, by `reason`.',
  );
  const dropped = counterBy(
    'carillon_channel_dropped_total',
    'policy',
    'Channel messages dropped, or folded into a later one, for a connection that did not read, by `policy` of the channel.',
  );
  const recoveries = counterBy(
    'carillon_recoveries_total',
    'result',
    'Subscriptions from a position, by `result`: `recovered`, or why not (`epoch`, `trimmed`, `ahead`).',
  );
  const replays = createSizeHistogram(registry, {
    name: 'carillon_recovered_publications',
    help: 'Publications replayed for one subscription from a position.',
    highestPower: 16,
    unit: 1,
  });
  const served = counterBy(
    'carillon_calls_total',
    'result',
    'Calls of clients that were answered, by `result`: `ok` or the error code.',
  );
  const callTime = createSizeHistogram(registry, {
    name: 'carillon_call_duration_seconds',
    help: 'From a `call` of a client to its answer.',
    highestPower: 17,
    unit: 0.001,
  });
  const asked = counterBy(
    'carillon_client_calls_total',
    'result',
    'Calls of the server to a session, by `result`: `ok` or the error code.',
  );
  const webhooks = counterBy(
    'carillon_webhooks_total',
    'result',
    'Webhooks by `result`: `delivered`, `retried` (an attempt failed, another follows), `given_up`.',
  );

  return {
    publication(kind, subscribers) {
      publications.add(kind);
      channelFanOut.observe(subscribers);
    },
    gap(reason) {
      gaps.add(reason);
    },
    channelDropped(policy, frames) {
      dropped.add(policy, frames);
    },
    recovered(result, count) {
      recoveries.add(result);
      if (result === 'recovered') replays.observe(count);
    },
    callServed(result, durationMs) {
      served.add(result);
      callTime.observe(durationMs);
    },
    clientCall(result) {
      asked.add(result);
    },
    webhook(result) {
      webhooks.add(result);
    },
  };
}
