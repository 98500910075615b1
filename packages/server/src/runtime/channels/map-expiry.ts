import { channelTopic } from '../../ports/broker.ts';
import { type Log, publishes } from '../../ports/log.ts';
import type { Timer } from '../../ports/clock.ts';
import type { NodeContext } from '../context.ts';

/** Keys deleted in one turn; the rest follow in the next. */
const EXPIRED_A_TURN = 256;

/** A timer is armed no finer than this, and no further ahead than a minute: clocks are set, and a log's answer may be late. */
const LEAST_WAIT_MS = 10;
const MOST_WAIT_MS = 60_000;

/** A log that failed is asked again after so long, ms: what ran out stays due, and would be asked for without a pause. */
const RETRY_MS = 1_000;

/** Deletes the keys of maps that ran out, each by a publication ([MAP4]). */
export type MapExpiry = {
  /** Something was published that may have an end. */
  changed(): void;
  readonly timers: number;
  stop(): void;
};

export function createMapExpiry(context: NodeContext, logs: readonly Log[]): MapExpiry {
  const { broker, clock, telemetry } = context.ports;
  let timer: Timer | null = null;
  let dueMs = Number.POSITIVE_INFINITY;
  let running = false;
  /** The log may answer behind the end of the node. */
  let stopped = false;

  function changed(): void {
    if (running || stopped) return;
    const next = Math.min(...logs.map((log) => log.nextExpiryMs() ?? Number.POSITIVE_INFINITY));
    if (next === Number.POSITIVE_INFINITY || next >= dueMs) return;
    arm(next);
  }

  function arm(next: number): void {
    dueMs = next;
    wait(Math.min(MOST_WAIT_MS, Math.max(LEAST_WAIT_MS, next - clock.nowMs())));
  }

  function wait(waitMs: number): void {
    timer?.cancel();
    timer = clock.setTimer(waitMs, () => {
      timer = null;
      void run();
    });
  }

  async function run(): Promise<void> {
    running = true;
    try {
      await expire();
    } catch (error) {
      telemetry.warn('expiry_failed', { error: String(error) });
      if (!stopped) wait(RETRY_MS);
      return;
    }
    running = false;
    dueMs = Number.POSITIVE_INFINITY;
    changed();
  }

  async function expire(): Promise<void> {
    for (const log of logs) {
      const nowMs = clock.nowMs();
      if ((log.nextExpiryMs() ?? Number.POSITIVE_INFINITY) > nowMs) continue;
      const expired = await log.expire(nowMs, EXPIRED_A_TURN);
      if (publishes(log)) continue;
      for (const { channel, epoch, publication } of expired)
        await broker.publish(channelTopic(channel), {
          kind: 'publication',
          channel,
          epoch,
          publication,
          silent: null,
          eventMs: null,
        });
    }
  }

  return {
    changed,
    get timers() {
      return timer === null ? 0 : 1;
    },
    stop() {
      stopped = true;
      timer?.cancel();
      timer = null;
    },
  };
}
