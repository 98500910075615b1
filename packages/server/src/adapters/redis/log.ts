import { LANE_LIMITS, type LaneLimits } from '../../core/channel/lane-marks.ts';
import { channelTopic } from '../../ports/broker.ts';
import type {
  Append,
  AppendResult,
  HistoryPage,
  HistoryQuery,
  Lane,
  MapEntry,
  MapPage,
  Position,
  Publication,
  PublishingLog,
  ReadResult,
  Retention,
} from '../../ports/log.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import type { Keys } from './keys.ts';
import { createExpiries } from './log-expiries.ts';
import { createLanes } from './log-lanes.ts';
import { appendResult, positionOf, readEntry } from './log-replies.ts';
import { LOG_SCRIPTS, channelKeys, laneKeys, mapKeys, streamKeys } from './log-scripts.ts';
import { listOf, numberText, printOf, readPublication, toldText, textOf, toUnits } from './log-text.ts';
import { publicationTail } from './node-message-codec.ts';
import type { RedisArgument, RedisLink } from './redis-link.ts';
import { createWrites, type Replicas } from './replicated.ts';

/** The number of channels is not limited here but by Redis's memory: what fell silent leaves it by itself. */
export type RedisLogLimits = Omit<LaneLimits, 'lanes'> & {
  /** Idempotency ids held of one channel: one more is refused with `limit_reached`, for none may be forgotten early. */
  readonly oncePerChannel: number;
};

export const REDIS_LOG_LIMITS: RedisLogLimits = {
  oncePerChannel: 500_000,
  laneMs: LANE_LIMITS.laneMs,
  lanesPerUser: LANE_LIMITS.lanesPerUser,
};

export type RedisLogOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  /** A name that was never given before, by any node, in characters that JSON need not escape. Asked with each call. */
  readonly newEpoch: () => string;
  /** The cluster's clock, ms since the epoch. */
  readonly nowMs: () => number;
  readonly limits?: Partial<RedisLogLimits> | undefined;
  /** Where a replica must have what is acknowledged; null: nowhere. */
  readonly replicas?: Replicas | null;
};

/** UTF-16 units of payloads that one script answers with: Redis does nothing else meanwhile, for about a millisecond. */
const READ_AT_ONCE_UNITS = 512 * 1024;

/** Publications that one script drops: Redis does nothing else meanwhile, for about a millisecond. */
const TRIMMED_AT_ONCE = 1_000;

/** ms by which the index of expiries may be late before it is taken to have lost a channel: its server came back older. */
const INDEX_LATE_MS = 60_000;

/** How often an append is sent whose place in the index was moved by others before it came. */
const INDEX_TRIES = 16;

/**
 * The log of `memory` channels in Redis, and of `replicated` ones: every node appends to it, and each append is published in the same
 * script. A Redis that was started again, or another one that took over, begins a new epoch, and every method tells it.
 *
 * With `replicas` an append resolves once a replica has it. It is published before, as those that reject may be: whoever was told of one
 * that is lost is told of the new epoch.
 */
