import { guarded } from '../listeners.ts';
import { hostReport } from '../platform.ts';

/**
 * A value that changes. It is a store by the contracts of Svelte (`$store`) and Solid (`from(store)`), and what React's
 * `useSyncExternalStore` takes; Vue needs a `shallowRef` that `subscribe` writes to.
 */
export interface Store<T> {
  /** The present value: the same object until it changes. */
  get(): T;
  /** What it is before anything is known, and while a server renders: nothing is connected or subscribed for it. */
  readonly initial: T;
  /**
   * Calls `run` at once with the present value, and with each new one. While anybody is subscribed, what the value rests on is
   * (a channel, listeners of the client).
   *
   * @returns ends it
   */
  subscribe(this: void, run: (value: T) => void): () => void;
}

/**
 * How long a store stays on its channel without anybody, ms: React's StrictMode and routers take a page down and put it up again,
 * and the server need not hear of that.
 */
export const LINGER_MS = 500;

/** What a store rests on. */
export type Source<T> = {
  /** The value as it is now; called only when `changed` was. */
  read(): T;
  /**
   * Somebody looks from now on. Called once before its result is.
   *
   * @param changed to be called when `read` would say something else; may be called often
   * @returns ends it; nobody looks any more
   */
  start(changed: () => void): () => void;
  /**
   * The value while nobody looks, where there is one to be had: the same object until it changes. A component is rendered before it
   * looks; without this it would show nothing for a moment.
   */
  peek?(): T;
};

/**
 * @param lingerMs how long it goes on without anybody; 0: not at all
 */
export function createStore<T>(initial: T, source: Source<T>, lingerMs = LINGER_MS): Store<T> {
  const runs = new Set<(value: T) => void>();
  let value = initial;
  let stop: (() => void) | null = null;
  let lingering: ReturnType<typeof setTimeout> | undefined;
  let stale = false;

  function changed(): void {
    if (stale) return;
    stale = true;
    // Once for all that changes in a turn: a replay tells hundreds of publications one by one.
    queueMicrotask(refresh);
  }

  function refresh(): void {
    if (!stale) return;
    stale = false;
    if (stop === null) return;
    const next = source.read();
    if (Object.is(next, value)) return;
    value = next;
    for (const run of [...runs]) if (runs.has(run)) guarded(() => run(value), hostReport);
  }

  function begin(): void {
    clearTimeout(lingering);
    if (stop !== null) return;
    stop = source.start(changed);
    value = source.read();
  }

  function end(): void {
    stop?.();
    stop = null;
    value = initial;
  }

  return {
    initial,
    get: () => (stop === null ? (source.peek?.() ?? initial) : value),
    subscribe(run) {
      // One function may be handed in twice: each time is a subscription of its own.
      const own = (next: T): void => run(next);
      begin();
      runs.add(own);
      run(value);
      return () => {
        if (!runs.delete(own) || runs.size > 0) return;
        if (lingerMs === 0) end();
        else lingering = setTimeout(end, lingerMs);
      };
    },
  };
}

/** One store for each key object and name: components that look at the same thing share it. It goes with its object. */
export function createStoreCache<Key extends object>(): <S>(key: Key, name: string, make: () => S) => S {
  const stores = new WeakMap<Key, Map<string, unknown>>();
  return <S>(key: Key, name: string, make: () => S): S => {
    let named = stores.get(key);
    if (named === undefined) stores.set(key, (named = new Map<string, unknown>()));
    if (!named.has(name)) named.set(name, make());
    // The name stands for what made it.
    return named.get(name) as S;
  };
}
