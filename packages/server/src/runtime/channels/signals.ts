import { signalText } from '../../core/channel/channel-messages.ts';
import { channelFrame } from '../../core/outbox/frame.ts';
import type { SignalNotice } from '../../ports/broker.ts';
import type { NodeContext } from '../context.ts';
import type { HubChannel, SignalBatch } from '../link-state.ts';

export function newSignalBatch(): SignalBatch {
  return { latest: new Map(), timer: null, flushedAtMs: Number.NEGATIVE_INFINITY, flushes: 0 };
}

export type SignalSender = {
  take(channel: HubChannel, notice: SignalNotice): void;
  forget(channel: HubChannel): void;
  readonly timers: number;
};

/** Sends signals on: at once where the channel was quiet, otherwise merged, once in its interval, one frame for all. */
export function createSignalSender(context: NodeContext): SignalSender {
  const { clock, telemetry } = context.ports;
  let timers = 0;

  function flush(channel: HubChannel, batch: SignalBatch): void {
    batch.flushedAtMs = clock.monotonicMs();
    batch.flushes++;
    const { latest } = batch;
    const all = `{"t":"sig","c":${channel.json},"ss":[${[...latest.values()].join(',')}]}`;
    // Its own key: a batch that is held is conflated with none that speaks of others.
    const frame = channelFrame(channel, `flush ${batch.flushes}`, 0, all);
    let told = 0;
    for (const { state } of channel.subscriptions) {
      if (state.name !== 'live') continue;
      told++;
      // A connection that does not read holds the latest of each, not a batch for every interval.
      if (state.link.connection.writing || state.link.outbox.held !== null) {
        for (const [key, text] of latest)
          context.flusher.send(
            state.link,
            channelFrame(channel, key, 0, `{"t":"sig","c":${channel.json},"ss":[${text}]}`),
          );
      } else context.flusher.send(state.link, frame);
    }
    latest.clear();
    telemetry.publication('signal', told);
  }

  return {
    get timers() {
      return timers;
    },
    take(channel, { session, by, key, data }) {
      const batch = channel.signals;
      if (batch === null) return;
      // The length keeps the two apart whatever they are made of.
      batch.latest.set(`${session.length} ${session} ${key ?? ''}`, signalText(session, by, key, data));
      if (batch.timer !== null) return;
      const waitMs = batch.flushedAtMs + channel.spec.flushMs - clock.monotonicMs();
      if (waitMs <= 0) {
        flush(channel, batch);
        return;
      }
      timers++;
      batch.timer = clock.setTimer(waitMs, () => {
        timers--;
        batch.timer = null;
        flush(channel, batch);
      });
    },
    forget({ signals: batch }) {
      if (batch === null) return;
      batch.latest.clear();
      if (batch.timer === null) return;
      batch.timer.cancel();
      batch.timer = null;
      timers--;
    },
  };
}
