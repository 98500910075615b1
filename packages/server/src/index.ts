/** Carillon as a library: a server in your own process, and the types of its configuration. */
export {
  type AuthenticateHook,
  type AuthenticateRequest,
  type CallContextOf,
  type CallHandlerOf,
  type CallHandlersOf,
  type CarillonConfig,
  defineConfig,
  type Identity,
  type RoleAnswer,
  type RuleAnswer,
  type RuleRequestOf,
  type RulesOf,
  type ServerOptions,
} from './config.ts';
export {
  feedTopic,
  type FeedPublicationOf,
  type FeedTopicDefinition,
  type FeedTopicOptions,
} from './config/feeds/feed-types.ts';
export type { FeedEvent } from './core/intake/decode-event.ts';
export type { AudienceHook } from './core/presence/visibility.ts';
export type { NodeCounts, NodeState, Outcome, RealtimeNode } from './runtime/node-api.ts';
export type {
  Authors,
  DocumentChanged,
  DocumentDiff,
  DocumentEdit,
  DocumentJson,
  DocumentsApi,
  Restored,
  VersionHead,
  VersionPage,
  WholeDocument,
  WrittenRun,
} from './runtime/documents/documents-api.ts';
export type { FollowsOf } from './runtime/node-options.ts';
export { type CarillonServer, createServer } from './server.ts';
export type {
  AnswerOf,
  ContractApi,
  HistoryOptions,
  KeptEntry,
  KeptPublication,
  MapPublishOptions,
  PageOptions,
  PublishOptions,
  SignalPublishOptions,
} from './server/contract/contract-api.ts';
export type { DocumentApi, EditOptions, OnBehalf, VersionsOptions } from './server/contract/document-api.ts';
export { StartError } from './server/start-error.ts';
