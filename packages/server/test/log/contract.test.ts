import { logContract } from '../../src/testing/index.ts';
import { openMemory, openSqliteLog } from './subjects.ts';

logContract('memory', openMemory);
logContract('SQLite', openSqliteLog);
