import type { CallInput, CallOutput, CallsOf, Contract } from '@carillon/contract';
import type { CarillonError } from '../carillon-error.ts';
import type { CallOptions } from '../channels/calls.ts';
import type { Client } from '../client.ts';
import type { CallNames } from '../contract-types.ts';
import { type Store, createStore } from './store.ts';

/** What became of the latest call. `data` stays while the next is under way, so that a page need not go blank. */
export type CallView<Out> =
  | { readonly status: 'idle'; readonly data: undefined; readonly error: null }
  | { readonly status: 'pending'; readonly data: Out | undefined; readonly error: null }
  | { readonly status: 'done'; readonly data: Out; readonly error: null }
  | { readonly status: 'failed'; readonly data: Out | undefined; readonly error: CarillonError };

/** A function of the server, and what became of the latest call of it. */
export interface CallStore<In, Out> extends Store<CallView<Out>> {
  /** Calls it; see `Client.call`. Of several that are under way the one begun last is shown. The promise need not be waited for. */
  run(this: void, input: In, options?: CallOptions): Promise<Out>;
}

/** What of a client calls. */
export type Caller<C extends Contract> = Pick<Client<C>, 'call'>;

const IDLE = { status: 'idle', data: undefined, error: null } as const;

/** A new store for each: what one part of a page calls is no business of another. */
export function callStore<C extends Contract, N extends CallNames<C>>(
  client: Caller<C>,
  name: N,
): CallStore<CallInput<CallsOf<C>[N]>, CallOutput<CallsOf<C>[N]>> {
  type Out = CallOutput<CallsOf<C>[N]>;
  let view: CallView<Out> = IDLE;
  let begun = 0;
  let changed: (() => void) | null = null;

  function show(next: CallView<Out>): void {
    view = next;
    changed?.();
  }

  const store = createStore<CallView<Out>>(
    IDLE,
    {
      read: () => view,
      start(listener) {
        changed = listener;
        return () => {
          changed = null;
        };
      },
    },
    0,
  );
  return {
    ...store,
    run(input, options) {
      const call = ++begun;
      show({ status: 'pending', data: view.data, error: null });
      const settled = client.call(name, input, options);
      settled.then(
        (data) => {
          if (call === begun) show({ status: 'done', data, error: null });
        },
        (error: CarillonError) => {
          if (call === begun) show({ status: 'failed', data: view.data, error });
        },
      );
      return settled;
    },
  };
}
