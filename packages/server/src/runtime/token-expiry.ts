import type { NodeContext } from './context.ts';
import type { LinkState } from './link-state.ts';

/**
 * Ends the connection when its login token runs out ([LOG6]); the session waits in its grace for a new token.
 *
 * Called at login, after a new token, and with every heartbeat: only a token that runs out before the next but one
 * gets a timer, so that thousands of idle connections do not each hold one for hours.
 */
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
  if (leftMs > 2 * context.settings.heartbeatMs) return;
  link.tokenExpiry = clock.setTimer(leftMs, () => {
    link.tokenExpiry = null;
    // The wall clock may have been stepped back meanwhile; the token is good for as long as it says.
    armTokenExpiry(context, link);
  });
}
