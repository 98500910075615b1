import type { ChannelKind, ChannelState, Position, Start } from './channel-events.ts';
import { type MapView, newMapView } from './map-view.ts';

export type SubscriptionPhase =
  /** For a line. */
  | { readonly name: 'waiting' }
  /** Asked, or about to be. Whatever comes of the channel meanwhile belongs to what was before. */
  | { readonly name: 'subscribing'; readonly attempt: number }
  | { readonly name: 'live' }
  /** The server cannot do it now, or what came did not fit together. */
  | { readonly name: 'paused'; readonly untilMs: number; readonly code: string; readonly detail: string }
  /** Refused for good. */
  | { readonly name: 'failed'; readonly code: string; readonly detail: string };

/** Where a subscription stands in its channel. */
export type Place =
  /** Not subscribed yet: the first `ok` says where it begins. */
  | { readonly name: 'unknown' }
  /**
   * The first publication says where it begins; it lies no further than right behind `floor`, the top that the first `ok`
   * named. So what is published while a line drops before anything came is not taken for what was never asked for.
   */
  | { readonly name: 'open'; readonly floor: Position }
  /** Everything up to here was applied, or told as lost ([REC4]). */
  | { readonly name: 'at'; epoch: string; offset: number };

/** The payload of a publication that the server may not send back ([PUB4]). */
export type OwnPayload = {
  readonly request: number;
  /** Where it was published; null: not known yet. */
  offset: number | null;
  /** JSON text; null: it deletes its key. */
  readonly data: string | null;
  readonly key: string | undefined;
  readonly version: number | undefined;
};

/** A channel that the app wants, or the server wants it to. */
export type Subscription = {
  readonly channel: string;
  /** Null: the server invited, and the kind shows with the first reply. */
  kind: ChannelKind | null;
  phase: SubscriptionPhase;
  place: Place;
  start: Start;
  grant: string | undefined;
  /** The offset up to which what comes is a replay; 0: none. */
  until: number;
  /** Counts what was asked, so that an answer to an earlier question is told apart. */
  attempt: number;
  /** The attempt whose right is being renewed; 0: none. */
  renewing: number;
  /** Attempts in a row that the server could not carry out. */
  failures: number;
  /** Times in a row that what came did not fit together. */
  heals: number;
  /** Users in the channel; null where that is not told. */
  count: number | null;
  view: MapView | null;
  own: OwnPayload[];
  /** The server invited, and the app was not told yet. */
  invited: boolean;
  /** The line is being changed for a better one: the channel stays live for the app, unless it does not become so again. */
  moving: boolean;
  /** What the app was told last. */
  told: ChannelState;
};

export const IDLE: ChannelState = { status: 'idle', code: null, detail: '' };

export function newSubscription(channel: string, kind: ChannelKind | null, start: Start): Subscription {
  return {
    channel,
    kind,
    phase: { name: 'waiting' },
    place: placeOf(start),
    start,
    grant: undefined,
    until: 0,
    attempt: 0,
    renewing: 0,
    failures: 0,
    heals: 0,
    count: null,
    view: kind === 'map' ? newMapView() : null,
    own: [],
    invited: false,
    moving: false,
    told: IDLE,
  };
}

/** Where a start begins, as far as it says. */
export function placeOf({ position }: Start): Place {
  return position === undefined ? { name: 'unknown' } : placeAt(position);
}

export function placeAt({ epoch, offset }: Position): Place {
  return { name: 'at', epoch, offset };
}

/** The last publication that was applied ([REC4]); null before the first. */
export function positionOf({ place }: Subscription): Position | null {
  return place.name === 'at' ? { epoch: place.epoch, offset: place.offset } : null;
}

/** The last place of which everything is known; null where nothing is, and for a signal. */
export function knownOf(subscription: Subscription): Position | null {
  return subscription.place.name === 'open' ? subscription.place.floor : positionOf(subscription);
}