export function createRedisLog({
  link,
  keys,
  newEpoch,
  nowMs,
  limits,
  replicas = null,
}: RedisLogOptions): PublishingLog {
  const writes = createWrites(link, replicas);
  const { oncePerChannel, laneMs, lanesPerUser } = { ...REDIS_LOG_LIMITS, ...limits };
  const expiries = createExpiries(link, keys, newEpoch);
  /** An append may be sent twice where its key runs out; what is called behind it must not overtake it. */
  const lanes = createLanes();

  function streamArguments(append: Append): RedisArgument[] {
    const { retention, data, expect, once } = append;
    return [
      newEpoch(),
      String(append.nowMs),
      numberText(retention.count),
      numberText(retention.ageMs),
      numberText(retention.units),
      String(data?.length ?? 0),
      publicationTail({ ...append, atMs: append.nowMs }, ''),
      data ?? '',
      toldText(append),
      expect === null ? '' : String(expect.offset),
      expect === null ? '' : expect.epoch,
      once === null ? '' : printOf(`${once.scope.length}:${once.scope}${once.id}`),
      once === null ? '' : printOf(once.print),
      numberText(retention.onceMs),
      String(oncePerChannel),
      keys.channel(channelTopic(append.channel)),
    ];
  }

  function laneArguments({ scope, queue, number }: Lane): RedisArgument[] {
    return [printOf(scope), printOf(queue), String(number), numberText(laneMs), String(lanesPerUser)];
  }

  async function appendToStream(append: Append): Promise<AppendResult> {
    const { lane } = append;
    const names = channelKeys(keys, append.channel);
    const scriptKeys = streamKeys(names);
    const args = streamArguments(append);
    const reply =
      lane === null
        ? await writes.run(LOG_SCRIPTS.append, scriptKeys, args)
        : await writes.run(
            LOG_SCRIPTS.append,
            [...scriptKeys, ...laneKeys(names)],
            [...args, ...laneArguments(lane)],
          );
    return appendResult(append, reply);
  }

  async function appendToMap(append: Append, key: string): Promise<AppendResult> {
    const { lane } = append;
    const names = channelKeys(keys, append.channel);
    const scriptKeys = lane === null ? mapKeys(names) : [...mapKeys(names), ...laneKeys(names)];
    const laneArgs = lane === null ? [] : laneArguments(lane);
    const endsMs = endOf(append);
    const args = [
      ...streamArguments(append),
      toUnits(key),
      String(append.version ?? ''),
      String(endsMs ?? ''),
      numberText(append.retention.keys),
    ];
    let token = '';
    for (let i = 0; i < INDEX_TRIES; i++) {
      const reply = await writes.run(LOG_SCRIPTS.put, scriptKeys, [
        ...args,
        token,
        String(INDEX_LATE_MS),
        ...laneArgs,
      ]);
      const [what, given] = listOf(reply);
      if (what !== 'index' || endsMs === null) return appendResult(append, reply);
      await expiries.note(append.channel, endsMs);
      token = textOf(given);
    }
    throw storeUnavailable(`the index of expiries was moved ${INDEX_TRIES} times before an append`);
  }

  async function send(append: Append): Promise<AppendResult> {
    const result = await (append.kind === 'map' && append.key !== null
      ? appendToMap(append, append.key)
      : appendToStream(append));
    // What it repeats may have been refused, because no replica had it.
    if (result.ok && !('publication' in result)) await settle(append.channel);
    return result;
  }

  async function settle(channel: string): Promise<void> {
    // Without replicas whatever can be read is kept as it is kept here.
    if (replicas !== null) await writes.run(LOG_SCRIPTS.confirm, [channelKeys(keys, channel).state], []);
  }

  async function forget(channel: string): Promise<void> {
    const names = channelKeys(keys, channel);
    const indexed = await writes.run(LOG_SCRIPTS.forget, [...mapKeys(names), ...laneKeys(names)], []);
    if (indexed === 1) await expiries.forgotten(channel);
  }

  return {
    publishes: true,
    append(append) {
      const { channel } = append;
      if (endOf(append) === null && !lanes.busy(channel)) return send(append);
      return lanes.run(channel, async () => send(append));
    },
    async top(channel): Promise<Position> {
      const { state } = channelKeys(keys, channel);
      const reply = await link.run(
        LOG_SCRIPTS.top,
        [state],
        [newEpoch(), String(nowMs()), String(INDEX_LATE_MS)],
      );
      const [epoch, offset, missedMs] = listOf(reply);
      // Where that fails, the next time the top is asked for it is tried again.
      if (missedMs !== '') expiries.note(channel, Number(missedMs)).catch(() => undefined);
      return positionOf(epoch, offset);
    },
    async read(channel, position, retention, atMs): Promise<ReadResult> {
      const { state, history } = channelKeys(keys, channel);
      const publications: Publication[] = [];
      let { offset } = position;
      let top: Position | null = null;
      // Each call is complete in itself, or says why not: in several of them nothing can be missing either.
      for (;;) {
        const reply = await link.run(
          LOG_SCRIPTS.read,
          [state, history],
          [
            newEpoch(),
            String(atMs),
            numberText(retention.ageMs),
            position.epoch,
            String(offset),
            String(READ_AT_ONCE_UNITS),
          ],
        );
        const [what, epoch, topOffset, ...texts] = listOf(reply);
        const now = positionOf(epoch, topOffset);
        if (what !== 'ok') return { ok: false, why: what as 'epoch' | 'trimmed' | 'ahead', top: now };
        top ??= now;
        for (const text of texts) {
          if (offset === top.offset) break;
          publications.push(readPublication(++offset, textOf(text)));
        }
        if (offset >= top.offset) return { ok: true, top, publications };
      }
    },
    async history(channel, query, retention, atMs): Promise<HistoryPage> {
      const { state, history } = channelKeys(keys, channel);
      const reply = await link.run(
        LOG_SCRIPTS.history,
        [state, history],
        [newEpoch(), ...historyArguments(query, retention, atMs)],
      );
      const [epoch, offset, floor, more, ...found] = listOf(reply);
      const publications: Publication[] = [];
      for (let i = 0; i < found.length; i += 2)
        publications.push(readPublication(Number(found[i]), textOf(found[i + 1])));
      return { top: positionOf(epoch, offset), publications, more: more === 1, floor: Number(floor) };
    },
    async entries(channel, after, limit): Promise<MapPage> {
      const { state, entries, order } = channelKeys(keys, channel);
      const from = after === null ? '-' : Buffer.concat([Buffer.from('('), toUnits(after)]);
      const reply = await link.run(
        LOG_SCRIPTS.entries,
        [state, entries, order],
        [newEpoch(), from, String(limit)],
      );
      const [epoch, offset, more, ...texts] = listOf(reply);
      const found = texts.map((text) => readEntry(textOf(text)));
      return {
        top: positionOf(epoch, offset),
        entries: found,
        next: more === 1 ? (found.at(-1)?.key ?? after) : null,
      };
    },
    async entry(channel, key): Promise<MapEntry | undefined> {
      const { entries } = channelKeys(keys, channel);
      const text = await link.command(entries, 'HGET', entries, toUnits(key));
      return text === null ? undefined : readEntry(textOf(text));
    },
    expire: (atMs, limit) => expiries.expire(atMs, limit),
    nextExpiryMs: () => expiries.nextMs(),
    async trim(channel, { epoch, offset }) {
      const { state, history } = channelKeys(keys, channel);
      const args = [epoch, String(offset), String(TRIMMED_AT_ONCE)];
      while ((await link.run(LOG_SCRIPTS.trim, [state, history], [newEpoch(), ...args])) === 1);
    },
    settle,
    forget: (channel) =>
      lanes.busy(channel) ? lanes.run(channel, async () => forget(channel)) : forget(channel),
    counts: () => null,
  } satisfies PublishingLog;
}

/** When the key of an append runs out, ms since the epoch; null: never. */
function endOf({ data, ttlMs, nowMs }: Append): number | null {
  return data === null || ttlMs === null ? null : nowMs + ttlMs;
}

function historyArguments(
  { offset, reverse, limit, sinceMs }: HistoryQuery,
  { ageMs }: Retention,
  nowMs: number,
): string[] {
  return [
    String(nowMs),
    numberText(ageMs),
    String(offset ?? ''),
    reverse ? '1' : '',
    String(limit),
    String(sinceMs ?? ''),
  ];
}
