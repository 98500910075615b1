import type { Position } from '../core/channels/channel-events.ts';
import { fromBase64, toBase64 } from '../core/document/base64.ts';
import type { OwnUpdate } from '../core/document/document-events.ts';
import { memoryStore } from '../outbox/memory-store.ts';
import type { OutboxBox, OutboxStore } from '../outbox/outbox-store.ts';
import { createStoreAdds } from '../outbox/store-adds.ts';
import type { Platform } from '../platform.ts';

/** What others changed is gathered for so long before it is written, ms: the server has it. */
const GATHER_MS = 500;

/** Records beyond which those that one life of the page knows are written anew as one. */
const MOST_RECORDS = 200;

/** A store that hangs is not waited for any longer than a server that does, ms. */
const WRITTEN_TIMEOUT_MS = 5_000;

/**
 * One record: an update as base64. `l`: one's own, which the server has not acknowledged. `u`: any other; with `e` and `o` all up to that position is in the
 * records up to this one.
 */
type StoredUpdate = { readonly l: string } | ({ readonly u: string } & Partial<Stored>);
type Stored = { readonly e: string; readonly o: number };

/** What a store held. */
export type Held = {
  readonly updates: readonly Uint8Array[];
  readonly own: readonly OwnUpdate[];
  readonly position: Position | null;
};

/** A document as it is kept on the device: what was there, and what the server does not have. */
export type DocumentBox = {
  /** Whether it outlives the page. */
  readonly durable: boolean;
  /** Never rejects: where nothing can be read nothing was there. */
  readonly held: Promise<Held>;
  keep(own: OwnUpdate): void;
  acknowledged(ids: readonly number[]): void;
  applied(updates: readonly Uint8Array[], position: Position | null): void;
  erase(): void;
  /** Resolves once what was to be written until now is, or after 5 s; never rejects. */
  written(): Promise<void>;
  close(): Promise<void>;
};

/**
 * Several boxes of one name may be open at once, in tabs: updates are the same whoever writes them and however often, and each box removes only what it has
 * read or written itself.
 *
 * @param name one user's at one server, for one document
 * @param state the whole document, for a record that takes the place of many
 * @param nextId gives what is found names, as changes of this life are given
 */
export function openBox(
  store: OutboxStore,
  name: string,
  { report, setTimer }: Platform,
  state: () => Uint8Array,
  nextId: () => number,
): DocumentBox {
  let box: OutboxBox | null = null;
  /** Of records that this box knows: those of one's own by what they are called. */
  const own = new Map<number, number>();
  const known = new Set<number>();
  /** Acknowledged before they had a number. */
  const early = new Set<number>();
  let gathered: Uint8Array[] = [];
  let position: Position | null = null;
  let stale = false;
  let cancelGather: (() => void) | null = null;
  let work: Promise<unknown> = Promise.resolve();
  const adds = createStoreAdds<number>(
    inStore,
    (id, number) => {
      own.set(id, number);
      if (early.delete(id)) release([id]);
    },
    (_, detail) => report(new Error(`a change was not kept: ${detail}`)),
  );

  function inStore(run: (texts: OutboxBox) => Promise<void>): void {
    adds.cut();
    work = work.then(() => (box === null ? undefined : run(box))).catch(report);
  }

  async function open(): Promise<Held> {
    box = await store.open(name).catch(() => memoryStore().open(name));
    const updates: Uint8Array[] = [];
    const mine: OwnUpdate[] = [];
    for (const [number, text] of [...(await box.all())].sort(([a], [b]) => a - b)) {
      const record = parse(text);
      const update = record === null ? undefined : fromBase64('l' in record ? record.l : record.u);
      if (record === null || update === undefined) continue;
      if (update.length > 0) updates.push(update);
      if ('l' in record) {
        const id = nextId();
        own.set(id, number);
        mine.push({ id, update });
      } else {
        known.add(number);
        if (record.e !== undefined && record.o !== undefined)
          position = { epoch: record.e, offset: record.o };
      }
    }
    return { updates, own: mine, position };
  }

  function release(ids: readonly number[]): void {
    inStore(async (texts) => {
      for (const id of ids) {
        const number = own.get(id);
        if (number === undefined) continue;
        await texts.edit(number, (text) => text?.replace('{"l"', '{"u"'));
        own.delete(id);
        known.add(number);
      }
    });
  }

  function gather(): void {
    stale = true;
    cancelGather ??= setTimer(GATHER_MS, write);
  }

  function write(): void {
    cancelGather?.();
    cancelGather = null;
    if (!stale) return;
    stale = false;
    const updates = gathered;
    gathered = [];
    // As of now: what is gathered from here on is not in the store yet.
    const at = position === null ? {} : { e: position.epoch, o: position.offset };
    inStore(async (texts) => {
      const isMany = known.size + updates.length > MOST_RECORDS;
      const before = [...known];
      const added = isMany ? [state()] : updates.length === 0 ? [new Uint8Array()] : updates;
      const records = added.map((update, i): StoredUpdate => {
        const text = toBase64(update);
        return i === added.length - 1 ? { u: text, ...at } : { u: text };
      });
      for (const number of await texts.add(records.map((record) => JSON.stringify(record))))
        known.add(number);
      if (!isMany) return;
      for (const number of before) {
        await texts.edit(number, () => undefined);
        known.delete(number);
      }
    });
  }

  const opening = open();
  const held = opening.catch((error: unknown): Held => {
    report(error);
    return { updates: [], own: [], position: null };
  });
  work = held;
  return {
    get durable() {
      return box?.durable === true;
    },
    held,
    keep({ id, update }) {
      adds.add(id, JSON.stringify({ l: toBase64(update) } satisfies StoredUpdate));
    },
    acknowledged(ids) {
      for (const id of ids) if (!own.has(id)) early.add(id);
      release(ids.filter((id) => own.has(id)));
    },
    applied(updates, at) {
      gathered.push(...updates);
      position = at ?? position;
      gather();
    },
    erase() {
      gathered = [];
      stale = false;
      position = null;
      early.clear();
      inStore(async (texts) => {
        // Once more where it failed: browsers lose a store now and then, and find it again.
        await texts.erase().catch(() => texts.erase());
        own.clear();
        known.clear();
      });
    },
    written() {
      write();
      return new Promise((resolve) => {
        const cancel = setTimer(WRITTEN_TIMEOUT_MS, resolve);
        void work.then(() => {
          cancel();
          resolve();
        });
      });
    },
    async close() {
      write();
      inStore((texts) => texts.close());
      await work;
    },
  };
}

function parse(text: string): StoredUpdate | null {
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === 'object' && record !== null && ('l' in record || 'u' in record)
      ? (record as StoredUpdate)
      : null;
  } catch {
    // Of another version of the SDK: it is left alone.
    return null;
  }
}
