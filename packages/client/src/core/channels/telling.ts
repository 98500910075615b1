import type { ChannelStatus, LostReason, Position } from './channel-events.ts';
import type { Machine } from './machine.ts';
import { type Subscription, knownOf, placeAt } from './subscription.ts';

/** Tells the app where the subscription stands, where that is not what it was told last. */
export function tellState(machine: Machine, subscription: Subscription): void {
  const { phase, told, channel } = subscription;
  const status = statusOf(subscription);
  if (subscription.moving && phase.name !== 'failed' && phase.name !== 'paused' && status !== 'live') return;
  subscription.moving = false;
  const code = phase.name === 'failed' || phase.name === 'paused' ? phase.code : null;
  if (told.status === status && told.code === code) return;
  const detail = phase.name === 'failed' || phase.name === 'paused' ? phase.detail : '';
  subscription.told = { status, code, detail };
  machine.effects.push({ do: 'state', channel, state: subscription.told });
}

function statusOf({ phase, until, view }: Subscription): ChannelStatus {
  switch (phase.name) {
    case 'waiting':
    case 'paused':
      return 'waiting';
    case 'subscribing':
    case 'failed':
      return phase.name;
    case 'live':
      return until > 0 || view?.complete === false ? 'replaying' : 'live';
  }
}

/** What is missing will not come; it goes on behind `to`. What was known of a map counts no more with any of it. */
export function lose(machine: Machine, subscription: Subscription, why: LostReason, to: Position): void {
  const { channel } = subscription;
  machine.effects.push({ do: 'lost', channel, why, from: knownOf(subscription), to });
  subscription.place = placeAt(to);
  subscription.until = 0;
}
