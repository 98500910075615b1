import type { Clock } from '../../../ports/clock.ts';
import type { Intake, Verdict } from '../../../ports/source.ts';
import type { PgTransaction, Postgres } from './connection.ts';
import type { OutboxSettings } from './outbox-options.ts';
import { type OutboxRow, eventOf, placeOf } from './outbox-rows.ts';
import { OUTBOX_LANES, type OutboxNames } from './outbox-schema.ts';
import type { OutboxStatements } from './outbox-sql.ts';

/** Lanes of one round: so that several rounds, of one node or of four, each find some when all have rows waiting. */
const LANES_A_ROUND = OUTBOX_LANES / 4;

/** A lane gives a row at least, and a round has no more rows than its settings allow. */
export function lanesARound({ batch }: Pick<OutboxSettings, 'batch'>): number {
  return Math.min(LANES_A_ROUND, batch);
}

/** How long lanes that the log did not take are passed over, ms: at first, and at most. */
const PAUSE_MS = 100;
export const MAX_PAUSE_MS = 5_000;

/** What is kept of a reason, in characters. */
export const MAX_DETAIL_LENGTH = 1_000;

/** What came of a round. */
export type Round = {
  readonly lanes: number;
  /** Rows that are done. */
  readonly done: number;
  readonly dead: number;
  /** Of these, those that nobody has looked into. */
  readonly tooLarge: number;
  /** One of those that died, for the log: it holds nothing of the event. */
  readonly deadOne: { readonly place: string; readonly code: string } | null;
  /** ms after which lanes that were paused may be tried again; null: none was. */
  readonly againMs: number | null;
};

const NOTHING: Round = { lanes: 0, done: 0, dead: 0, tooLarge: 0, deadOne: null, againMs: null };

export type RoundOptions = {
  readonly postgres: Pick<Postgres, 'committing'>;
  readonly names: OutboxNames;
  readonly statements: OutboxStatements;
  readonly settings: OutboxSettings;
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly intake: Intake;
  /** Whether nothing may be brought any more. */
  readonly stopped: () => boolean;
};

/**
 * One round: locks lanes, brings what waits in them, and takes it for done in the same transaction. Whatever ends the
 * transaction (this process, its connection, Postgres, or that nothing happens in it for too long) gives the rows back.
 *
 * A key's rows are all in one lane, and a lane is in one round at a time, so they are brought in the order of their ids
 * among those that are committed. The rows are read by a statement of its own: the one that locks may have begun while another
 * round still had the lane, and would see what that has taken since.
 *
 * @param firstLane which lane is looked at first
 * @param onLocked called when lanes are locked, with how many
 * @throws StoreUnavailable then nothing was taken for done
 */
export async function runRound(
  { postgres, names, statements, settings, clock, intake, stopped }: RoundOptions,
  firstLane: number,
  onLocked: (lanes: number) => void,
): Promise<Round> {
  return postgres.committing(async (within) => {
    const locked = await within.run(statements.lock, firstLane, lanesARound(settings));
    const lanes = locked.map(({ lane }) => lane);
    onLocked(lanes.length);
    if (lanes.length === 0) {
      await within.exec('ROLLBACK');
      return NOTHING;
    }
    const rows = await within.run(
      statements.read,
      lanes,
      Math.floor(settings.batch / lanes.length),
      settings.maxEventBytes,
      settings.batchBytes,
    );
    // While it waited for its rows.
    if (stopped()) {
      await within.exec('ROLLBACK');
      return NOTHING;
    }
    const verdicts = await takeAll(rows);
    return settle(within, locked, rows, verdicts);
  });

  async function takeAll(rows: readonly OutboxRow[]): Promise<readonly Verdict[]> {
    const giveUp = new AbortController();
    const timer = clock.setTimer(settings.takeMs, () => giveUp.abort());
    try {
      return await Promise.all(
        rows.map((row) =>
          row.bytes > settings.maxEventBytes
            ? Promise.resolve(tooLarge(row.bytes, settings.maxEventBytes))
            : intake.take(eventOf(names, row), giveUp.signal),
        ),
      );
    } finally {
      timer.cancel();
    }
  }

  async function settle(
    within: PgTransaction,
    locked: readonly { readonly lane: number; readonly failures: number }[],
    rows: readonly OutboxRow[],
    verdicts: readonly Verdict[],
  ): Promise<Round> {
    const done: number[] = [];
    const dead: { id: number; code: string; detail: string }[] = [];
    const tried: { id: number; detail: string }[] = [];
    const paused = new Set<number>();
    let firstPauseMs = PAUSE_MS;
    rows.forEach((row, i) => {
      const verdict = verdicts[i];
      if (verdict === undefined) return;
      if (verdict.result === 'poison')
        dead.push({ id: row.id, code: verdict.code, detail: storable(verdict.detail) });
      else if (verdict.result === 'unavailable') {
        tried.push({ id: row.id, detail: storable(verdict.detail) });
        paused.add(row.lane);
        firstPauseMs = Math.max(firstPauseMs, verdict.retryAfterMs);
      } else done.push(row.id);
    });

    // Not awaited one by one: they share a round trip, and the first that fails fails the transaction.
    const writes: Promise<unknown>[] = [];
    const remove = settings.keepDoneMs === 0 ? statements.remove : statements.markDone;
    if (done.length > 0) writes.push(within.run(remove, done));
    if (dead.length > 0)
      writes.push(
        within.run(
          statements.markDead,
          dead.map(({ id }) => id),
          dead.map(({ code }) => code),
          dead.map(({ detail }) => detail),
        ),
      );
    if (tried.length > 0)
      writes.push(
        within.run(
          statements.markTried,
          tried.map(({ id }) => id),
          tried.map(({ detail }) => detail),
        ),
      );
    const recovered = locked.filter(({ lane, failures }) => failures > 0 && !paused.has(lane));
    if (recovered.length > 0)
      writes.push(
        within.run(
          statements.goOn,
          recovered.map(({ lane }) => lane),
        ),
      );
    const pausing =
      paused.size === 0 ? null : within.run(statements.pause, [...paused], firstPauseMs, MAX_PAUSE_MS);
    await Promise.all([...writes, pausing, within.exec('COMMIT')]);
    const [first] = dead;
    return {
      lanes: locked.length,
      done: done.length,
      dead: dead.length,
      tooLarge: rows.filter(({ bytes }) => bytes > settings.maxEventBytes).length,
      deadOne: first === undefined ? null : { place: placeOf(names, first), code: first.code },
      againMs: pausing === null ? null : ((await pausing)[0]?.ms ?? 0),
    };
  }
}

function tooLarge(bytes: number, maxBytes: number): Verdict {
  return { result: 'poison', code: 'event_too_large', detail: `${bytes} bytes, and ${maxBytes} may be` };
}

/** Postgres keeps no NUL in a text: one in a reason would hold the row up for ever. */
function storable(detail: string): string {
  return detail.slice(0, MAX_DETAIL_LENGTH).replaceAll('\0', '\uFFFD');
}
