import type { Timer } from '../../ports/clock.ts';
import type { NodeContext } from '../context.ts';
import { sendControl } from '../context.ts';
import { askRule } from './rule-rights.ts';
import type { Subscription } from '../link-state.ts';

/** Rights are looked at once in so many ms, together: a right may last so much longer than it says. */
const GRANULARITY_MS = 1_000;

/** Ends subscriptions whose right ran out, after the rule that gave it was asked once more. Rights that are roles have their own checks. */
export type RightExpiries = {
  /** Its right has an end, or another one than before. */
  watch(subscription: Subscription): void;
  forget(subscription: Subscription): void;
  readonly size: number;
  stop(): void;
};

export function createRightExpiries(
  context: NodeContext,
  end: (subscription: Subscription) => void,
): RightExpiries {
  const { clock, telemetry } = context.ports;
  const watched = new Set<Subscription>();
  let timer: Timer | null = null;
  /** A rule may answer behind the end of the node. */
  let stopped = false;

  function arm(): void {
    if (!stopped) timer ??= clock.setTimer(GRANULARITY_MS, sweep);
  }

  function sweep(): void {
    timer = null;
    const nowMs = clock.nowMs();
    for (const subscription of watched) {
      const { untilMs } = subscription.right;
      if (untilMs === null) watched.delete(subscription);
      else if (untilMs <= nowMs) {
        watched.delete(subscription);
        renew(subscription).catch((error: unknown) => {
          telemetry.warn('right_renewal_failed', { error: String(error) });
          over(subscription, 'unavailable');
        });
      }
    }
    if (watched.size > 0) arm();
  }

  /** What a rule gave the rule is asked for again; what a grant gave its holder had to renew before. */
  async function renew(subscription: Subscription): Promise<void> {
    const { session, channel, right } = subscription;
    if (right.by !== 'rule') return over(subscription, 'grant_invalid');
    const matched = { ok: true, spec: channel.spec, params: channel.params } as const;
    const result = await askRule(context, session, channel.name, matched, 'subscribe');
    // The client may have renewed it by itself meanwhile, or be gone.
    if (!channel.subscriptions.has(subscription) || subscription.right !== right) return;
    if (!result.ok) return over(subscription, result.code);
    subscription.right = result.right;
    watch(subscription);
  }

  function over(subscription: Subscription, code: 'forbidden' | 'grant_invalid' | 'unavailable'): void {
    const { state, channel } = subscription;
    if (!channel.subscriptions.has(subscription)) return;
    end(subscription);
    if (state.name !== 'waiting')
      sendControl(context, state.link, {
        t: 'unsub',
        c: channel.name,
        code,
        m: 'the right to subscribe ran out',
      });
  }

  function watch(subscription: Subscription): void {
    if (subscription.right.untilMs === null || subscription.right.role !== null) {
      watched.delete(subscription);
      return;
    }
    watched.add(subscription);
    arm();
  }

  return {
    watch,
    forget: (subscription) => void watched.delete(subscription),
    get size() {
      return watched.size;
    },
    stop() {
      stopped = true;
      timer?.cancel();
      timer = null;
      watched.clear();
    },
  };
}
