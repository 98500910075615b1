import { partCount, partsOf, readWhole } from '../../core/document/state-parts.ts';
import { decodeVector, encodeVector } from '../../core/document/vector-text.ts';
import type { DocumentHead, DocumentStore, VersionHead } from '../../ports/documents.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import { DOCUMENT_SCRIPTS, type DocumentKeys, documentKeys } from './document-keys.ts';
import type { Keys } from './keys.ts';
import { listOf, textOf, toUnits } from './log-text.ts';
import { createWrites, type Replicas } from './replicated.ts';
import type { RedisLink } from './redis-link.ts';

export type RedisDocumentsOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  /** A name that was never given before, by any node. */
  readonly newId: () => string;
  /** Where a replica must have what is answered; null: nowhere. */
  readonly replicas?: Replicas | null;
};

/** Parts of a state that nobody took are kept for so long, ms: a node may have died between two of them. */
const ASIDE_MS = 10 * 60_000;

/** How often forgetting is begun anew because versions came or went meanwhile. */
const FORGET_TRIES = 16;

type KeptHead = DocumentHead & { readonly state: string };
type KeptVersion = VersionHead & { readonly state: string };

/**
 * Documents in Redis, beside the log of their channels, in its slot: one compare-and-set puts a snapshot in the place of another.
 * Large states are sent and read in parts, so that Redis does nothing for long.
 */
export function createRedisDocuments({
  link,
  keys,
  newId,
  replicas = null,
}: RedisDocumentsOptions): DocumentStore {
  const writes = createWrites(link, replicas);

  /** Puts the parts of a state aside. */
  async function stage(aside: string, state: Uint8Array): Promise<void> {
    await Promise.all(
      partsOf(state).map(({ buffer, byteOffset, byteLength }, part) =>
        link.run(
          DOCUMENT_SCRIPTS.stage,
          [aside],
          [String(part), Buffer.from(buffer, byteOffset, byteLength), String(ASIDE_MS)],
        ),
      ),
    );
  }

  async function headOf({ head }: DocumentKeys): Promise<KeptHead | undefined> {
    const [epoch, offset, vector, owners, bytes, state] = listOf(
      await link.command(head, 'HMGET', head, 'e', 'o', 'v', 'w', 'b', 'i'),
    );
    if (epoch === null) return undefined;
    const position = { epoch: textOf(epoch), offset: Number(offset) };
    return {
      position,
      vector: decodeVector(textOf(vector)),
      owners: textOf(owners),
      bytes: Number(bytes),
      state: textOf(state),
    };
  }

  async function versionOf({ heads }: DocumentKeys, id: string): Promise<KeptVersion | undefined> {
    const text = await link.command(heads, 'HGET', heads, toUnits(id));
    return text === null ? undefined : (JSON.parse(textOf(text)) as KeptVersion);
  }

  /** Parts of a state, as long as it is that one which lies in this place. */
  async function parts(
    place: string,
    state: string,
    from: number,
    limit: number,
  ): Promise<readonly Uint8Array[]> {
    const numbers = Array.from({ length: limit }, (_, i) => String(from + i));
    const [id, ...found] = await link.bytes(place, 'HMGET', place, 'id', ...numbers);
    return id?.toString() === state ? found.filter((part) => part !== null) : [];
  }

  async function list(
    { ids, heads }: DocumentKeys,
    before: string | null,
    limit: number,
  ): Promise<KeptVersion[]> {
    const from = before === null ? '+' : Buffer.concat([Buffer.from('('), toUnits(before)]);
    const texts = await link.run(DOCUMENT_SCRIPTS.versions, [ids, heads], [from, String(limit)]);
    return listOf(texts).map((text) => JSON.parse(textOf(text)) as KeptVersion);
  }

  return {
    async head(channel) {
      const kept = await headOf(documentKeys(keys, channel));
      if (kept === undefined) return null;
      const { position, vector, owners, bytes } = kept;
      return { position, vector, owners, bytes };
    },
    snapshot(channel) {
      const names = documentKeys(keys, channel);
      return readWhole(
        {
          row: () => headOf(names),
          parts: (state, from, limit) => parts(names.state, state, from, limit),
        },
        ({ position, vector, owners }, state) => ({ position, vector, owners, state }),
      );
    },
    async put(channel, { position, vector, owners, state }, replaces) {
      const names = documentKeys(keys, channel);
      const id = newId();
      const aside = names.aside(id);
      await stage(aside, state);
      const kept = await writes.run(
        DOCUMENT_SCRIPTS.put,
        [names.head, names.state, aside],
        [
          replaces === null ? '' : String(replaces.offset),
          replaces === null ? '' : replaces.epoch,
          position.epoch,
          String(position.offset),
          encodeVector(vector),
          owners,
          String(state.byteLength),
          String(partCount(state.byteLength)),
          id,
        ],
      );
      if (kept === -1) throw partsMissing();
      return kept === 1;
    },
    async addVersion(channel, { head, state }) {
      const names = documentKeys(keys, channel);
      const id = newId();
      const aside = names.aside(id);
      await stage(aside, state);
      const kept: KeptVersion = { ...head, bytes: state.byteLength, state: id };
      const added = await writes.run(
        DOCUMENT_SCRIPTS.version,
        [names.ids, names.heads, names.version(head.id), aside],
        [toUnits(head.id), JSON.stringify(kept), String(partCount(state.byteLength)), id],
      );
      if (added === -1) throw partsMissing();
    },
    async versions(channel, before, limit) {
      const found = await list(documentKeys(keys, channel), before, limit);
      return found.map(({ id, name, atMs, by, position, bytes }) => ({
        id,
        name,
        atMs,
        by,
        position,
        bytes,
      }));
    },
    version(channel, id) {
      const names = documentKeys(keys, channel);
      return readWhole(
        {
          row: () => versionOf(names, id),
          parts: (state, from, limit) => parts(names.version(id), state, from, limit),
        },
        ({ name, atMs, by, position }, state) => ({ head: { id, name, atMs, by, position }, state }),
      );
    },
    async removeVersion(channel, id) {
      const { ids, heads, version } = documentKeys(keys, channel);
      return (await writes.run(DOCUMENT_SCRIPTS.unversion, [ids, heads, version(id)], [toUnits(id)])) === 1;
    },
    async forget(channel) {
      const names = documentKeys(keys, channel);
      const { head, state, ids, heads, version } = names;
      for (let tries = 0; tries < FORGET_TRIES; tries++) {
        const found = (await list(names, null, Number.MAX_SAFE_INTEGER)).map(({ id }) => id);
        const done = await writes.run(
          DOCUMENT_SCRIPTS.forget,
          [head, state, ids, heads, ...found.map(version)],
          found.map(toUnits),
        );
        if (done === 1) return;
      }
      throw storeUnavailable(`versions came and went ${FORGET_TRIES} times while a document was forgotten`);
    },
  } satisfies DocumentStore;
}

function partsMissing(): Error {
  return storeUnavailable('Redis: parts of a state were lost on their way');
}
