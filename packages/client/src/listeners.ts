/** Takes the place of a throw where nobody could catch it: a listener of the app's own failed. */
export type Report = (error: unknown) => void;

/** Listeners of one kind. What one of them throws is reported and does not keep the others from hearing. */
export type Listeners<T> = {
  readonly size: number;
  /** @returns removes the listener again */
  add(listener: (value: T) => void): () => void;
  tell(value: T): void;
};

export function createListeners<T>(report: Report): Listeners<T> {
  // Entries, not functions: one function added twice is two listeners, each with its own end.
  const entries = new Set<{ readonly listener: (value: T) => void }>();
  return {
    get size() {
      return entries.size;
    },
    add(listener) {
      const entry = { listener };
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    tell(value) {
      for (const { listener } of [...entries]) guarded(() => listener(value), report);
    },
  };
}

/** Runs the app's code; what it throws is reported. */
export function guarded(run: () => void, report: Report): void {
  try {
    run();
  } catch (error) {
    report(error);
  }
}
