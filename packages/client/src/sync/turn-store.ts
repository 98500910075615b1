import { guarded } from '../listeners.ts';
import type { Platform } from '../platform.ts';
import type { Store } from '../stores/store.ts';

/** Stores that tell their subscribers at the end of a turn, and whose value is never older than the turn. */
export type TurnStores = {
  /** @param read the same value until it changes */
  of<T>(initial: T, read: () => T): Store<T>;
  /** Something has changed: whoever would read something else is told. */
  changed(): void;
};

export function createTurnStores({ later, report }: Platform): TurnStores {
  const looks = new Set<() => void>();
  let waits = false;

  function changed(): void {
    if (waits) return;
    waits = true;
    // Once for all that changes in a turn.
    later(() => {
      waits = false;
      for (const look of [...looks]) if (looks.has(look)) guarded(look, report);
    });
  }

  return {
    changed,
    of: (initial, read) => ({
      initial,
      get: read,
      subscribe(run) {
        let last = read();
        const look = (): void => {
          const next = read();
          if (Object.is(next, last)) return;
          last = next;
          run(next);
        };
        looks.add(look);
        run(last);
        return () => void looks.delete(look);
      },
    }),
  };
}
