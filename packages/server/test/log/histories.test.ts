import { randomHistories } from './random-histories.ts';
import { openMemory, openSqliteLog } from './subjects.ts';

randomHistories('memory', openMemory, 2_000);
randomHistories('SQLite', openSqliteLog, 100);
