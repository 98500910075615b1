import { log } from './migrations-log/0001-log.ts';
import { lanes } from './migrations-log/0002-lanes.ts';
import { refs } from './migrations-log/0003-refs.ts';
import { documents } from './migrations-log/0005-documents.ts';
import { idempotencyWindows } from './migrations-log/0004-idempotency-windows.ts';

/** Of the log's file, in order. One that was released is never edited. */
export const LOG_MIGRATIONS: readonly string[] = [log, lanes, refs, idempotencyWindows, documents];
