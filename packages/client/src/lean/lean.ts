/**
 * The SDK of apps that send and do not watch: publications and calls, over all transports and from an outbox where the app asks for
 * them. No presence, no subscriptions.
 */
import type { Contract } from '@carillon/contract';
import type { AnyContract } from '../contract-types.ts';
import { hostPlatform } from '../platform.ts';
import { type LeanClient, type LeanOptions, createLeanClientOn } from './lean-client.ts';

export { type CarillonErrorCode, CarillonError } from '../carillon-error.ts';
export { createLadder as allTransports } from '../transports/ladder.ts';
export type { LeanClient, LeanMap, LeanOptions, LeanStream } from './lean-client.ts';

/**
 * Makes a client; `connect()` starts it.
 *
 * @throws CarillonError `url_invalid`, `options_invalid` or `no_websocket`
 */
export function createClient<C extends Contract = AnyContract>(options: LeanOptions): LeanClient<C> {
  return createLeanClientOn(hostPlatform(), options) as unknown as LeanClient<C>;
}
