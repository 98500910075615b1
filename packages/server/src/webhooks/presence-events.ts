import type { Broker } from '../ports/broker.ts';
import type { Events } from '../ports/events.ts';

/**
 * A broker for a presence store: tells of each change that others see. An invisible user is published as offline, and so is
 * offline here.
 */
export function tellingBroker(
  broker: Broker,
  events: Pick<Events, 'userOnline' | 'userOffline'>,
  nowMs: () => number,
): Broker {
  return {
    ...broker,
    publish(topic, message) {
      if (message.kind === 'presence') {
        const { user, s } = message.record;
        if (s === 'Offline') events.userOffline(user, nowMs());
        else events.userOnline(user, nowMs());
      }
      return broker.publish(topic, message);
    },
  };
}
