import type { CallDefinition } from './calls.ts';
import type { DocumentDefinition, MapDefinition, SignalDefinition, StreamDefinition } from './channels.ts';
import type { Contract } from './contract.ts';
import type { Delivered } from './delivered.ts';
import type { InputOf, OutputOf, StandardSchema } from './standard-schema.ts';

/** The names of a pattern's parameters: `room` of `chat:{room}`. */
export type ParamNames<Pattern extends string> = Pattern extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamNames<Rest>
  : never;

/** A pattern's parameters: `{ room: string }` of `chat:{room}`. */
export type ParamsOf<Pattern extends string> = { readonly [Name in ParamNames<Pattern>]: string };

/** Of a contract that is not known any nearer, every text is a pattern of any kind. */
type PatternsOfKind<C extends Contract, Kind> = {
  [Pattern in keyof C['channels'] & string]: [Extract<C['channels'][Pattern], Kind>] extends [never]
    ? never
    : Pattern;
}[keyof C['channels'] & string];

export type ChannelPatterns<C extends Contract> = keyof C['channels'] & string;
export type StreamPatterns<C extends Contract> = PatternsOfKind<C, StreamDefinition>;
export type MapPatterns<C extends Contract> = PatternsOfKind<C, MapDefinition>;
export type SignalPatterns<C extends Contract> = PatternsOfKind<C, SignalDefinition>;
export type DocumentPatterns<C extends Contract> = PatternsOfKind<C, DocumentDefinition>;

/** What a publisher on a channel gives. */
export type PublishedData<C extends Contract, Pattern extends ChannelPatterns<C>> = InputOf<
  C['channels'][Pattern]['data']
>;

/** What a subscriber of a channel receives. */
export type ReceivedData<C extends Contract, Pattern extends ChannelPatterns<C>> = Delivered<
  OutputOf<C['channels'][Pattern]['data']>
>;

/** The calls of clients that the server serves. */
export type CallsOf<C extends Contract> = C['calls'];
/** The calls of the server that clients serve. */
export type ClientCallsOf<C extends Contract> = C['clientCalls'];

/** What the caller gives. */
export type CallInput<Call extends CallDefinition> = InputOf<Call['input']>;
/** What a handler on the server is given: what the schema made of it. */
export type HandlerInput<Call extends CallDefinition> = OutputOf<Call['input']>;
/** What a handler on the client is given: the same, having come as JSON. */
export type ReceivedInput<Call extends CallDefinition> = Delivered<OutputOf<Call['input']>>;
/** What a handler returns. */
export type HandlerOutput<Call extends CallDefinition> = InputOf<Call['output']>;
/** What the server, when it called, is given of a client's answer. */
export type AnswerOutput<Call extends CallDefinition> = OutputOf<Call['output']>;
/** What a client, when it called, is given. */
export type CallOutput<Call extends CallDefinition> = Delivered<OutputOf<Call['output']>>;

type ErrorTable<Call extends CallDefinition> = Call['errors'];

/** The errors that a client, when it called, may be answered with: `{ code: 'gone', data: … }`, told apart by the code. */
export type ErrorsOf<Call extends CallDefinition> = {
  [Code in keyof ErrorTable<Call> & string]: {
    readonly code: Code;
    readonly data: Delivered<OutputOf<ErrorTable<Call>[Code]>>;
  };
}[keyof ErrorTable<Call> & string];

/** The errors that a handler may answer with, as it gives them. */
export type HandlerErrors<Call extends CallDefinition> = {
  [Code in keyof ErrorTable<Call> & string]: {
    readonly code: Code;
    readonly data: InputOf<ErrorTable<Call>[Code]>;
  };
}[keyof ErrorTable<Call> & string];

/** The errors that the server, when it called, may be answered with. */
export type AnswerErrors<Call extends CallDefinition> = {
  [Code in keyof ErrorTable<Call> & string]: {
    readonly code: Code;
    readonly data: OutputOf<ErrorTable<Call>[Code]>;
  };
}[keyof ErrorTable<Call> & string];

export type BroadcastNames<C extends Contract> = keyof C['broadcasts'] & string;
/** What the server gives to a broadcast. */
export type BroadcastInput<C extends Contract, Name extends BroadcastNames<C>> = InputOf<
  C['broadcasts'][Name]
>;
/** What a client receives of a broadcast. */
export type ReceivedBroadcast<C extends Contract, Name extends BroadcastNames<C>> = Delivered<
  OutputOf<C['broadcasts'][Name]>
>;

/** The names of the presence fields beside the status. */
export type PresenceFieldsOf<C extends Contract> = keyof C['presence'] & string;

/** What arrives of a schema's value, for helpers of an app's own. */
export type ReceivedOf<Schema extends StandardSchema> = Delivered<OutputOf<Schema>>;
