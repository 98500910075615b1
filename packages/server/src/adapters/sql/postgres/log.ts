import type { Append, AppendResult, Expired, Log, Position } from '../../../ports/log.ts';
import { storeUnavailable } from '../../../ports/unavailable.ts';
import { asUnavailable } from './postgres-errors.ts';
import { createPostgresLogReader } from './log-reader.ts';
import { settleEra } from './log-era.ts';
import { type PgLogLimits, appendAll, expireKeys } from './log-appends.ts';
import { PG_LANE_LIMITS, dropLanes } from './log-lanes.ts';
import { lookAfter } from './log-aging.ts';
import { commitWork, openWork, workOnDueKeys, workOnNone } from './log-transactions.ts';
import { drop, trimTo } from './log-work.ts';
import { type TailRow, settleChannel } from './log-sql.ts';
import type { Postgres } from './connection.ts';
import { createTurnQueue } from './turn-queue.ts';

export type PostgresLogLimits = PgLogLimits & {
  /** Writes that wait for Postgres at most; one more is refused as unavailable. */
  readonly waiting: number;
  /** UTF-16 units of the payloads that wait. */
  readonly waitingUnits: number;
};

export const POSTGRES_LOG_LIMITS: PostgresLogLimits = {
  channels: 1_000_000,
  oncePerChannel: 500_000,
  ...PG_LANE_LIMITS,
  waiting: 50_000,
  /** 64 MB, where they are not all ASCII. */
  waitingUnits: 32 * 1024 * 1024,
};

/** Appends of one transaction, and the UTF-16 units of their payloads: what others wait for who append to the same channels. */
const APPENDS_A_TRANSACTION = 1_000;
const UNITS_A_TRANSACTION = 4 * 1024 * 1024;

/** Where several nodes share the log, each looks after keys that ran out at least so often, ms: their node may be gone. */
const LOOKED_FOR_MS = 30_000;

export type PostgresLogOptions = {
  /** A name that was never given before, by no process. */
  readonly newEpoch: () => string;
  /** Other nodes append to it too. */
  readonly shared?: boolean;
  readonly limits?: Partial<PostgresLogLimits> | undefined;
  /** Told of each transaction that was refused, for the log. */
  readonly onRefused?: ((detail: string) => void) | undefined;
  /** Told why every channel begins a new epoch, where the database may be older than it was; for the log. */
  readonly onRenewed?: ((reason: string) => void) | undefined;
};

export type PostgresLog = Log & {
  /** Writes to the database and resolves when that is committed; rejects where it cannot be. */
  probe(): Promise<void>;
  /** Writes that have not been answered. */
  waiting(): number;
  /** Commits what was appended so far. The database stays open. */
  close(): Promise<void>;
};

type LogWrite =
  | { readonly kind: 'append'; readonly append: Append }
  | { readonly kind: 'expire'; readonly nowMs: number; readonly limit: number }
  | { readonly kind: 'trim'; readonly channel: string; readonly upTo: Position }
  | { readonly kind: 'forget'; readonly channel: string }
  | { readonly kind: 'probe' };

type LogResult = AppendResult | readonly Expired[] | undefined;

/**
 * The log in Postgres, for channels that are `stored`: what was acknowledged is committed. Any number of nodes append to it; a
 * channel's row is locked while offsets are given, so that they have no gap.
 *
 * @throws StoreUnavailable
 */
