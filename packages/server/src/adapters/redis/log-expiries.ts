import { channelTopic } from '../../ports/broker.ts';
import type { Expired, Publication } from '../../ports/log.ts';
import type { Keys } from './keys.ts';
import { createDueChannels } from './log-due.ts';
import { EXPIRIES_PART, LOG_SCRIPTS, channelKeys, mapKeys } from './log-scripts.ts';
import { listOf, readPublication, textOf } from './log-text.ts';
import type { RedisLink } from './redis-link.ts';

/** How often a node asks for what others noted and, being dead, do not look after, ms. */
const ASK_EVERY_MS = 1_000;

/** Channels that are looked at in one go; the rest follows in the next. */
const LOOKED_AT_ONCE = 256;

/** How often it is asked again in one call, where what was due turned out not to be. */
const ROUNDS = 16;

/** A channel whose server does not answer is looked at again after so long, ms: until then it does not stand before the others. */
const FAILED_AGAIN_MS = 5_000;

/** For how long ids are held of a channel of which nobody said it, ms: version N-1 appended to it last, and holds all for so long. */
const UNSAID_ONCE_MS = 5 * 60_000;

/** Keys that run out, of all channels. */
export type Expiries = {
  /** Has the index look at a channel at a time, at the latest. Rejects with `storeUnavailable`. */
  note(channel: string, dueMs: number): Promise<void>;
  /** The channel was forgotten: takes it off the index, unless something was noted of it since. */
  forgotten(channel: string): Promise<void>;
  /** Deletes what ran out, the earliest first, and says what that published. */
  expire(nowMs: number, limit: number): Promise<readonly Expired[]>;
  /** When to ask next, ms since the epoch. */
  nextMs(): number;
};

type DueEntry = { readonly channel: string; readonly seenMs: number };

/** What became of a channel that was looked at. */
type Look = {
  readonly nextMs: number | null;
  readonly expired: readonly (Expired & { readonly ranOutMs: number })[];
};

/**
 * The index names the channels in which keys run out, by the time to look at them. It lies in another slot than they do, and an
 * append must not be kept whose end nobody would see:
 *
 * - A channel holds by when the index looks at it (`n`). An append whose key ends before that is refused, with a token; its node
 *   writes the index and appends again, with the token. Nothing is refused where keys are set again and again.
 * - Whoever looks deletes what ran out, tells the channel when it will be looked at next, and raises the number of looks, all in
 *   one script; only then the index is moved, by compare-and-set. Raised, the number spoils the tokens that were given out before,
 *   for what was written into the index for them may just be moved; and `note` always changes the time, so that a move that
 *   was decided on before it fails.
 *
 * So a channel is at all times in the index no later than it believes, whichever nodes note, look and die at the same time.
 */
