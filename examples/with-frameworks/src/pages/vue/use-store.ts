import type { Store } from '@carillon/client/stores';
import { type ShallowRef, onScopeDispose, shallowRef } from 'vue';

/** A store as a ref, for as long as the component is there. */
export function useStore<T>(store: Store<T>): Readonly<ShallowRef<T>> {
  const value = shallowRef(store.get());
  onScopeDispose(store.subscribe((next) => (value.value = next)));
  return value;
}
