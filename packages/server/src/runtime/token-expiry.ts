import type { NodeContext } from './context.ts';
import type { LinkState } from './link-state.ts';

/** Timers hold at most this long (2^31 - 1 ms is what they can), so a token that lives longer is looked at again. */
const LONGEST_TIMER_MS = 24 * 60 * 60 * 1000;

/** Ends the connection when its login token runs out ([LOG6]); the session waits in its grace for a new token. */
export function armTokenExpiry(context: NodeContext, link: LinkState): void {
  const { clock } = context.ports;
  link.tokenExpiry?.cancel();
  link.tokenExpiry = null;
  const expiresAtMs = link.session?.tokenExpiresAtMs ?? null;
  if (expiresAtMs === null) return;
  const leftMs = expiresAtMs - clock.nowMs();
  if (leftMs <= 0) {
    context.closeLink(link, 'token_expired');
    return;
  }
  link.tokenExpiry = clock.setTimer(Math.min(leftMs, LONGEST_TIMER_MS), () => {
    link.tokenExpiry = null;
    armTokenExpiry(context, link);
  });
}
