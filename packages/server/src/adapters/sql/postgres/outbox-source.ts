import type { Timer } from '../../../ports/clock.ts';
import type { Intake, Source } from '../../../ports/source.ts';
import { isStoreUnavailable } from '../../../ports/unavailable.ts';
import type { Postgres } from './connection.ts';
import { checkOutbox } from './outbox-check.ts';
import { type Listener, listen } from './outbox-listener.ts';
import { DEFAULT_OUTBOX, type OutboxSettings, type OutboxSourceOptions } from './outbox-options.ts';
import { OUTBOX } from './outbox-rows.ts';
import { lanesARound, runRound } from './outbox-round.ts';
import { OUTBOX_LANES, outboxNames } from './outbox-schema.ts';
import { outboxStatements } from './outbox-sql.ts';
import { createOutboxTurns } from './outbox-turns.ts';
import { connectPostgres } from './postgres.ts';

/** How often rows are counted, old ones deleted, and the listening connection is tried. */
const BOOKS_MS = 5_000;

/** Rows kept too long are deleted at once in so many batches, so that nobody waits for it. */
const PURGES_AT_ONCE = 20;

/** How long an attempt waits for the next when Postgres is away, ms: at first at most, and at most. */
const RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/** A timer of ours may be ahead of Postgres's clock, ms: too early, and the lanes would wait for the next poll. */
const AHEAD_MS = 5;

/** How much longer than a round Postgres leaves its transaction open, ms: the answers must still be written down. */
const SLACK_MS = 5_000;

/**
 * Brings the rows of an outbox table in an app's own Postgres. Any number of nodes share it.
 *
 * A key's events are brought in the order of their ids among those that are committed, one node at a time. A row whose transaction commits
 * late is brought then, behind those with higher ids that were there before.
 */
export function createOutboxSource(options: OutboxSourceOptions): Source {
  const settings: OutboxSettings = { ...DEFAULT_OUTBOX, ...options };
  const { url, clock, secrets, telemetry } = options;
  const limits = {
    poolSize: settings.atOnce + 1,
    connectMs: settings.connectMs,
    statementMs: settings.statementMs,
  };
  const names = outboxNames(settings.table);
  const statements = outboxStatements(names);
  const turns = createOutboxTurns(clock);
  let postgres: Postgres | null = null;
  let listener: Listener | null = null;
  let working: Promise<unknown> = Promise.resolve();
  let keeping: Promise<void> = Promise.resolve();
  let poll: Timer | null = null;
  const again = new Set<Timer>();
  let books: Timer | null = null;
  let trouble: string | null = null;
  let firstLane = 0;
  let done = 0;
  let counted: { readonly waiting: number; readonly dead: number } | null = null;

  function failed(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    if (trouble === null) telemetry.warn('outbox_unavailable', { detail });
    trouble = detail;
  }

  function pauseMs(attempt: number): number {
    return (0.5 + secrets.fraction() / 2) * Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(attempt, 10));
  }

  /** Brings rows until there are none, and waits to be woken. */
  async function work(database: Postgres, intake: Intake): Promise<void> {
    for (let attempt = 0; !turns.stopped();) {
      let lanes = 0;
      try {
        firstLane = (firstLane + lanesARound(settings)) % OUTBOX_LANES;
        const round = await runRound(
          { postgres: database, names, statements, settings, clock, intake, stopped: turns.stopped },
          firstLane,
          // There may be more: somebody else may take them meanwhile.
          (locked) => locked === lanesARound(settings) && turns.wakeOne(),
        );
        ({ lanes } = round);
        done += round.done;
        attempt = 0;
        trouble = null;
        if (round.dead > 0) telemetry.warn('outbox_rows_dead', { count: round.dead, ...round.deadOne });
        // The intake has not seen them. What else it was given it counts itself.
        for (let i = 0; i < round.tooLarge; i++) telemetry.feedEvent(OUTBOX, '', 'event_too_large', 0);
        if (round.againMs !== null) tryAgainIn(round.againMs);
      } catch (error) {
        failed(error);
        await turns.pause(pauseMs(attempt++));
        continue;
      }
      if (lanes === 0) await turns.sleep();
    }
  }

  /** When the pause of lanes is over, by the clock of Postgres, which need not run as ours does. */
  function tryAgainIn(ms: number): void {
    const timer = clock.setTimer(ms + AHEAD_MS, () => {
      again.delete(timer);
      turns.wakeOne();
    });
    again.add(timer);
  }

  function pollLater(): void {
    poll = clock.setTimer(settings.pollMs, () => {
      turns.wakeOne();
      pollLater();
    });
  }

  async function keepBooks(database: Postgres): Promise<void> {
    try {
      const [row] = await database.run(statements.count);
      counted = row ?? null;
      for (let i = 0; settings.keepDoneMs > 0 && i < PURGES_AT_ONCE; i++) {
        const [purged] = await database.run(statements.purge, settings.keepDoneMs);
        if ((purged?.deleted ?? 0) === 0) break;
      }
    } catch (error) {
      counted = null;
      telemetry.warn('outbox_not_counted', {
        detail: error instanceof Error ? error.message : String(error),
      });
    }
    if (!turns.stopped()) books = clock.setTimer(BOOKS_MS, () => booksDue(database));
  }

  function booksDue(database: Postgres): void {
    listener?.check();
    keeping = keepBooks(database);
  }

  return {
    name: OUTBOX,
    async start(intake) {
      const database = await connectPostgres({
        url,
        limits,
        idleInTransactionMs: settings.takeMs + SLACK_MS,
      });
      postgres = database;
      try {
        await checkOutbox(database, names);
      } catch (error) {
        // A database that is away comes back: neither the server nor its other sources wait for it.
        if (!isStoreUnavailable(error)) throw error;
        failed(error);
      }
      if (turns.stopped()) return;
      listener = await listen({
        url,
        limits,
        channel: names.channel,
        clock,
        pauseMs,
        onWake: turns.wakeOne,
        onLost: (detail) => telemetry.warn('outbox_listening_lost', { detail }),
      });
      // While it connected.
      if (turns.stopped()) return listener.stop();
      pollLater();
      working = Promise.all(Array.from({ length: settings.atOnce }, () => work(database, intake)));
      keeping = keepBooks(database);
    },
    async stop() {
      turns.stop();
      for (const timer of [poll, books, ...again]) timer?.cancel();
      await working;
      await keeping;
      await listener?.stop();
      const database = postgres;
      postgres = null;
      await database?.close();
    },
    trouble: () => trouble,
    positions: () => [
      { topic: names.channel, partition: 'waiting', position: done, lag: counted?.waiting ?? null },
      { topic: names.channel, partition: 'dead', position: counted?.dead ?? 0, lag: null },
    ],
  } satisfies Source;
}
