/**
 * `@carillon/server/testing/contracts`: one contract suite for each port, in vitest. Whoever writes an adapter runs the suite on it:
 *
 *     sessionStoreContract('my store', async () => ({ store, graceMs: 60_000, close }))
 */
export { type AuthorizerMood, type AuthorizerSubject, authorizerContract } from './authorizer-contract.ts';
export { type BrokerSubject, brokerContract } from './broker-contract.ts';
export { clusterContract } from './cluster-contract.ts';
export { clusterLossContract } from './cluster-loss-contract.ts';
export type { ClusterNodeSubject, ClusterSubject, LosableClusterSubject } from './cluster-subject.ts';
export { clusterSweepContract } from './cluster-sweep-contract.ts';
export { directoryChangesContract } from './directory-changes-contract.ts';
export { directoryContract } from './directory-contract.ts';
export type { DirectorySubject } from './directory-subject.ts';
export { type DocumentsSubject, type OpenDocuments, documentsContract } from './documents-contract.ts';
export { documentEngineContract, type DocumentEngineSubject } from './document-engine-contract.ts';
export { type EventStoreSubject, eventStoreContract } from './event-store-contract.ts';
export { type GrantsSubject, grantsContract } from './grants-contract.ts';
export { type JournalSubject, journalContract } from './journal-contract.ts';
export { logContract } from './log-contract.ts';
export type { LogSubject, LogTestLimits, OpenLog } from './log-subject.ts';
export { type MembersSubject, membersContract, sweepMembersOf } from './members-contract.ts';
export { type RestartablePresenceStore, presenceRestartContract } from './presence-restart-contract.ts';
export { presenceStoreContract } from './presence-store-contract.ts';
export type { PresenceStoreSubject } from './presence-store-subject.ts';
export {
  type RestartableRevocations,
  type RevocationsSubject,
  revocationsContract,
  revocationsRestartContract,
} from './revocations-contract.ts';
export {
  type RestartableSessionStore,
  type SessionStoreSubject,
  sessionRestartContract,
  sessionStoreContract,
} from './session-store-contract.ts';
export { sharedSessionsContract } from './shared-sessions-contract.ts';
export { type PublishedEvent, type SourceSubject, sourceContract } from './source-contract.ts';
export { type TicketsSubject, ticketsContract } from './tickets-contract.ts';
