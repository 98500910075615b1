import type { ClientEvent, Effect } from '../events.ts';
import type { ClientState } from '../state.ts';
import type { ChannelEvent } from './channel-events.ts';

/**
 * What a transition of the connection means for the channels. A driver hands these on once it has carried the effects
 * out.
 *
 * @param event that was handled
 * @param state behind the transition
 * @param effects of the transition
 */
export function channelEventsOf(
  event: ClientEvent,
  { phase, session }: ClientState,
  effects: readonly Effect[],
): readonly ChannelEvent[] {
  const events: ChannelEvent[] = [];
  // At once, and not when it is answered: what the app asks for from here on is for the session after this one.
  if (event.type === 'logout') events.push({ type: 'forget', code: 'logged_out' });
  const stopped = phase.name === 'stopped' ? phase.reason : null;
  for (const effect of effects) {
    if (effect.do === 'channelMessage') events.push({ type: 'message', message: effect.message });
    else if (effect.do === 'clearPresence' && stopped !== null)
      events.push({ type: 'forget', code: stopped });
    else if (effect.do === 'adoptSocket') events.push({ type: 'down', stopped: null, moving: true });
    else if (effect.do === 'emitStatus') {
      const isLive = phase.name === 'live';
      events.push(isLive ? { type: 'live', socket: phase.socket, session } : { type: 'down', stopped });
    }
  }
  return events;
}
