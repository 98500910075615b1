/**
 * What the simulator needs of the server: the runtime and the in-process adapters, each over the ports it is given. For
 * the repository alone: the subpath is resolved from source and not published.
 */
export { createMemoryBroker } from '../adapters/memory/broker.ts';
export {
  createMemoryCluster,
  type MemoryCluster,
  type NodeStores,
  type Snapshot,
} from '../adapters/memory/cluster.ts';
export type { StoreLine } from '../adapters/memory/cluster-line.ts';
export { createMemoryDirectory } from '../adapters/memory/directory.ts';
export { createMemoryJournal } from '../adapters/memory/journal.ts';
export { createMemoryLog, type MemoryLog } from '../adapters/memory/log.ts';
export { createMemoryMembers } from '../adapters/memory/members.ts';
export { createMemoryPresence } from '../adapters/memory/presence.ts';
export { createMemoryRevocations } from '../adapters/memory/revocations.ts';
export { createMemorySessions } from '../adapters/memory/sessions.ts';
export { DEFAULT_FIELDS } from '../core/presence/fields.ts';
export { createStampSource } from '../core/presence/stamp.ts';
export type { Audience } from '../core/presence/visibility.ts';
export type { ChannelSpec, CompiledContract } from '../core/channel/channel-spec.ts';
export type { Authenticator } from '../ports/auth.ts';
export type { Broker, NodeMessage } from '../ports/broker.ts';
export type { Clock, Timer } from '../ports/clock.ts';
export type { Directory } from '../ports/directory.ts';
export type { Journal } from '../ports/journal.ts';
export type { Append, AppendResult, Log, MapEntry, Position, Publication } from '../ports/log.ts';
export type { PresenceRecord, PresenceStore } from '../ports/presence.ts';
export type { Secrets } from '../ports/secrets.ts';
export type { SessionStore } from '../ports/sessions.ts';
export type { Telemetry } from '../ports/telemetry.ts';
export type { Connection, FrameRun, Link } from '../ports/transport.ts';
export { storeUnavailable } from '../ports/unavailable.ts';
export { createNode } from '../runtime/node.ts';
export type { NodeCounts, Outcome, RealtimeNode } from '../runtime/node-api.ts';
export { createSteadyTime } from '../runtime/steady-time.ts';
export { plainTickets } from '../adapters/memory/tickets.ts';
export { silentTelemetry } from '../adapters/memory/silent-telemetry.ts';
export { DEFAULT_SETTINGS, type NodePorts, type NodeSettings } from '../runtime/node-options.ts';
