import { isUserId, MAX_NAME_LENGTH, MAX_PAGE_SIZE, MAX_PUBLICATION_ID_LENGTH } from '@carillon/protocol';
import type { Patterns } from '../../core/channel/patterns.ts';
import type { NodeContext } from '../context.ts';
import type { Outcome } from '../operation-outcome.ts';
import { failed, run, succeed } from '../outcome.ts';
import type { DocumentAccess, DocumentName, Once } from './document-access.ts';
import { engineOf } from './document-ports.ts';
import {
  type DocumentChanged,
  type DocumentsApi,
  type EditRequest,
  EDITS_PER_REQUEST,
} from './documents-api.ts';
import type { TakeResult } from './room-face.ts';
import { freshClientId, type Versions } from './versions.ts';

/** What the app does with documents, from its own process or over HTTP. */
export function createDocumentOperations(
  context: NodeContext,
  patterns: Patterns,
  access: DocumentAccess,
  versions: Versions,
  onChanged: (name: DocumentName) => void,
  sizes: DocumentsApi['sizes'],
): DocumentsApi {
  const { ports } = context;

  function named(channel: string): Outcome<DocumentName> {
    const matched = patterns.match(channel);
    if (!matched.ok) return failed(matched.code, matched.detail);
    const { spec, params } = matched;
    return spec.document === null
      ? failed('kind_mismatch', 'only documents have this')
      : succeed({ name: channel, spec, params, document: spec.document });
  }

  async function on<T>(
    channel: string,
    operation: (name: DocumentName) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const name = named(channel);
    return name.ok ? run(context, () => operation(name.value)) : name;
  }

  /** The same, for a user who is named. */
  async function onBehalf<T>(
    channel: string,
    by: string | undefined,
    operation: (name: DocumentName, by: string | null) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    if (by !== undefined && !isUserId(by)) return failed('user_id_invalid', 'by: not a valid user id');
    return on(channel, (name) => operation(name, by ?? null));
  }

  function changed(name: DocumentName, taken: TakeResult): Outcome<DocumentChanged> {
    if (!taken.ok) {
      const { code, detail, retryAfterMs } = taken;
      return { ok: false, code, detail, particulars: { retryAfterMs } };
    }
    const { position, duplicate } = taken;
    if (!duplicate) onChanged(name);
    return succeed({ position, duplicate });
  }

  async function edit(
    name: DocumentName,
    { edits, id }: EditRequest,
    by: string | null,
  ): Promise<Outcome<DocumentChanged>> {
    const once = id === undefined ? undefined : onceOf(id, edits);
    if (once !== undefined) {
      // Before the edits are made: against a document in which they were made already they might not fit.
      const before = await access.takenBefore(name, by, once);
      if (before === 'id_reused') return failed('id_reused', 'the id stands for other edits');
      if (before !== null) return succeed({ position: before, duplicate: true });
    }
    const { position, parts } = await access.read(name);
    const client = freshClientId(ports.secrets);
    const made = await engineOf(ports).edit(parts, edits, client);
    if (!made.ok) return failed('update_invalid', made.detail);
    if (made.update === null) return succeed({ position, duplicate: true });
    const author = { user: by, names: new Set([client]), full: false };
    return changed(name, await access.take(name, { update: made.update, author, once }));
  }

  function onceOf(id: string, edits: EditRequest['edits']): Once {
    return { id, print: ports.secrets.hash(JSON.stringify(edits)) };
  }

  return {
    limits(channel) {
      const name = named(channel);
      if (!name.ok) return name;
      const { updateBytes, documentBytes } = name.value.document;
      return succeed({ updateBytes, documentBytes });
    },

    sizes,

    state: (channel) =>
      on(channel, async (name) => {
        const { position, parts } = await access.read(name);
        const job = await engineOf(ports).compact(parts);
        return job.ok ? succeed({ position, update: job.state }) : failed('internal', job.detail);
      }),

    json: (channel) =>
      on(channel, async (name) => {
        const { position, parts } = await access.read(name);
        const job = await engineOf(ports).json(parts);
        return job.ok ? succeed({ position, json: job.json }) : failed('internal', job.detail);
      }),

    edit: (channel, request) =>
      onBehalf(channel, request.by, async (name, by) => wrongEdit(request) ?? edit(name, request, by)),

    import: (channel, update, by) =>
      onBehalf(channel, by, async (name, user) => {
        const author = { user, names: new Set<number>(), full: true };
        return changed(name, await access.take(name, { update, author, isImport: true }));
      }),

    authors: (channel) => on(channel, (name) => versions.authors(name)),

    versions: (channel, before, limit) =>
      on(channel, async (name) =>
        Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE
          ? succeed(await versions.list(name, before, limit))
          : failed('bad_message', `limit: a whole number from 1 to ${MAX_PAGE_SIZE}`),
      ),

    saveVersion: (channel, label, by) =>
      onBehalf(channel, by, async (name, user) =>
        label === null || isLabel(label)
          ? versions.save(name, label, user)
          : failed('bad_message', `name: 1 to ${MAX_NAME_LENGTH} characters`),
      ),

    version: (channel, id) =>
      on(channel, async (name) => {
        const found = await versions.version(name, id);
        if (!found.ok) return found;
        const { head, state } = found.value;
        return succeed({ version: { ...head, bytes: state.byteLength }, update: state });
      }),

    versionJson: (channel, id) =>
      on(channel, async (name) => {
        const found = await versions.version(name, id);
        if (!found.ok) return found;
        const { head, state } = found.value;
        const { byteLength: bytes } = state;
        const job = await engineOf(ports).json({ state, tail: [] });
        return job.ok
          ? succeed({ version: { ...head, bytes }, json: job.json })
          : failed('internal', job.detail);
      }),

    diff: (channel, id, other) => on(channel, (name) => versions.diff(name, id, other)),

    restore: (channel, id, by) =>
      onBehalf(channel, by, async (name, user) => {
        const restored = await versions.restore(name, id, user);
        if (restored.ok && restored.value.changed) onChanged(name);
        return restored;
      }),

    removeVersion: (channel, id) => on(channel, (name) => versions.remove(name, id)),

    delete: (channel) =>
      on(channel, async (name) => {
        await access.forget(name);
        return succeed(undefined);
      }),
  };
}

function isLabel(label: string): boolean {
  return label.length >= 1 && label.length <= MAX_NAME_LENGTH;
}

function wrongEdit({ edits, id }: EditRequest): Outcome<never> | undefined {
  if (edits.length < 1 || edits.length > EDITS_PER_REQUEST)
    return failed('bad_message', `edits: 1 to ${EDITS_PER_REQUEST} of them`);
  if (id !== undefined && (id.length < 1 || id.length > MAX_PUBLICATION_ID_LENGTH))
    return failed('bad_message', `id: 1 to ${MAX_PUBLICATION_ID_LENGTH} characters`);
  return undefined;
}
