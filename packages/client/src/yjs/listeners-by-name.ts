import { type Report, guarded } from '../listeners.ts';

/** Listeners by the names of what they are told. */
export type NamedListeners<Events> = {
  on<K extends keyof Events>(type: K, listener: Events[K]): void;
  off<K extends keyof Events>(type: K, listener: Events[K]): void;
  tell<K extends keyof Events>(type: K, value: unknown): void;
};

export function createNamedListeners<Events>(report: Report): NamedListeners<Events> {
  const listeners = new Map<keyof Events, Set<unknown>>();
  return {
    on(type, listener) {
      const known = listeners.get(type) ?? new Set();
      listeners.set(type, known.add(listener));
    },
    off: (type, listener) => void listeners.get(type)?.delete(listener),
    tell(type, value) {
      // A listener of a name takes what is told by it.
      for (const listener of [...(listeners.get(type) ?? [])] as ((value: unknown) => void)[])
        guarded(() => listener(value), report);
    },
  };
}
