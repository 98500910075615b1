import { isOneTooMany, nextVersionId, surplusVersions } from '../../core/document/version-order.ts';
import type { AuthorRun, DocumentDiff, DocumentEngine, DocumentParts } from '../../ports/document-engine.ts';
import type { Version, VersionHead } from '../../ports/documents.ts';
import type { Position } from '../../ports/log.ts';
import type { NodePorts } from '../node-options.ts';
import type { Outcome } from '../operation-outcome.ts';
import { failed, succeed } from '../outcome.ts';
import type { DocumentAccess, DocumentName } from './document-access.ts';
import type { Authors, Restored, VersionPage, WrittenRun } from './documents-api.ts';
import type { TakeResult } from './room-face.ts';

/** What is kept of documents beside what they are now. All of it rejects where a store or the engine cannot be reached. */
export type Versions = {
  list(name: DocumentName, before: string | null, limit: number): Promise<VersionPage>;
  /** Keeps what is there now. @param label null: unnamed, kept among the automatic ones */
  save(name: DocumentName, label: string | null, by: string | null): Promise<Outcome<VersionHead>>;
  /** Keeps what is there now as an automatic version, unless the newest version is of this very place or somebody is faster. */
  saveAutomatic(name: DocumentName): Promise<void>;
  version(name: DocumentName, id: string): Promise<Outcome<Version>>;
  /** How a version and another, or with null the document, differ. */
  diff(name: DocumentName, id: string, other: string | null): Promise<Outcome<DocumentDiff>>;
  /**
   * Makes the document what it was, by a change of this user's; what it was before is kept as a version.
   *
   * @param mayWrite asked in the turn in which the change would be appended; unless given, the app itself asks for it
   */
  restore(
    name: DocumentName,
    id: string,
    by: string | null,
    mayWrite?: () => boolean,
  ): Promise<Outcome<Restored>>;
  authors(name: DocumentName): Promise<Outcome<{ readonly position: Position; readonly roots: Authors }>>;
  remove(name: DocumentName, id: string): Promise<Outcome>;
};

/** How often a restore is made anew because the document went on; then it is taken beside what was written meanwhile. */
const RESTORE_TRIES = 5;

/** Heads of versions that are read at once. */
const HEADS_PAGE = 1_000;

/** What ends the ids of automatic versions, and of no other: the ids of `Secrets` are longer. */
const AUTOMATIC = 'auto';

/** A client id of 32 bits, as Yjs itself makes them; never 0. */
export function freshClientId(secrets: Pick<NodePorts['secrets'], 'hash' | 'id'>): number {
  const bits = Buffer.from(secrets.hash(secrets.id()), 'base64url').readUInt32BE(0);
  return Math.max(1, bits);
}