export async function createPostgresLog(
  postgres: Postgres,
  options: PostgresLogOptions,
): Promise<PostgresLog> {
  const { newEpoch, shared = false, onRefused, onRenewed } = options;
  const limits = { ...POSTGRES_LOG_LIMITS, ...options.limits };
  const reader = createPostgresLogReader(postgres);
  let expiryMs: number | null = null;
  let lookAgainMs = shared ? 0 : Infinity;
  let seenLsn = 0n;
  let latestMs = 0;
  let isAgeDue = false;
  let closed = false;

  await postgres.onConnected(async (within, server) => {
    const reason = await settleEra(within, server, seenLsn, newEpoch);
    if (reason === null) return;
    // From here on it counts from where that server is.
    seenLsn = server.lsn;
    onRenewed?.(reason);
  });

  function learn({ expiry_ms, is_due, lsn }: TailRow): void {
    expiryMs = expiry_ms;
    isAgeDue = is_due;
    const now = BigInt(lsn);
    if (now > seenLsn) seenLsn = now;
  }

  async function append(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    const names = [...new Set(appends.map(({ channel }) => channel))];
    const { results, tail } = await postgres.committing(async (within) => {
      const work = await openWork(within, names);
      return commitWork(work, await appendAll(work, appends, limits), latestMs);
    });
    learn(tail);
    return results;
  }

  async function expire(nowMs: number, limit: number): Promise<readonly Expired[]> {
    const { results, tail } = await postgres.committing(async (within) => {
      const work = await workOnDueKeys(within, nowMs, limit);
      return commitWork(work, await expireKeys(work, nowMs, limit), nowMs);
    });
    learn(tail);
    if (shared) lookAgainMs = nowMs + LOOKED_FOR_MS;
    return results;
  }

  async function trim(channel: string, { epoch, offset }: Position): Promise<undefined> {
    const { tail } = await postgres.committing(async (within) => {
      const work = await openWork(within, [channel]);
      const row = work.channels.get(channel);
      if (row !== undefined && row.epoch === epoch) await trimTo(work, row, offset);
      return commitWork(work, undefined, latestMs);
    });
    learn(tail);
  }

  async function forget(channel: string): Promise<undefined> {
    const { tail } = await postgres.committing(async (within) => {
      const work = await openWork(within, [channel], true);
      const row = work.channels.get(channel);
      if (row !== undefined) await drop(work, row);
      await within.run(dropLanes, channel);
      return commitWork(work, undefined, latestMs);
    });
    learn(tail);
  }

  async function run(writes: readonly LogWrite[]): Promise<readonly LogResult[]> {
    const [first] = writes;
    if (closed || first === undefined) throw storeUnavailable('the log is closed');
    switch (first.kind) {
      case 'append': {
        const appends = writes.map((write) => (write as typeof first).append);
        latestMs = appends.at(-1)?.nowMs ?? latestMs;
        return append(appends);
      }
      case 'expire':
        latestMs = first.nowMs;
        return [await expire(first.nowMs, first.limit)];
      case 'trim':
        return [await trim(first.channel, first.upTo)];
      case 'forget':
        return [await forget(first.channel)];
      case 'probe':
        await postgres.transaction((within) => within.exec('UPDATE log_state SET channels = channels'));
        return [undefined];
    }
  }

  /** Looks after channels that fell silent. It may fail: they stay due. */
  async function lookAfterSome(): Promise<void> {
    if (!isAgeDue) return;
    try {
      const { tail } = await postgres.committing(async (within) => {
        const work = await workOnNone(within);
        await lookAfter(work, latestMs);
        return commitWork(work, undefined, latestMs);
      });
      learn(tail);
    } catch (error) {
      isAgeDue = false;
      onRefused?.(asUnavailable(error).message);
    }
  }

  const queue = createTurnQueue<LogWrite, LogResult>({
    what: 'the log',
    run,
    atOnce: APPENDS_A_TRANSACTION,
    waiting: limits.waiting,
    weigh: {
      of: (write) => (write.kind === 'append' ? (write.append.data?.length ?? 0) : 0),
      waiting: limits.waitingUnits,
      atOnce: UNITS_A_TRANSACTION,
    },
    alone: ({ kind }) => kind !== 'append',
    behind: lookAfterSome,
    onRefused,
  });

  return {
    append: (asked) => queue.ask({ kind: 'append', append: asked }) as Promise<AppendResult>,
    top: (channel) => reader.top(channel),
    read: (channel, position, retention, nowMs) => reader.read(channel, position, retention, nowMs),
    history: (channel, query, retention, nowMs) => reader.history(channel, query, retention, nowMs),
    entries: (channel, after, pageLimit) => reader.entries(channel, after, pageLimit),
    entry: (channel, key) => reader.entry(channel, key),
    expire: (nowMs, most) => queue.ask({ kind: 'expire', nowMs, limit: most }) as Promise<readonly Expired[]>,
    nextExpiryMs() {
      if (closed) return null;
      const next = Math.min(expiryMs ?? Infinity, lookAgainMs);
      return next === Infinity ? null : next;
    },
    async trim(channel, upTo) {
      await queue.ask({ kind: 'trim', channel, upTo });
    },
    // Behind what this node still writes to it, and behind a transaction whose end it never heard of: that holds the row.
    settle: (channel) =>
      postgres.transaction(async (within) => void (await within.run(settleChannel, channel))),
    async forget(channel) {
      await queue.ask({ kind: 'forget', channel });
    },
    // What the database holds is no matter of one node, and counting it would make all appends wait for one row.
    counts: () => null,
    async probe() {
      await queue.ask({ kind: 'probe' });
    },
    waiting: () => queue.waiting(),
    async close() {
      await queue.close();
      closed = true;
    },
  } satisfies PostgresLog;
}
