/** One declaration of what moves in an app. The server checks by it; a client imports its type only. */
export { call, type CallDefinition, type CallErrors, type CallOptions } from './calls.ts';
export {
  type ChannelDefinition,
  document,
  type DocumentDefinition,
  type DocumentOptions,
  type Durability,
  type History,
  map,
  type MapDefinition,
  type MapOptions,
  type PublishRate,
  signal,
  type SignalDefinition,
  type SignalOptions,
  stream,
  type StreamDefinition,
  type StreamOptions,
} from './channels.ts';
export {
  type Broadcasts,
  type Calls,
  type Channels,
  type Contract,
  DEFAULT_PRESENCE,
  type EmptyContract,
  type PresenceFields,
} from './contract.ts';
export { contractProblem } from './contract-problem.ts';
export { ContractError, defineContract } from './define-contract.ts';
export { BOUNDS, CHOICES, DEFAULTS } from './defaults.ts';
export type { Delivered } from './delivered.ts';
export type {
  AnswerErrors,
  AnswerOutput,
  BroadcastInput,
  BroadcastNames,
  CallInput,
  CallOutput,
  CallsOf,
  ChannelPatterns,
  ClientCallsOf,
  DocumentPatterns,
  ErrorsOf,
  HandlerErrors,
  HandlerInput,
  HandlerOutput,
  MapPatterns,
  ParamNames,
  ParamsOf,
  PresenceFieldsOf,
  PublishedData,
  ReceivedBroadcast,
  ReceivedData,
  ReceivedInput,
  ReceivedOf,
  SignalPatterns,
  StreamPatterns,
} from './inferred.ts';
export { patternsOverlap } from './overlap.ts';
export type { InputOf, OutputOf, StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts';