export function createExpiries(link: RedisLink, keys: Keys, newEpoch: () => string): Expiries {
  const index = keys.cluster(EXPIRIES_PART);
  const due = createDueChannels();
  let askMs = 0;
  /** One asks behind the other: two at once would look at the same channels. */
  let last: Promise<unknown> = Promise.resolve();

  async function ask(nowMs: number): Promise<readonly DueEntry[]> {
    const reply = await link.command(
      index,
      ...['ZRANGE', index, '-inf', String(nowMs), 'BYSCORE'],
      ...['LIMIT', '0', String(LOOKED_AT_ONCE), 'WITHSCORES'],
    );
    return listOf(reply).map((pair) => {
      const [channel, score] = listOf(pair);
      return { channel: textOf(channel), seenMs: Number(score) };
    });
  }

  /** When keys of a channel ran out, the earliest first. */
  async function overdueOf(channel: string, nowMs: number, limit: number): Promise<readonly number[]> {
    const { ends } = channelKeys(keys, channel);
    const reply = await link.command(
      ends,
      ...['ZRANGE', ends, '-inf', String(nowMs), 'BYSCORE', 'LIMIT', '0', String(limit), 'WITHSCORES'],
    );
    return listOf(reply).map((pair) => Number(listOf(pair)[1]));
  }

  async function look(channel: string, nowMs: number, limit: number): Promise<Look> {
    const reply = await link.run(LOG_SCRIPTS.expire, mapKeys(channelKeys(keys, channel)), [
      newEpoch(),
      String(nowMs),
      String(limit),
      String(UNSAID_ONCE_MS),
      keys.channel(channelTopic(channel)),
    ]);
    const [epoch, next, count, ...deleted] = listOf(reply);
    const expired = Array.from({ length: Number(count) }, (_, i) => {
      const [offset, text, ranOutMs] = deleted.slice(i * 3, i * 3 + 3);
      const publication: Publication = readPublication(Number(offset), textOf(text));
      return { channel, epoch: textOf(epoch), publication, ranOutMs: Number(ranOutMs) };
    });
    return { nextMs: next === '' ? null : Number(next), expired };
  }

  /** How many keys to delete of each channel, so that those go that ran out first. */
  async function shares(entries: readonly DueEntry[], nowMs: number, limit: number): Promise<number[]> {
    if (entries.length === 1) return [limit];
    const times = await Promise.all(
      // Where it does not answer, looking at it does not either, and that is seen to.
      entries.map(async ({ channel }) => overdueOf(channel, nowMs, limit).catch(() => [])),
    );
    const first = times
      .flatMap((ofChannel, i) => ofChannel.map((timeMs) => ({ i, timeMs })))
      .toSorted((one, other) => one.timeMs - other.timeMs)
      .slice(0, limit);
    const counts = entries.map(() => 0);
    for (const { i } of first) counts[i] = (counts[i] ?? 0) + 1;
    return counts;
  }

  async function settle(moves: readonly (DueEntry & { readonly nextMs: number | null })[]): Promise<void> {
    await link.run(
      LOG_SCRIPTS.settle,
      [index],
      moves.flatMap(({ channel, seenMs, nextMs }) => [channel, String(seenMs), String(nextMs ?? '')]),
    );
    for (const { channel, nextMs } of moves) if (nextMs !== null) due.atLatest(channel, nextMs);
  }

  /** One look at what is due. `more`: something still is. */
  async function round(nowMs: number, limit: number): Promise<{ expired: Expired[]; more: boolean }> {
    const entries = await ask(nowMs);
    due.drop(nowMs);
    if (entries.length === 0) return { expired: [], more: false };
    const counts = await shares(entries, nowMs, limit);
    const looks = await Promise.allSettled(
      entries.map(async ({ channel }, i) => look(channel, nowMs, counts[i] ?? 0)),
    );
    const done = looks.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
    if (done.length === 0) throw (looks[0] as PromiseRejectedResult).reason;
    const moves = entries.map((entry, i) => {
      const result = looks[i] as PromiseSettledResult<Look>;
      const nextMs = result.status === 'fulfilled' ? result.value.nextMs : nowMs + FAILED_AGAIN_MS;
      return { ...entry, nextMs };
    });
    // Where the index cannot be written, it has them looked at again: too early, but what was deleted now can be told only now.
    await settle(moves).catch(() => undefined);
    const expired = done
      .flatMap((each) => each.expired)
      .toSorted((one, other) => one.ranOutMs - other.ranOutMs)
      .map(({ channel, epoch, publication }) => ({ channel, epoch, publication }));
    const more =
      entries.length === LOOKED_AT_ONCE || done.some(({ nextMs }) => nextMs !== null && nextMs <= nowMs);
    return { expired, more };
  }

  async function expire(nowMs: number, limit: number): Promise<readonly Expired[]> {
    const expired: Expired[] = [];
    let more = true;
    for (let i = 0; i < ROUNDS && more && expired.length < limit; i++) {
      try {
        const found = await round(nowMs, limit - expired.length);
        expired.push(...found.expired);
        more = found.more;
      } catch (error) {
        // What was deleted before can be told only now; asked again, it fails again or goes on.
        if (expired.length === 0) throw error;
        break;
      }
    }
    askMs = more ? nowMs : nowMs + ASK_EVERY_MS;
    return expired;
  }

  return {
    async note(channel, dueMs) {
      await link.run(LOG_SCRIPTS.note, [index], [channel, String(dueMs)]);
      due.atLatest(channel, dueMs);
    },
    async forgotten(channel) {
      const score = await link.command(index, 'ZSCORE', index, channel);
      if (score === null) return;
      const { nextMs } = await look(channel, 0, 0);
      due.remove(channel);
      await settle([{ channel, seenMs: Number(score), nextMs }]);
    },
    expire(nowMs, limit) {
      const expired = last.then(async () => expire(nowMs, limit));
      last = expired.catch(() => undefined);
      return expired;
    },
    nextMs: () => Math.min(askMs, due.first() ?? askMs),
  };
}
