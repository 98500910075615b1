import type { CarillonError } from '../carillon-error.ts';
import type { MutationItem, SyncToken } from '../core/sync/mutation.ts';
import { quiet } from '../quiet.ts';
import type { Mutation } from './sync-types.ts';

/** The mutations that this page made and that have not ended. */
export type MutationHandles = {
  make(id: string, name: string, key: string): Mutation;
  tell(item: MutationItem, error: CarillonError | null): void;
};

type Teller = (item: MutationItem, error: CarillonError | null) => void;

export function createMutationHandles(): MutationHandles {
  const tellers = new Map<string, Teller>();
  return {
    make(id, name, key) {
      let state: Mutation['state'] = 'queued';
      let error: CarillonError | null = null;
      const accepted = deferred<SyncToken>();
      const done = deferred<'confirmed' | 'settled'>();
      tellers.set(id, (item, failed) => {
        ({ state } = item);
        error = failed;
        const isEnd = state === 'confirmed' || state === 'settled';
        if (isEnd || state === 'accepted') accepted.resolve(item.token ?? id);
        if (isEnd) done.resolve(state as 'confirmed');
        if (failed !== null) {
          accepted.reject(failed);
          done.reject(failed);
        }
        if (isEnd || failed !== null) tellers.delete(id);
      });
      return {
        id,
        name,
        key,
        get state() {
          return state;
        },
        get error() {
          return error;
        },
        accepted: accepted.promise,
        done: done.promise,
      };
    },
    tell: (item, error) => tellers.get(item.id)?.(item, error),
  };
}

type Deferred<T> = {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: CarillonError): void;
};

/** `Promise.withResolvers` is younger than the browsers that the SDK runs in. */
function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] = () => {};
  let reject: Deferred<T>['reject'] = () => {};
  const promise = new Promise<T>((...both) => ([resolve, reject] = both));
  return { promise: quiet(promise), resolve, reject };
}
