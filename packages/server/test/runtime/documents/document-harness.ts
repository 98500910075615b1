import { createMemoryDocuments } from '../../../src/adapters/memory/documents.ts';
import type { ChannelSpec, DocumentSpec } from '../../../src/core/channel/channel-spec.ts';
import type { DocumentEngine, Inspected } from '../../../src/ports/document-engine.ts';
import type { NodePorts } from '../../../src/runtime/node-options.ts';
import type { BareClient, Wire } from '../harness.ts';
import { channelSpec } from '../channels/channel-harness.ts';

export const DOCUMENT: DocumentSpec = {
  updateBytes: 1_000,
  documentBytes: 100_000,
  compactUpdates: 1_000,
  compactBytes: 100_000,
  awarenessUnits: 100,
  awarenessRate: { perSecond: 20, burst: 40 },
  versionEveryMs: null,
  versions: 0,
  namedVersions: 0,
};

/** A document whose updates say outright what they bring: what is tried is who may do what. */
export function documentSpec(pattern: string, changes: Partial<ChannelSpec> = {}): ChannelSpec {
  return channelSpec(pattern, {
    kind: 'document',
    document: DOCUMENT,
    slow: 'resync',
    echo: false,
    ...changes,
  });
}

const plainEngine = {
  inspect(update: Uint8Array): Inspected {
    const [client = 0, clock = 0] = JSON.parse(Buffer.from(update).toString()) as number[];
    const brings = [{ client, from: clock, to: clock + 1 }];
    return { ok: true, content: { brings, needs: new Map(), deletes: false } };
  },
  encodeVector: (vector: ReadonlyMap<number, number>) => Buffer.from(JSON.stringify([...vector])),
  decodeVector: (bytes: Uint8Array) =>
    new Map(JSON.parse(Buffer.from(bytes).toString()) as [number, number][]),
  diffUpdate: () => Promise.reject(new Error('nobody asks for a difference')),
  compact: () => Promise.reject(new Error('nothing is compacted')),
} as unknown as DocumentEngine;

/** What a node with documents has beside the ports of every harness. */
export function documentPorts(): Pick<NodePorts, 'documents' | 'engine'> {
  const store = createMemoryDocuments();
  return { documents: { memory: store, replicated: store, stored: store }, engine: plainEngine };
}

/** The client's update that brings one clock of one client id, as `d` of `upd`. */
export function change(client: number, clock: number): string {
  return Buffer.from(JSON.stringify([client, clock])).toString('base64');
}

/** Messages of one type, oldest first, since the last time. */
export function taken(client: BareClient, type: string): Wire[] {
  return client.take().filter(({ t }) => t === type);
}
