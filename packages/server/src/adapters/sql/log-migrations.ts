import { log } from './migrations-log/0001-log.ts';

/** Of the log's file, in order. One that was released is never edited. */
export const LOG_MIGRATIONS: readonly string[] = [log];
