import { AsyncLocalStorage } from 'node:async_hooks';

/** Lets nothing through after the line was down but what the listeners of its coming back send themselves. */
export type UpGate = {
  /** Whether a call made here and now may pass. */
  passes(): boolean;
  listen(listener: () => Promise<void>): void;
  /** Runs the listeners, one after the other, in the order they were added; then the gate is open. Rejects where one does. */
  settle(): Promise<void>;
  shut(): void;
};

export function createUpGate(): UpGate {
  const listeners: (() => Promise<void>)[] = [];
  // What a listener does is known by the context it was called in: it speaks through the stores, which know nothing of it.
  const within = new AsyncLocalStorage<object>();
  let open = false;
  /** Of this coming back; what an earlier listener started and left running does not pass. */
  let settling: object | null = null;

  return {
    passes: () => open || (settling !== null && within.getStore() === settling),
    listen: (listener) => void listeners.push(listener),
    async settle() {
      const token = {};
      settling = token;
      for (const listener of listeners) {
        await within.run(token, listener);
        if (settling !== token) throw new Error('the line broke while it was made ready');
      }
      open = true;
      settling = null;
    },
    shut() {
      open = false;
      settling = null;
    },
  };
}
