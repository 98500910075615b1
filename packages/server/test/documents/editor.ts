/**
 * Edits a document in SQLite until it is killed. Run by sqlite-faults.test.ts in a process of its own, with the path of the log. Says on
 * stdout, a line each, which offsets are in a snapshot that was acknowledged.
 */
import { createSqliteLog } from '../../src/adapters/sql/log.ts';
import { edit } from './editing.ts';

const log = await createSqliteLog({ path: process.argv[2] ?? '', newEpoch: () => `life${process.pid}` });
await edit(log, log.documents, Infinity, (offset) => void process.stdout.write(`${offset}\n`));
