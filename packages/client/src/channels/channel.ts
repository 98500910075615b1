import { CarillonError } from '../carillon-error.ts';
import type {
  ChannelKind,
  ChannelState,
  HistoryItem,
  HistoryPage,
  LostReason,
  MembersPage,
  Position,
  Published,
  Start,
} from '../core/channels/channel-events.ts';
import { extend } from '../extend.ts';
import type { OutboxPart } from '../outbox/outbox-part.ts';
import { rejected } from '../quiet.ts';
import type { ChannelShell } from './channel-shell.ts';
import type { Host } from './host.ts';
import { toJson } from './json.ts';
import type { AskServer, PublishRequest } from './publish-request.ts';
import type { Records } from './records.ts';

export type SubscribeOptions = {
  /** Stream: begin with the last so many. */
  readonly last?: number | undefined;
  /** Stream: begin with those taken at or after this time, ms since the epoch. */
  readonly since?: number | undefined;
  /** Begin behind this position: what an earlier life of the app had applied, or was given with a page. */
  readonly position?: Position | undefined;
  /** The signed right to subscribe, where the app has one; a newer one renews it. */
  readonly grant?: string | undefined;
};

export type MemberChange = {
  /** Who came or went; null where only the number was told. */
  readonly user: string | null;
  readonly joined: boolean;
  /** How many are in the channel now. */
  readonly count: number;
};

export type MembersOptions = {
  /** The page begins behind this user. */
  readonly after?: string | undefined;
  /** At most 1,000; absent: 100. */
  readonly limit?: number | undefined;
};

/** Publications that will not come. */
export type Lost = {
  /**
   * `epoch`, `trimmed`, `ahead`: what the app knew of the channel counts no more. `dropped`: these alone are missing,
   * because the connection was too slow.
   */
  readonly why: LostReason;
  /** Behind this; null: nothing had come yet. */
  readonly from: Position | null;
  /** It goes on behind this. */
  readonly to: Position;
};

/** Publications that were left out because later ones say all that they said. */
export type Conflated = Omit<Lost, 'why'>;

/** Reads from an end: `before` (null: from the newest, newest first), or `after` (null: from the oldest, oldest first). */
export type HistoryOptions = {
  readonly before?: Position | null | undefined;
  readonly after?: Position | null | undefined;
  /** Publications of the page, at most 1,000; absent: 100. */
  readonly limit?: number | undefined;
};

/** A page of what a channel keeps. */
export type History<Data> = Omit<HistoryPage, 'publications'> & {
  readonly publications: readonly (Omit<HistoryItem, 'data'> & { readonly data: Data })[];
};

/** What every channel has. The handle of a channel may be held, dropped and asked for again; it is the same channel. */
export interface Channel {
  readonly kind: ChannelKind;
  /** The channel's name on the wire. */
  readonly channel: string;
  /** Where the subscription stands; a new object for each change. */
  readonly state: ChannelState;
  /** Users in the channel; null where the contract declares no members, or nothing was told yet. */
  readonly count: number | null;
  /**
   * Subscribes, and stays subscribed over reconnects until `unsubscribe` was called as often. Called again it begins anew
   * only where it names a beginning.
   *
   * @returns resolves once everything that was missed has been told, a map is complete. Rejects with the server's code
   * where that refuses for good, with `cancelled` where the channel is given up before; need not be waited for
   */
  subscribe(options?: SubscribeOptions): Promise<void>;
  /** Takes one `subscribe` back. With the last one the position, and a map's entries, are forgotten. */
  unsubscribe(): void;
  /** @returns removes the listener again, as every subscription does */
  onState(listener: (state: ChannelState) => void): () => void;
  /** Calls the listener when somebody comes or goes, where the contract declares members. */
  onMember(listener: (change: MemberChange) => void): () => void;
  /** Who is in the channel, in pages. Only subscribers may ask. */
  members(options?: MembersOptions): Promise<MembersPage>;
}

/** What channels have that are kept: streams and maps. */
export interface KeptChannel<Data> extends Channel {
  /** The last publication that was applied; null before the first. */
  readonly position: Position | null;
  history(options?: HistoryOptions): Promise<History<Data>>;
  /** Calls the listener where publications are missing for good. */
  onLost(listener: (lost: Lost) => void): () => void;
  /** Calls the listener where publications were left out that later ones make good. */
  onConflated(listener: (conflated: Conflated) => void): () => void;
}

/** What a handle is made from. */
export type ChannelParts = PublishParts & {
  readonly shell: ChannelShell;
  readonly records: Records;
  readonly host: Host;
};

export function channelOf(
  { shell, records }: ChannelParts,
  channel: string,
  kind: ChannelKind,
): Omit<Channel, 'kind'> {
  return {
    channel,
    get state() {
      return shell.channels.state(channel);
    },
    get count() {
      return shell.channels.count(channel);
    },
    subscribe: (options = {}) => records.subscribe(channel, kind, startOf(options), options.grant),
    unsubscribe: () => records.unsubscribe(channel),
    onState: (listener) => records.listen(channel, 'state', ({ state }) => listener(state)),
    onMember: (listener) =>
      records.listen(channel, 'member', ({ user, joined, count }) => listener({ user, joined, count })),
    members: ({ after, limit } = {}) =>
      shell.ask<MembersPage>((ticket) => ({ type: 'members', ticket, channel, after, limit })).settled,
  };
}

export function keptChannelOf<Data>(
  parts: ChannelParts,
  channel: string,
  kind: ChannelKind,
): Omit<KeptChannel<Data>, 'kind'> {
  const { shell, records } = parts;
  const kept: Omit<KeptChannel<Data>, keyof Channel> = {
    get position() {
      return shell.channels.position(channel);
    },
    history({ before, after, limit } = {}) {
      const reverse = after === undefined;
      const position = (reverse ? before : after) ?? null;
      const { settled } = shell.ask<History<Data>>((ticket) => ({
        type: 'history',
        ticket,
        channel,
        position,
        reverse,
        limit,
      }));
      return settled;
    },
    onLost: (listener) => records.listen(channel, 'lost', ({ why, from, to }) => listener({ why, from, to })),
    onConflated: (listener) => records.listen(channel, 'conflated', ({ from, to }) => listener({ from, to })),
  };
  return extend(channelOf(parts, channel, kind), kept);
}

/** What publishing needs. */
export type PublishParts = {
  readonly shell: { readonly ask: AskServer };
  readonly outbox: OutboxPart | undefined;
};

/** @param data undefined: none, for a key is deleted */
export function publish(
  { shell, outbox }: PublishParts,
  request: PublishRequest,
  data: unknown,
): Promise<Published> {
  const text = request.del === true ? null : toJson(data);
  if (text instanceof CarillonError) return rejected(text);
  if (outbox === undefined && request.durable === true) return noOutbox();
  return (
    outbox?.publish(request, text) ??
    shell.ask<Published>((ticket) => ({ ...request, type: 'publish', ticket, data: text })).settled
  );
}

/** What is to outlive the page needs a place to be kept in. */
export function noOutbox(): Promise<never> {
  return rejected(new CarillonError('options_invalid', 'outbox'));
}

/** Undefined where no beginning is named: then a subscription goes on from where it stands. */
function startOf({ last, since, position }: SubscribeOptions): Start | undefined {
  if (last === undefined && since === undefined && position === undefined) return undefined;
  return { last, since, position };
}
