import type { OutboxBox, OutboxSharing, OutboxStore } from './outbox-store.ts';

/** The one object store of a database. Its key generator gives the numbers, and gives none twice. */
const TEXTS = 'texts';

/** A database that has not opened after so long is not waited for, ms: another tab waits to delete it, or the disk is in trouble. */
export const DEFAULT_OPEN_TIMEOUT_MS = 5_000;

export type IndexedDbOptions = {
  /** How long a database may take to open, ms; then it counts as refused. Absent: 5,000. */
  readonly openTimeoutMs?: number | undefined;
};

/** A transaction that resolves only once it is on the disk, where the browser can; those of 2022 know no such thing or do it. */
const STRICT = { durability: 'strict' } as const;

/**
 * Keeps boxes in IndexedDB, a database each, shared by the tabs of an origin: a Web Lock says which of them sends, a BroadcastChannel
 * wakes it. Where a page has no locks (not served over https) each tab sends what it finds, which the numbers make harmless
 * for publications.
 */
export function indexedDbStore({
  openTimeoutMs = DEFAULT_OPEN_TIMEOUT_MS,
}: IndexedDbOptions = {}): OutboxStore {
  return {
    async open(name) {
      const database = `carillon-outbox:${name}`;
      let db = await openDatabase(database, openTimeoutMs);

      /** Browsers close databases on their own account: when data is cleared, or the disk failed. */
      async function inTransaction(
        mode: 'readonly' | 'readwrite',
        run: (texts: IDBObjectStore) => void,
      ): Promise<void> {
        let transaction: IDBTransaction;
        try {
          transaction = db.transaction(TEXTS, mode, STRICT);
        } catch {
          // Closed: it is opened anew, and what fails then is told.
          db = await openDatabase(database, openTimeoutMs);
          transaction = db.transaction(TEXTS, mode, STRICT);
        }
        await new Promise<void>((resolve, reject) => {
          transaction.oncomplete = () => resolve();
          transaction.onabort = () => reject(transaction.error ?? new Error('aborted'));
          run(transaction.objectStore(TEXTS));
        });
      }

      const sharing = shareAs(database);
      const box: OutboxBox = {
        durable: true,
        async all() {
          const found = new Map<number, string>();
          await inTransaction('readonly', (texts) => {
            const cursors = texts.openCursor();
            cursors.onsuccess = () => {
              const cursor = cursors.result;
              if (cursor === null) return;
              found.set(cursor.key as number, cursor.value as string);
              cursor.continue();
            };
          });
          return found;
        },
        async add(added) {
          const numbers: number[] = [];
          await inTransaction('readwrite', (texts) => {
            for (const text of added) {
              const request = texts.add(text);
              request.onsuccess = () => numbers.push(request.result as number);
            }
          });
          return numbers;
        },
        edit: (number, change) =>
          inTransaction('readwrite', (texts) => {
            const request = texts.get(number) as IDBRequest<string | undefined>;
            request.onsuccess = () => {
              const text = change(request.result);
              if (text === undefined) texts.delete(number);
              else if (text !== request.result) texts.put(text, number);
            };
          }),
        erase: () => inTransaction('readwrite', (texts) => texts.clear()),
        close() {
          sharing.close();
          // It waits for transactions that run.
          db.close();
          return Promise.resolve();
        },
        sharing,
      };
      return box;
    },
  };
}

/** @returns rejects where it is refused, or not there in time */
function openDatabase(name: string, timeoutMs: number): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    // Where the page may store nothing the property itself may throw, or be missing.
    const request = indexedDB.open(name, 1);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(new Error(`not open after ${timeoutMs} ms`));
    }, timeoutMs);
    request.onupgradeneeded = () => request.result.createObjectStore(TEXTS, { autoIncrement: true });
    request.onerror = () => {
      clearTimeout(timer);
      reject(request.error ?? new Error('refused'));
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      const db = request.result;
      // Nobody waits for it any more, and whoever deletes it must not wait for this tab.
      if (isLate) return db.close();
      db.onversionchange = () => db.close();
      resolve(db);
    };
  });
}

function shareAs(name: string): OutboxSharing & { close(): void } {
  const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(name);
  return {
    lead(led) {
      // Undefined where the page is not secure, whatever its type says.
      const locks = navigator.locks as LockManager | undefined;
      const asking = new AbortController();
      let release = (): void => {};
      const { signal } = asking;
      const held = (): Promise<void> =>
        new Promise((resolve) => {
          release = resolve;
          if (signal.aborted) resolve();
          else led(true);
        });
      const without = (): void => {
        // It rejects when the question is withdrawn, too.
        if (!signal.aborted) led(false);
      };
      if (locks === undefined) without();
      // Some refuse it where they let a page store.
      else locks.request(name, { signal }, held).catch(without);
      return () => {
        asking.abort();
        release();
      };
    },
    post: (message) => channel?.postMessage(message),
    listen(listener) {
      const heard = ({ data }: MessageEvent): void => listener(data);
      channel?.addEventListener('message', heard);
      return () => channel?.removeEventListener('message', heard);
    },
    close: () => channel?.close(),
  };
}
