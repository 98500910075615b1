import type { Effect } from '../events.ts';
import type { ClientState } from '../state.ts';
import type { ChannelEvent } from './channel-events.ts';

const NONE: readonly ChannelEvent[] = [];

/**
 * What a transition of the connection means for the channels. A driver hands these on once it has carried the effects
 * out. A `logout` it hands on by itself, as `forget`.
 *
 * @param state behind the transition
 * @param effects of the transition
 */
export function channelEventsOf(
  { phase, session }: ClientState,
  effects: readonly Effect[],
): readonly ChannelEvent[] {
  let events = NONE;
  for (const effect of effects) {
    if (effect.do === 'channelMessage') events = [...events, { type: 'message', message: effect.message }];
    else if (effect.do === 'emitStatus') {
      const stopped = phase.name === 'stopped' ? phase.reason : null;
      events = [
        ...events,
        phase.name === 'live' ? { type: 'live', socket: phase.socket, session } : { type: 'down', stopped },
      ];
    } else if (effect.do === 'clearPresence' && phase.name === 'stopped') {
      events = [...events, { type: 'forget', code: phase.reason }];
    }
  }
  return events;
}
