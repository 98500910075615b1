import type { Soon } from '../../ports/log.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';

/** A read of the log's file that fails, fails as a store does, and as a rejection also where its result would be there at once. */
export function orUnavailable<T>(read: () => Soon<T>): Soon<T> {
  try {
    const result = read();
    return result instanceof Promise ? result.catch(refuse) : result;
  } catch (error) {
    return Promise.reject(unreadable(error));
  }
}

function refuse(error: unknown): never {
  throw unreadable(error);
}

function unreadable(error: unknown): Error {
  return storeUnavailable(
    `the log cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    error,
  );
}
