import { storeUnavailable } from '../../ports/unavailable.ts';
import { openLine } from './line.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { reasonOf } from './redis-errors.ts';
import {
  type RedisAddress,
  type RedisSettings,
  type RedisTopology,
  addressText,
  rotated,
} from './redis-settings.ts';

/**
 * Asks the Sentinels, one after the other, where the primary is; whether it really is one is up to whoever connects, for
 * a Sentinel may be late to learn of a failover. Each asking begins with another one, so that none that is cut off misleads
 * for ever.
 *
 * The asking rejects with `storeUnavailable` where none of them answers, or knows the name.
 */
export function createPrimaryLocator(
  { sentinels, name, login }: Extract<RedisTopology, { kind: 'sentinel' }>,
  settings: RedisSettings,
  deps: RedisLinkDeps,
): () => Promise<RedisAddress> {
  let first = 0;
  return async () => {
    const order = rotated(sentinels, first++);
    let failure = '';
    let cause: unknown;
    for (const address of order) {
      try {
        const line = await openLine({ ...settings, login, address }, deps, { onEnd: () => undefined });
        try {
          const reply = await line.send(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]);
          if (Array.isArray(reply)) return { host: String(reply[0]), port: Number(reply[1]) };
          failure = `the Sentinel at ${addressText(address)} knows no primary of the name ${JSON.stringify(name)}`;
        } finally {
          line.close('it was asked');
        }
      } catch (error) {
        failure = `the Sentinel at ${addressText(address)}: ${reasonOf(error)}`;
        cause = error;
      }
    }
    throw storeUnavailable(`Redis: ${failure}`, cause);
  };
}
