import type { Probe } from '../../ops/readiness.ts';

/** @param write resolves when something was committed; rejects where it cannot be */
export function databaseProbe(write: () => Promise<void>): Probe {
  return { of: 'the database', ask: () => write().then(allWell, () => 'the database cannot be written') };
}

/**
 * @param ping rejects where Redis does not answer
 * @param hears whether messages of other nodes come
 */
export function redisProbe(ping: () => Promise<unknown>, hears: () => boolean): Probe {
  return {
    of: 'Redis',
    ask: () =>
      ping().then(
        () => (hears() ? null : 'Redis: messages of other nodes do not come'),
        () => 'Redis cannot be reached',
      ),
  };
}

function allWell(): null {
  return null;
}
