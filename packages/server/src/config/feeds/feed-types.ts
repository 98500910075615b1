import type {
  ChannelPatterns,
  Contract,
  MapPatterns,
  OutputOf,
  ParamsOf,
  PublishedData,
  StandardSchema,
  StreamPatterns,
} from '@carillon/contract';
import type { FeedEvent } from '../../core/intake/decode-event.ts';

type Target<Pattern extends string> = keyof ParamsOf<Pattern> extends never
  ? { readonly channel: Pattern; readonly params?: Readonly<Record<string, never>> }
  : { readonly channel: Pattern; readonly params: ParamsOf<Pattern> };

type Said = {
  /** Known again by it, in place of the event's id; for an event that comes from several sources under several ids. */
  readonly id?: string;
  /** What the client that caused it calls it, up to 128 characters; sent with the publication ([PUB8]). */
  readonly ref?: string;
};

type MapValue<Data> =
  | {
      readonly value: Data;
      readonly delete?: false;
      /** The key is deleted after so many ms. */ readonly ttlMs?: number;
    }
  | { readonly delete: true; readonly value?: undefined };

type PublicationOn<C extends Contract, Pattern extends ChannelPatterns<C>> = Target<Pattern> &
  Said &
  (Pattern extends MapPatterns<C>
    ? {
        readonly key: string;
        /** One that is not higher than what the key has is passed over. */
        readonly version?: number;
      } & MapValue<PublishedData<C, Pattern>>
    : { readonly value: PublishedData<C, Pattern> });

/** What an event may become: a publication on a stream or a map of the contract. */
export type FeedPublicationOf<C extends Contract> = {
  [Pattern in StreamPatterns<C> | MapPatterns<C>]: PublicationOn<C, Pattern>;
}[StreamPatterns<C> | MapPatterns<C>];

/** What is done with the events of a topic. */
export type FeedTopicOptions<C extends Contract, Schema extends StandardSchema> = {
  /** What an event's payload must be; unless given, anything. */
  readonly schema?: Schema;
  /**
   * What an event becomes: a publication, several (kept one by one, each known again by itself), none (`[]`), or `null` for an event that
   * it does not know. It must always make the same of the same event. One that throws is poison.
   */
  readonly map: (
    event: FeedEvent<OutputOf<Schema>>,
  ) => FeedPublicationOf<C> | readonly FeedPublicationOf<C>[] | null;
  /** What becomes of an event that `map` does not know: counted and dropped, unless set, or treated as poison. */
  readonly unknown?: 'drop' | 'dead-letter';
  /**
   * What an event is known again by: its id, unless set. `place`: where it stood at its source, for producers that give no ids; an
   * event that its producer repeats is then another one.
   */
  readonly ids?: 'event' | 'place';
};

/** A topic as the configuration takes it; `feedTopic` makes one. */
export type FeedTopicDefinition = {
  readonly schema?: StandardSchema | undefined;
  readonly map: (event: FeedEvent<never>) => unknown;
  readonly unknown?: 'drop' | 'dead-letter' | undefined;
  readonly ids?: 'event' | 'place' | undefined;
};

/**
 * Says what is done with the events of a topic, with the types of a contract.
 *
 * @param _contract exists for the compiler alone
 */
export function feedTopic<C extends Contract, Schema extends StandardSchema = StandardSchema>(
  _contract: C,
  options: FeedTopicOptions<C, Schema>,
): FeedTopicDefinition {
  return options;
}
