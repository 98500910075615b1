import type {
  Broadcasts,
  CallDefinition,
  Calls,
  CallsOf,
  ChannelPatterns,
  Channels,
  ClientCallsOf,
  Contract,
  DocumentPatterns,
  HandlerErrors,
  HandlerOutput,
  MapPatterns,
  ParamNames,
  ParamsOf,
  PresenceFieldsOf,
  PublishedData,
  ReceivedData,
  ReceivedInput,
  SignalPatterns,
  StreamPatterns,
} from '@carillon/contract';
import type { DefaultField } from './core/friends.ts';

/** The contract of a client that names none: any channel and any call, of unknown payloads. */
export type AnyContract<Field extends string = string> = Contract<
  Channels,
  Calls,
  Calls,
  Broadcasts,
  { readonly [F in Field]: number }
>;

/** Presence fields have to be named where they are not the default ones: of a contract's type nothing is left at run time. */
export type FieldsNamed<C extends Contract> = [PresenceFieldsOf<C>, DefaultField] extends [
  DefaultField,
  PresenceFieldsOf<C>,
]
  ? unknown
  : { readonly fields: readonly PresenceFieldsOf<C>[] };

/** Whether a contract says which names there are. */
type Named<Names extends string, Known> = string extends Names ? string : Known;

export type StreamPatternOf<C extends Contract> = Named<ChannelPatterns<C>, StreamPatterns<C>> &
  ChannelPatterns<C>;
export type MapPatternOf<C extends Contract> = Named<ChannelPatterns<C>, MapPatterns<C>> & ChannelPatterns<C>;
export type SignalPatternOf<C extends Contract> = Named<ChannelPatterns<C>, SignalPatterns<C>> &
  ChannelPatterns<C>;

export type DocumentPatternOf<C extends Contract> = Named<ChannelPatterns<C>, DocumentPatterns<C>> &
  ChannelPatterns<C>;

/** What stands behind a pattern: its parameters, where it has any. */
export type ParamsBehind<Pattern extends string> = string extends Pattern
  ? [params?: Readonly<Record<string, string>>]
  : [ParamNames<Pattern>] extends [never]
    ? [params?: Readonly<Record<never, never>>]
    : [params: ParamsOf<Pattern>];

/** What is published on channels of a pattern, and what comes of them. */
export type In<C extends Contract, Pattern extends ChannelPatterns<C>> = PublishedData<C, Pattern>;
export type Out<C extends Contract, Pattern extends ChannelPatterns<C>> = ReceivedData<C, Pattern>;

export type CallNames<C extends Contract> = keyof CallsOf<C> & string;
export type ClientCallNames<C extends Contract> = keyof ClientCallsOf<C> & string;

type Fail<Errors extends { readonly code: string; readonly data: unknown }> = string extends Errors['code']
  ? (code: string, data: unknown, message?: string) => never
  : <Code extends Errors['code']>(
      code: Code,
      data: Extract<Errors, { readonly code: Code }>['data'],
      /** What went wrong, for people. */
      message?: string,
    ) => never;

/** What a handler of the client is given beside the input. */
export type HandlerContext<Call extends CallDefinition> = {
  /** How long the server waits, ms; null where it did not say. */
  readonly timeoutMs: number | null;
  /** Answers with one of the errors that the contract declares for the call. Never returns. */
  readonly fail: Fail<HandlerErrors<Call>>;
};

/** Serves a call of the server. What it throws is reported and answered `internal`. */
export type Handler<Call extends CallDefinition> = (
  input: ReceivedInput<Call>,
  context: HandlerContext<Call>,
) => HandlerOutput<Call> | Promise<HandlerOutput<Call>>;
