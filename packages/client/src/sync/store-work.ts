import type { SyncEffect, SyncEvent } from '../core/sync/sync-events.ts';
import type { Platform } from '../platform.ts';
import { memoryStore } from '../outbox/memory-store.ts';
import type { OutboxBox, OutboxStore } from '../outbox/outbox-store.ts';
import { createStoreAdds } from '../outbox/store-adds.ts';

/** How long to wait before a store that could not be read is read again, ms. */
const LOOK_AGAIN_MS = 5_000;

/** A store that hangs is not waited for any longer than a server that does, ms. */
const WRITTEN_TIMEOUT_MS = 5_000;

/** What concerns the store, or who shares it. */
type StoreEffect = Extract<
  SyncEffect,
  { readonly do: 'insert' | 'save' | 'remove' | 'look' | 'erase' | 'tell' | 'lead' | 'rest' }
>;

/** Does what a sync wants of its store, one behind the other. */
export type StoreWork = {
  readonly durable: boolean;
  perform(effect: StoreEffect): void;
  /** Resolves once what was to be written until now is, or after 5 s; never rejects. */
  written(): Promise<void>;
  close(): Promise<void>;
};

/** @param name of the box: one user's at one server, for one channel */
export function createStoreWork(
  store: OutboxStore,
  name: string,
  { report, setTimer }: Platform,
  dispatch: (event: SyncEvent) => void,
): StoreWork {
  let box: OutboxBox | null = null;
  let endListening = (): void => {};
  let giveUp: (() => void) | null = null;
  let leading = 0;
  let cancelLook = (): void => {};
  let closed = false;
  let work: Promise<unknown> = open();
  const adds = createStoreAdds<string>(
    inStore,
    (id, number) => dispatch({ type: 'inserted', id, number }),
    (id, detail) => dispatch({ type: 'insertFailed', id, detail }),
  );

  async function open(): Promise<void> {
    // Where nothing can be kept mutations live as long as the page, and `durable` says so.
    const opened = await store.open(name).catch(() => memoryStore().open(name));
    box = opened;
    if (!closed && opened.sharing !== undefined)
      endListening = opened.sharing.listen((message) => {
        // What a page of the same origin says is believed, as its scripts are; of another SDK's words nothing is known.
        if (typeof message === 'object' && message !== null)
          dispatch({ type: 'heard', message: message as never });
      });
  }

  function inStore(run: (texts: OutboxBox) => unknown): void {
    adds.cut();
    work = work.then(() => (box === null ? undefined : run(box))).catch(report);
  }

  async function look(texts: OutboxBox): Promise<void> {
    try {
      dispatch({ type: 'loaded', records: await texts.all() });
    } catch (error) {
      report(error);
      if (!closed) cancelLook = setTimer(LOOK_AGAIN_MS, () => inStore(look));
    }
  }

  function lead(): void {
    const own = ++leading;
    inStore(({ sharing }) => {
      if (own !== leading) return;
      const led = (): void => {
        if (own === leading) dispatch({ type: 'led' });
      };
      if (sharing === undefined) led();
      else giveUp = sharing.lead(led);
    });
  }

  function rest(): void {
    leading++;
    // Behind what it has to write: the next one that sends must find it.
    inStore(() => {
      giveUp?.();
      giveUp = null;
    });
  }

  return {
    get durable() {
      return box?.durable === true;
    },
    perform(effect) {
      switch (effect.do) {
        case 'insert':
          return adds.add(effect.id, effect.text);
        case 'save':
          return inStore((texts) =>
            texts.edit(effect.number, (now) => (now === undefined ? now : effect.text)),
          );
        case 'remove':
          return inStore((texts) => texts.edit(effect.number, () => undefined));
        case 'look':
          return inStore(look);
        case 'erase':
          // Once more where it failed: browsers lose a store now and then, and find it again.
          return inStore((texts) => texts.erase().catch(() => texts.erase()));
        case 'tell':
          // Others are told of what is in the store already.
          return inStore(({ sharing }) => sharing?.post(effect.message));
        case 'lead':
          return lead();
        case 'rest':
          return rest();
      }
    },
    written: () =>
      new Promise((resolve) => {
        const cancel = setTimer(WRITTEN_TIMEOUT_MS, resolve);
        void work.then(() => {
          cancel();
          resolve();
        });
      }),
    async close() {
      closed = true;
      rest();
      cancelLook();
      inStore((texts) => {
        endListening();
        return texts.close();
      });
      await work;
    },
  };
}