export function createVersions(
  {
    clock,
    secrets,
    telemetry,
  }: {
    readonly clock: Pick<NodePorts['clock'], 'nowMs'>;
    readonly secrets: Pick<NodePorts['secrets'], 'hash' | 'id'>;
    readonly telemetry: Pick<NodePorts['telemetry'], 'documentVersion'>;
  },
  engine: () => DocumentEngine,
  access: DocumentAccess,
): Versions {
  /** Jobs under way whose answer is of the same content: a class that opens the history at once asks for one. */
  const underWay = new Map<string, Promise<unknown>>();

  function shared<T>(key: readonly unknown[], job: () => Promise<T>): Promise<T> {
    const text = JSON.stringify(key);
    const there = underWay.get(text) as Promise<T> | undefined;
    if (there !== undefined) return there;
    const begun = job().finally(() => underWay.delete(text));
    underWay.set(text, begun);
    return begun;
  }

  async function headsOf(name: DocumentName): Promise<readonly VersionHead[]> {
    const store = access.store(name);
    const heads: VersionHead[] = [];
    for (;;) {
      const page = await store.versions(name.name, heads.at(-1)?.id ?? null, HEADS_PAGE);
      heads.push(...page);
      if (page.length < HEADS_PAGE) return heads;
    }
  }

  async function newestOf(name: DocumentName): Promise<VersionHead | null> {
    const [newest] = await access.store(name).versions(name.name, null, 1);
    return newest ?? null;
  }

  /** What is there now as one state, made by a worker: with garbage collection, as a snapshot is. */
  async function stateNow(
    name: DocumentName,
  ): Promise<Outcome<{ readonly position: Position; readonly state: Uint8Array }>> {
    const { position, parts } = await access.read(name);
    const compacted = await engine().compact(parts);
    return compacted.ok ? succeed({ position, state: compacted.state }) : broken(compacted.detail);
  }

  /** @returns null where the document was deleted meanwhile; nothing is kept then */
  async function keep(
    name: DocumentName,
    head: Omit<VersionHead, 'bytes'>,
    state: Uint8Array,
  ): Promise<VersionHead | null> {
    const store = access.store(name);
    await store.addVersion(name.name, { head, state });
    // Deleted while it was made: it would be found beside whatever is written under that name from now on.
    if ((await access.top(name)).epoch !== head.position.epoch) {
      await store.removeVersion(name.name, head.id);
      return null;
    }
    return { ...head, bytes: state.byteLength };
  }

  async function prune(name: DocumentName, heads: readonly VersionHead[]): Promise<void> {
    for (const id of surplusVersions(heads, name.document.versions))
      await access.store(name).removeVersion(name.name, id);
  }

  async function save(
    name: DocumentName,
    label: string | null,
    by: string | null,
  ): Promise<Outcome<VersionHead>> {
    const { namedVersions, versions } = name.document;
    const before = await headsOf(name);
    const named = before.filter((head) => head.name !== null).length;
    if (label !== null && named >= namedVersions) return full(namedVersions);
    if (label === null && versions === 0)
      return failed('limit_reached', 'no versions without a name are kept of this document');
    const now = await stateNow(name);
    if (!now.ok) return now;
    const { position, state } = now.value;
    const [newest] = before;
    // Or whoever saves again and again would have all the older ones go.
    if (label === null && newest !== undefined && samePlace(newest.position, position))
      return succeed(newest);
    const id = nextVersionId(newest?.id ?? null, secrets.id());
    const head = await keep(name, { id, name: label, atMs: clock.nowMs(), by, position }, state);
    if (head === null)
      return failed('conflict', 'the document was deleted, or its log began anew, meanwhile');
    const heads = await headsOf(name);
    if (label !== null && isOneTooMany(heads, id, namedVersions)) {
      await access.store(name).removeVersion(name.name, id);
      return full(namedVersions);
    }
    telemetry.documentVersion('asked');
    await prune(name, heads);
    return succeed(head);
  }

  async function saveAutomatic(name: DocumentName): Promise<void> {
    const newest = await newestOf(name);
    const { position, parts } = await access.read(name);
    if (newest !== null && samePlace(newest.position, position)) return;
    // Nothing was ever written.
    if (position.offset === 0 && parts.state === null) return;
    const compacted = await engine().compact(parts);
    if (!compacted.ok) throw new Error(compacted.detail);
    // Another node may have been faster; from here on two that make the same version give it the same id.
    if ((await newestOf(name))?.id !== newest?.id) return;
    const id = nextVersionId(newest?.id ?? null, AUTOMATIC);
    const head = { id, name: null, atMs: clock.nowMs(), by: null, position };
    if ((await keep(name, head, compacted.state)) === null) return;
    telemetry.documentVersion('automatic');
    await prune(name, await headsOf(name));
  }

  async function version(name: DocumentName, id: string): Promise<Outcome<Version>> {
    const found = await access.store(name).version(name.name, id);
    return found === null ? unknown(id) : succeed(found);
  }

  /** `at`: what stands for the content, as a version never changes. */
  async function partsOf(
    name: DocumentName,
    id: string | null,
  ): Promise<Outcome<{ readonly at: unknown; readonly parts: DocumentParts }>> {
    if (id === null) {
      const { position, parts } = await access.read(name);
      return succeed({ at: position, parts });
    }
    const found = await version(name, id);
    return found.ok ? succeed({ at: id, parts: { state: found.value.state, tail: [] } }) : found;
  }

  async function diff(name: DocumentName, id: string, other: string | null): Promise<Outcome<DocumentDiff>> {
    const before = await partsOf(name, id);
    if (!before.ok) return before;
    const after = await partsOf(name, other);
    if (!after.ok) return after;
    const compared = await shared(['diff', name.name, before.value.at, after.value.at], () =>
      engine().compare(before.value.parts, after.value.parts),
    );
    return compared.ok ? succeed(compared.diff) : broken(compared.detail);
  }

  async function restore(
    name: DocumentName,
    id: string,
    by: string | null,
    mayWrite: () => boolean = () => true,
  ): Promise<Outcome<Restored>> {
    const target = await version(name, id);
    if (!target.ok) return target;
    // Garbage collection has forgotten what is deleted now: without a version there would be no way back from this.
    if (name.document.versions > 0) await saveAutomatic(name);
    for (let attempt = 1; ; attempt++) {
      const { position, parts } = await access.read(name);
      // Of its own each time: a change whose answer was lost may have been taken, and its clocks would be counted twice.
      const client = freshClientId(secrets);
      const made = await engine().restore(parts, target.value.state, client);
      if (!made.ok) return broken(made.detail);
      if (made.update === null) return succeed({ position, changed: false });
      const isLast = attempt === RESTORE_TRIES;
      const taken = await access.take(name, {
        update: made.update,
        author: { user: by, names: new Set([client]), full: false },
        mayWrite,
        ...(isLast ? {} : { expect: position }),
      });
      if (taken.ok || taken.code !== 'conflict') return restored(taken);
    }
  }

  async function authors(
    name: DocumentName,
  ): Promise<Outcome<{ readonly position: Position; readonly roots: Authors }>> {
    const { position, parts, owners } = await access.readWithOwners(name);
    const written = await shared(['authors', name.name, position], () => engine().authors(parts));
    if (!written.ok) return broken(written.detail);
    const roots = Object.entries(written.roots).map(([root, runs]) => [root, named(runs, owners)]);
    return succeed({ position, roots: Object.fromEntries(roots) as Authors });
  }

  return {
    async list(name, before, limit) {
      const versions = await access.store(name).versions(name.name, before, limit);
      return { versions, next: versions.length < limit ? null : (versions.at(-1)?.id ?? null) };
    },
    save,
    saveAutomatic,
    version,
    diff,
    restore,
    authors,
    remove: async (name, id) =>
      (await access.store(name).removeVersion(name.name, id)) ? succeed(undefined) : unknown(id),
  };
}

/** Runs of client ids as runs of their owners: what one person wrote under two of them is one run. */
function named(runs: readonly AuthorRun[], owners: ReadonlyMap<number, string>): readonly WrittenRun[] {
  const written: { by: string | null; length: number; text: string }[] = [];
  for (const { client, length, text } of runs) {
    const by = owners.get(client) ?? null;
    const last = written.at(-1);
    if (last === undefined || last.by !== by) written.push({ by, length, text });
    else {
      last.length += length;
      last.text += text;
    }
  }
  return written;
}

function samePlace(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset;
}

function full(namedVersions: number): Outcome<never> {
  return failed('limit_reached', `a document has at most ${namedVersions} named versions`);
}

function unknown(id: string): Outcome<never> {
  return failed('version_unknown', `no version ${JSON.stringify(id)}`);
}

/** What was taken and kept cannot be read any more: no caller can do anything about it. */
function broken(detail: string): Outcome<never> {
  return failed('internal', `the document cannot be read: ${detail}`);
}

function restored(taken: TakeResult): Outcome<Restored> {
  if (taken.ok) return succeed({ position: taken.position, changed: true });
  const { code, detail, retryAfterMs } = taken;
  return { ok: false, code, detail, particulars: { retryAfterMs } };
}
