import type { ChannelSpec, DocumentSpec } from '../../core/channel/channel-spec.ts';
import { add, authorOf, newDocumentState } from '../../core/document/document-state.ts';
import { decodeOwners } from '../../core/document/owners.ts';
import type { DocumentParts } from '../../ports/document-engine.ts';
import type { DocumentSnapshot, DocumentStore } from '../../ports/documents.ts';
import type { Position } from '../../ports/log.ts';
import type { Hub } from '../channels/hub.ts';
import { logOf } from '../channels/log-of.ts';
import type { NodeContext } from '../context.ts';
import { documentStoreOf, engineOf } from './document-ports.ts';
import type { Documents } from './documents.ts';
import { bytesOf, type Kept, readDocument } from './reading-document.ts';
import type { Change, TakeResult } from './room-face.ts';

/** A document by its name, and how its contract wants it. */
export type DocumentName = {
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
  readonly spec: ChannelSpec;
  readonly document: DocumentSpec;
};

/** A document as it is kept, up to a position. */
export type DocumentContent = { readonly position: Position; readonly parts: DocumentParts };

/** An id under which a change is made once; `print` stands for what was asked. */
export type Once = { readonly id: string; readonly print: string };

/** What the server's side does with a change of its own. */
export type ServerChange = Omit<Change, 'silent' | 'mayWrite'> & Partial<Pick<Change, 'mayWrite'>>;

/** What versions and the server's side do with documents, whether those are open on this node or not. All of it rejects where a store cannot be reached. */
export type DocumentAccess = {
  store(name: DocumentName): DocumentStore;
  read(name: DocumentName): Promise<DocumentContent>;
  /** The same, with whose the client ids are; one that is not there is nobody's who is known. */
  readWithOwners(
    name: DocumentName,
  ): Promise<DocumentContent & { readonly owners: ReadonlyMap<number, string> }>;
  /** Where its log stands. */
  top(name: DocumentName): Promise<Position>;
  /** Judges and appends a change as those of clients. */
  take(name: DocumentName, change: ServerChange): Promise<TakeResult>;
  /** Where a change with this id was taken before; null: it was not. `id_reused`: it was another one. */
  takenBefore(name: DocumentName, by: string | null, once: Once): Promise<Position | 'id_reused' | null>;
  /** Forgets snapshot, updates and versions, and has everybody join anew who is in on this node; other nodes see it when they compare tops. */
  forget(name: DocumentName): Promise<void>;
};

/** A place at which no channel stands: what is appended only there is refused, once its id has been looked at. */
const NOWHERE: Position = { epoch: '-', offset: 1 };

export function createDocumentAccess(context: NodeContext, hub: Hub, documents: Documents): DocumentAccess {
  const { ports } = context;
  const { clock } = ports;
  const store = ({ spec }: DocumentName): DocumentStore => documentStoreOf(ports, spec);

  function readKept(name: DocumentName): Promise<Kept<DocumentSnapshot>> {
    const { spec } = name;
    return readDocument(name.name, logOf(context, spec), store(name), spec.retention, () => clock.nowMs());
  }

  function contentOf({ snapshot, top, tail }: Kept<DocumentSnapshot>): DocumentContent {
    return { position: top, parts: { state: snapshot?.state ?? null, tail: tail.map(bytesOf) } };
  }

  return {
    store,
    read: async (name) => contentOf(await readKept(name)),
    async readWithOwners(name) {
      const engine = engineOf(ports);
      const kept = await readKept(name);
      const { snapshot, tail } = kept;
      const state = newDocumentState();
      if (snapshot !== null) {
        for (const [client, clocks] of snapshot.vector) state.vector.set(client, clocks);
        for (const [client, owner] of decodeOwners(snapshot.owners)) state.owners.set(client, owner);
      }
      for (const publication of tail) {
        const inspected = engine.inspect(bytesOf(publication));
        if (inspected.ok) add(state, inspected.content, authorOf(publication.by, publication.ref));
      }
      const owners = new Map<number, string>();
      for (const [client, { user, held }] of state.owners)
        // What somebody brought in a copy may be anybody's.
        if (user !== null && !held) owners.set(client, user);
      return { ...contentOf(kept), owners };
    },
    top: async ({ name, spec }) => logOf(context, spec).top(name),
    async take({ name, spec, params }, change) {
      const channel = await hub.open(name, spec, params);
      try {
        return await documents.change(channel, { mayWrite: () => true, ...change, silent: null });
      } finally {
        hub.release(channel);
      }
    },
    async takenBefore({ name, spec }, by, once) {
      const asked = await logOf(context, spec).append({
        ...{ channel: name, kind: 'stream', retention: spec.retention, by, data: '""', key: null },
        ...{ version: null, ref: null, eventMs: null, ttlMs: null, expect: NOWHERE },
        ...{ once: { scope: by ?? '', ...once }, lane: null, silent: null, nowMs: clock.nowMs() },
      });
      if (asked.ok) return 'duplicate' in asked ? asked.duplicate : null;
      return asked.code === 'id_reused' ? 'id_reused' : null;
    },
    async forget(name) {
      const log = logOf(context, name.spec);
      // Snapshots first: whoever joins between the two finds updates without what they build on, and is told to come again.
      await store(name).forget(name.name);
      await log.forget(name.name);
      // A compaction that had read before the first of the two may have kept what it made.
      await store(name).forget(name.name);
      const channel = hub.get(name.name);
      if (channel !== undefined) hub.begunAnew(channel, await log.top(name.name));
    },
  };
}
