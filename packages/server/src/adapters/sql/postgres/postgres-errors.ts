import { type StoreUnavailable, isStoreUnavailable, storeUnavailable } from '../../../ports/unavailable.ts';

/** What Postgres says when two transactions came into each other's way: the same once more succeeds. */
const IN_EACH_OTHERS_WAY = new Set(['40001', '40P01', '55P03']);

/** Classes of what is wrong with a value or a row, not with the server: data exceptions and violated constraints. */
const OF_ONE_WRITE = /^(22|23)/;

/** Where a query failed: `storeUnavailable` with the driver's error as its cause. */
export function asUnavailable(error: unknown): StoreUnavailable {
  if (isStoreUnavailable(error)) return error;
  return storeUnavailable(`Postgres: ${messageOf(error)}`, error);
}

/** Whether it is worth trying again at once. */
export function mayBeRepeated(error: unknown): boolean {
  return IN_EACH_OTHERS_WAY.has(sqlStateOf(error));
}

/** Whether a write itself was at fault, so that those beside it can be taken without it. */
export function isOfOneWrite(error: unknown): boolean {
  return OF_ONE_WRITE.test(sqlStateOf(error));
}

/** The five characters by which Postgres says what went wrong; '' where it was not Postgres that said it. */
export function sqlStateOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('severity' in error && 'code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? '' : sqlStateOf(error.cause);
}

/** Names no password: the driver puts none into its messages. A refused connection to several addresses has no message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
