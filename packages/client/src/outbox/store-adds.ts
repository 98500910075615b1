import type { OutboxBox } from './outbox-store.ts';

/** What is added to a box: what is added in one turn, or while the store is at work, is written at once. */
export type StoreAdds<Name> = {
  /** @param name what the caller knows the text by until it has a number */
  add(name: Name, text: string): void;
  /** Something else is to be done in the store: what is added from now on goes behind it. */
  cut(): void;
};

/**
 * @param inStore does its work behind what was given to it before; it calls `cut` each time
 * @param onAdded told the number that a text was given
 * @param onFailed told why one could not be added, by itself
 */
export function createStoreAdds<Name>(
  inStore: (run: (texts: OutboxBox) => Promise<void>) => void,
  onAdded: (name: Name, number: number) => void,
  onFailed: (name: Name, detail: string) => void,
): StoreAdds<Name> {
  type Added = { readonly name: Name; readonly text: string };
  let batch: Added[] | null = null;

  async function addAll(texts: OutboxBox, added: readonly Added[], again = true): Promise<void> {
    try {
      const numbers = await texts.add(added.map(({ text }) => text));
      for (const [at, { name }] of added.entries()) onAdded(name, numbers[at] ?? 0);
    } catch (error) {
      // Once more, each alone: one that does not fit is not to cost those that were asked for in the same turn.
      if (again) for (const each of added) await addAll(texts, [each], false);
      else for (const { name } of added) onFailed(name, String(error));
    }
  }

  return {
    add(name, text) {
      if (batch !== null) {
        batch.push({ name, text });
        return;
      }
      const added = [{ name, text }];
      inStore(async (texts) => {
        if (batch === added) batch = null;
        await addAll(texts, added);
      });
      batch = added;
    },
    cut() {
      batch = null;
    },
  };
}
