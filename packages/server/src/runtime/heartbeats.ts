import { heartbeatFrame } from '../core/outbox/frame.ts';
import { ask, checkAnswer } from '../core/session/heartbeat.ts';
import type { NodeContext } from './context.ts';
import { heartbeatText } from './flusher.ts';
import type { LinkState } from './link-state.ts';
import { armTokenExpiry } from './token-expiry.ts';

/** Asks one client whether it is there, and puts it back in line for the next interval ([HB1]). */
export function askHeartbeat(context: NodeContext, link: LinkState): void {
  if (link.phase !== 'live') return;
  ask(link.pulse);
  link.askedSinceToken = true;
  context.flusher.send(link, heartbeatFrame(heartbeatText(context.ports.seen())));
  context.heartbeats.add(link);
  context.answerDeadlines.add(link);
  armTokenExpiry(context, link);
}

/** Half an interval after an ask: counts a miss, and ends the connection after two in a row ([HB3]). */
export function checkHeartbeat(context: NodeContext, link: LinkState): void {
  if (link.phase !== 'live' || checkAnswer(link.pulse) !== 'dead') return;
  context.closeLink(link, 'heartbeat_missed');
  // The line is most likely half-open: nobody will answer the close frame.
  link.connection.terminate();
}
