import type { Contract } from '@carillon/contract';
import { CarillonError } from '../carillon-error.ts';
import { type Params, nameOf } from '../channels/channel-names.ts';
import { HOST, type Host } from '../channels/host.ts';
import type { Client } from '../client.ts';
import type { DocumentPatternOf, ParamsBehind } from '../contract-types.ts';
import { extend } from '../extend.ts';
import { type DocumentRoom, createRoom } from './document-room.ts';
import type {
  DocumentAuthors,
  DocumentDiff,
  DocumentProvider,
  DocumentProviderOptions,
  DocumentVersion,
} from './provider-types.ts';
import { openSubdocuments } from './subdocuments.ts';

type Opened = { readonly room: DocumentRoom; handles: number; following: number };

/** The documents that are open in each client. */
const opened = new WeakMap<Host, Map<string, Opened>>();

/**
 * Opens a document on the client's connection. The same document opened again in one client is the same Y.Doc, followed once; each provider is closed for
 * itself.
 *
 * @throws CarillonError `channel_invalid` where a parameter cannot stand in a name, `options_invalid` where the document is open already with another `doc`
 * or `awareness`
 */
export function openDocument<C extends Contract, P extends DocumentPatternOf<C>>(
  client: Client<C>,
  pattern: P,
  ...rest: [...params: ParamsBehind<NoInfer<P>>, options?: DocumentProviderOptions]
): DocumentProvider {
  const [params, options = {}] = rest as readonly unknown[] as [
    params?: Params,
    options?: DocumentProviderOptions,
  ];
  return openChannel(hostOf(client), pattern, nameOf(pattern, params), options);
}

/** Every client with channels has it; its type says nothing of it. */
function hostOf(client: object): Host {
  const { [HOST]: host } = client as { readonly [HOST]?: Host };
  if (host === undefined) throw new CarillonError('options_invalid', 'client');
  return host;
}

function openChannel(
  host: Host,
  pattern: string,
  channel: string,
  options: DocumentProviderOptions,
): DocumentProvider {
  const documents = opened.get(host) ?? new Map<string, Opened>();
  opened.set(host, documents);
  const known = documents.get(channel);
  for (const each of ['doc', 'awareness'] as const)
    if (known !== undefined && options[each] !== undefined && options[each] !== known.room[each]())
      throw new CarillonError('options_invalid', each);
  const entry: Opened = known ?? { room: makeRoom(), handles: 0, following: 0 };
  documents.set(channel, entry);
  return providerOf(entry, options.connect !== false);

  function makeRoom(): DocumentRoom {
    const room = createRoom(host, channel, options, () => {
      if (documents.get(channel)?.room === room) documents.delete(channel);
      endChildren();
    });
    const { subdocument } = options;
    const endChildren =
      subdocument === undefined
        ? (): void => {}
        : openSubdocuments(room, (doc) => {
            const which = subdocument(doc.guid);
            if (which === null) return null;
            const name = typeof which === 'string' ? which : nameOf(pattern, which);
            const { store, delayMs, awarenessMs } = options;
            return openChannel(host, pattern, name, { doc, store, delayMs, awarenessMs, subdocument });
          });
    return room;
  }
}

function providerOf(entry: Opened, connects: boolean): DocumentProvider {
  const { room } = entry;
  let follows = false;
  let closing: Promise<void> | null = null;
  entry.handles++;

  function follow(next: boolean): void {
    if (closing !== null || (follows === next && room.info().status !== 'ended')) return;
    if (follows !== next) entry.following += next ? 1 : -1;
    follows = next;
    room.follow(entry.following > 0);
  }

  if (connects) follow(true);
  const getters = {
    get doc() {
      return room.doc();
    },
    get awareness() {
      return room.awareness();
    },
    get status() {
      return room.info().status;
    },
    get role() {
      return room.info().role;
    },
    get saved() {
      return room.info().saved;
    },
    get synced() {
      return room.info().status === 'live';
    },
  };
  return extend(getters, {
    channel: room.channel,
    info: room.store,
    whenSynced: room.whenSynced,
    whenLoaded: room.whenLoaded,
    whenSaved: room.whenSaved,
    userOf: room.userOf,
    on: room.told.on,
    off: room.told.off,
    connect: () => follow(true),
    disconnect: () => follow(false),
    discard: room.replace,
    ...versionsOf(room),
    close() {
      follow(false);
      closing ??= --entry.handles > 0 ? Promise.resolve() : room.close();
      return closing;
    },
  } satisfies Omit<DocumentProvider, keyof typeof getters>);
}

type WireVersion = {
  readonly v: string;
  readonly m?: string;
  readonly ts: number;
  readonly by?: string;
  readonly bytes: number;
};

function versionsOf(
  room: DocumentRoom,
): Pick<DocumentProvider, 'versions' | 'saveVersion' | 'viewVersion' | 'diff' | 'restore' | 'authors'> {
  return {
    async versions({ after, limit } = {}) {
      type Page = { readonly vs: readonly WireVersion[]; readonly next?: string };
      const { vs, next = null } = await room.ask<Page>({ do: 'versions', k: after, n: limit }, true);
      return { versions: vs.map(versionOf), next };
    },
    async saveVersion(name) {
      const { v } = await room.ask<{ readonly v: string }>({ do: 'save', m: name }, false);
      return v;
    },
    viewVersion: (id) => room.ask<Uint8Array>({ do: 'view', v: id }, true),
    diff: (from, to) => room.ask<DocumentDiff>({ do: 'diff', v: from, w: to }, true),
    async restore(id) {
      await room.ask({ do: 'restore', v: id }, false);
    },
    authors: () => room.ask<DocumentAuthors>({ do: 'authors' }, true),
  };
}

function versionOf({ v, m, ts, by, bytes }: WireVersion): DocumentVersion {
  return { id: v, name: m ?? null, atMs: ts, by: by ?? null, bytes };
}
