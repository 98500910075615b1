import { addRevocation, emptyRevocationList, isRevokedBy } from '../../core/session/revocation-list.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Revocations, SharedRevocations } from '../../ports/revocations.ts';
import type { Keys } from './keys.ts';
import type { RedisLink, Reply } from './redis-link.ts';
import { entryOf, READ_DATABASE, type Told, toldIn } from './revocation-entries.ts';
import { loadScript } from './script.ts';

const ADD = loadScript('revocations-add', ['revocations-life'], true);
const READ = loadScript('revocations-read', ['revocations-life'], true);

/** How often the stream is read, ms: what is revoked on one node counts on all of them within a second. */
export const POLL_MS = 500;

/** Entries that are kept for nodes that fell behind; whoever is further behind reads the database. Some 200 bytes each. */
export const ENTRIES_KEPT = 10_000;

/** How long they are kept, ms. A node that did not read for so long reads the database. */
const KEPT_MS = 60 * 60 * 1000;

/** Entries that one command reads. */
const ENTRIES_AT_ONCE = 500;

export type SharedRevocationsOptions = {
  /** The durable truth; `reload` reads again all that is kept. */
  readonly kept: Revocations & { reload(): Promise<void> };
  readonly link: RedisLink;
  readonly keys: Keys;
  /** Gives the cluster's time. */
  readonly clock: Clock;
  /** Unique among all nodes. */
  readonly id: () => string;
  readonly warn: (event: string, detail: Readonly<Record<string, unknown>>) => void;
};

export type RedisRevocations = SharedRevocations & {
  /** Reads what the others revoked, and goes on doing so. Rejects where the database, or Redis, does not answer. */
  start(): Promise<void>;
  /** Reads now. Rejects as `start`. */
  catchUp(): Promise<void>;
  /** Has every node read the database: one died that may not have told what it revoked. Rejects where Redis does not answer. */
  doubt(): Promise<void>;
  close(): void;
};

/** Where a node is in the stream. */
type Position = { readonly life: string; readonly number: number };

/**
 * Revocations of several nodes. The database has them before `revoke` resolves; a stream in Redis tells the others, who read
 * it twice a second. Where the stream cannot say what is missing (Redis was emptied, started again, or a node fell behind)
 * everything is read from the database.
 */
export function createRedisRevocations({
  kept,
  link,
  keys,
  clock,
  id,
  warn,
}: SharedRevocationsOptions): RedisRevocations {
  const streamKeys = [keys.cluster('revocations'), keys.cluster('revocations-state')];
  /** What other nodes told since the database was read. */
  let told = emptyRevocationList();
  let position: Position | null = null;
  /** Something was revoked here that the stream could not be told. */
  let owed = false;
  /** The database may hold what nobody told. */
  let doubted = false;
  let listener: () => void = () => undefined;
  let reading: Promise<void> | null = null;
  let timer: Timer | null = null;
  let failing = false;
  let closed = false;
  // Before anybody is let in again: the others went on revoking, if it was only this node that was cut off.
  link.onUp(() => (timer === null ? Promise.resolve() : readQuietly()));

  async function tell(entry: readonly string[]): Promise<void> {
    await link.run(ADD, streamKeys, [id(), String(ENTRIES_KEPT), String(KEPT_MS), ...entry]);
  }

  async function tellOrOwe(told: Told): Promise<void> {
    try {
      await tell(entryOf(told));
    } catch {
      // It is in the database. The others are told to look there as soon as they can be told anything.
      owed = true;
    }
  }

  async function read(): Promise<void> {
    if (owed) {
      await tell(READ_DATABASE);
      owed = false;
    }
    for (;;) {
      const since = position?.number ?? 0;
      const reply = await link.run(READ, streamKeys, [id(), String(since), String(ENTRIES_AT_ONCE)]);
      const [life, newest, entries] = reply as readonly [string, number, Reply];
      const fresh = toldIn(entries, since);
      const lacksSome = fresh === null || (fresh.length === 0 && newest > since);
      if (doubted || life !== position?.life || lacksSome) await readDatabase({ life, number: newest });
      else if (fresh.length > 0) {
        for (const { revocation, forgetAtMs } of fresh)
          addRevocation(told, revocation, forgetAtMs, clock.nowMs());
        position = { life, number: since + fresh.length };
        listener();
      }
      if (position !== null && position.number >= newest) return;
    }
  }

  /** @param from read before: what is told behind it may be missing from what is read now */
  async function readDatabase(from: Position): Promise<void> {
    doubted = false;
    try {
      await kept.reload();
    } catch (error) {
      doubted = true;
      throw error;
    }
    told = emptyRevocationList();
    position = from;
    listener();
  }

  /** One at a time: an older answer must not come behind a newer one. */
  function catchUp(): Promise<void> {
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  }

  async function readQuietly(): Promise<void> {
    try {
      await catchUp();
      failing = false;
    } catch (error) {
      if (!failing && link.up && !closed) warn('revocations_unread', { error: String(error) });
      failing = true;
    }
  }

  function arm(): void {
    if (closed) return;
    timer = clock.setTimer(POLL_MS, () => void readQuietly().then(arm));
  }

  return {
    async revoke(revocation, forgetAtMs) {
      await kept.revoke(revocation, forgetAtMs);
      // Not waited for: it is durable, and a Redis that hangs is not the caller's concern.
      void tellOrOwe({ revocation, forgetAtMs });
    },
    isRevoked: (user, tokenId, issuedAtMs) =>
      kept.isRevoked(user, tokenId, issuedAtMs) || isRevokedBy(told, user, tokenId, issuedAtMs),
    onLearned(heard) {
      listener = heard;
    },
    async start() {
      await catchUp();
      arm();
    },
    catchUp,
    async doubt() {
      doubted = true;
      await tell(READ_DATABASE);
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  } satisfies RedisRevocations;
}
