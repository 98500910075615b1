import { createMemoryDocuments } from '../../src/adapters/memory/documents.ts';
import { createInlineEngine } from '../../src/adapters/yjs/engine.ts';
import type { ChannelSpec, DocumentSpec } from '../../src/core/channel/channel-spec.ts';
import type { DocumentEngine } from '../../src/ports/document-engine.ts';
import type { DocumentStore } from '../../src/ports/documents.ts';
import type { NodePorts } from '../../src/runtime/node-options.ts';
import type { Harness } from '../runtime/harness.ts';
import {
  type ChannelHarnessOptions,
  channelSpec,
  createChannelHarness,
} from '../runtime/channels/channel-harness.ts';

export const HOUR = 3_600_000;

/** A document as most tests want it. */
export function documentSpec(
  changes: Partial<DocumentSpec> = {},
  channel: Partial<ChannelSpec> = {},
): ChannelSpec {
  return channelSpec('doc:{id}', {
    kind: 'document',
    retention: { count: Infinity, ageMs: Infinity, units: Infinity, keys: 0, onceMs: 300_000 },
    slow: 'resync',
    heldUnits: 100_000,
    echo: false,
    document: {
      updateBytes: 10_000,
      documentBytes: 100_000,
      compactUpdates: 1_000,
      compactBytes: 100_000,
      awarenessUnits: 100,
      awarenessRate: { perSecond: 10, burst: 10 },
      versionEveryMs: null,
      versions: 3,
      namedVersions: 2,
      ...changes,
    },
    ...channel,
  });
}

/** Snapshots and versions of all durabilities in one store, and jobs in line. */
export function documentPorts(
  engine: Partial<DocumentEngine> = {},
  store: DocumentStore = createMemoryDocuments(),
): Pick<NodePorts, 'documents' | 'engine'> {
  return {
    documents: { memory: store, replicated: store, stored: store },
    engine: { ...createInlineEngine(), ...engine },
  };
}

/** Who may do what here, by name. */
const ROLES = { ann: 'write', bob: 'write', rita: 'read', carl: 'comment' } as const;

/** A node with documents: `ann` and `bob` write, `carl` comments, `rita` reads. */
export function createDocumentHarness(
  spec: ChannelSpec,
  ports: Pick<NodePorts, 'documents' | 'engine'> = documentPorts(),
  options: ChannelHarnessOptions = {},
): Promise<Harness> {
  return createChannelHarness({
    ...options,
    // Clients here answer no heartbeat, and hours pass.
    settings: { heartbeatMs: 100 * HOUR, ...options.settings },
    channels: [spec, channelSpec('chat:{room}')],
    decide:
      options.decide ??
      (({ user }) =>
        Object.hasOwn(ROLES, user)
          ? { allow: true, untilMs: null, role: ROLES[user as keyof typeof ROLES] }
          : { allow: false, code: 'forbidden', detail: 'no' }),
    ports: (given) => ({ ...ports, ...options.ports?.(given) }),
  });
}
