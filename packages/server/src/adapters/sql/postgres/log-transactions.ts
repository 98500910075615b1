import { flush } from './log-flush.ts';
import {
  type LogStateRow,
  type PgChannelRow,
  type TailRow,
  droppedTurns,
  lockChannels,
  lockDueKeyChannels,
  lockState,
  readEra,
  tail as tailOf,
} from './log-sql.ts';
import { ageLanes, createWorkLanes } from './log-lanes.ts';
import { type LogWork, hold } from './log-work.ts';
import type { PgTransaction } from './connection.ts';

type Turns = ReadonlyMap<string, number>;

function workWith(
  within: PgTransaction,
  era: string | undefined,
  rows: readonly PgChannelRow[],
  state: LogStateRow | null = null,
  dropped: Turns = new Map(),
): LogWork {
  if (era === undefined) throw new Error('the log has lost its era');
  const work: LogWork = {
    within,
    era,
    state,
    droppedTurns: dropped,
    channels: new Map(),
    begunAgain: [],
    lanes: createWorkLanes(),
  };
  for (const row of rows) hold(work, row);
  return work;
}

/**
 * Locks channels. Where one of them is not there it may have to begin, which the state of the log counts: then that is locked
 * first, in every node, and nobody waits in a circle.
 */
export async function openWork(
  within: PgTransaction,
  names: readonly string[],
  changesState = false,
): Promise<LogWork> {
  if (!changesState) {
    const [[found], rows] = await Promise.all([within.run(readEra), within.run(lockChannels, names)]);
    if (rows.length === names.length) return workWith(within, found?.era, rows);
    await within.exec('ROLLBACK; BEGIN');
  }
  const [[state], [found], rows, dropped] = await Promise.all([
    within.run(lockState),
    within.run(readEra),
    within.run(lockChannels, names),
    within.run(droppedTurns, names),
  ]);
  if (state === undefined) throw new Error('the log has lost its state');
  return workWith(
    within,
    found?.era,
    rows,
    { ...state },
    new Map(dropped.map(({ name, turn }) => [name, turn])),
  );
}

/** Locks the channels of keys that ran out; those that another transaction has are left to it. */
export async function workOnDueKeys(within: PgTransaction, nowMs: number, limit: number): Promise<LogWork> {
  const [[found], rows] = await Promise.all([
    within.run(readEra),
    within.run(lockDueKeyChannels, nowMs, limit),
  ]);
  return workWith(within, found?.era, rows);
}

export async function workOnNone(within: PgTransaction): Promise<LogWork> {
  const [found] = await within.run(readEra);
  return workWith(within, found?.era, []);
}

/** Writes what was made and commits it, in one go. */
export async function commitWork<T>(
  work: LogWork,
  results: T,
  nowMs: number,
): Promise<{ readonly results: T; readonly tail: TailRow }> {
  // Nothing here waits for the one before: the commit of a transaction in which something failed is a rollback, and the
  // failure is what is heard of.
  const written = flush(work);
  const aged = ageLanes(work.within, work.lanes);
  const [[tail]] = await Promise.all([
    work.within.run(tailOf, nowMs),
    work.within.exec('COMMIT'),
    written,
    ...aged,
  ]);
  if (tail === undefined) throw new Error('Postgres says nothing about the log');
  return { results, tail };
}
