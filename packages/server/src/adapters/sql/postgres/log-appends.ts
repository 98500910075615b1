import type { LaneFacts } from '../../../core/channel/lane-marks.ts';
import { type NotAppended, raisesLane, refuseAppend } from '../../../core/channel/log-rules.ts';
import { onceKey } from '../../../core/channel/taken-ids.ts';
import type { Append, AppendResult, Expired, Publication } from '../../../ports/log.ts';
import { epochOf, fromUnits } from '../log-tables.ts';
import { dropTombstones, makeRoom, trimIds } from './log-aging.ts';
import { type PgLaneLimits, laneFacts, raiseLane, readLanes } from './log-lanes.ts';
import { dueKeys, keyFacts, newChannelIds, oldest, takenIds } from './log-sql.ts';
import {
  type LogWork,
  type WorkChannel,
  absentTurn,
  applyKey,
  becomesDue,
  begin,
  bytesOf,
  factsOf,
  trim,
} from './log-work.ts';

export type PgLogLimits = PgLaneLimits & {
  /** Channels that had a publication. */
  readonly channels: number;
  /** Idempotency ids held of one channel. */
  readonly oncePerChannel: number;
};

/**
 * Decides appends in their order and holds what they make. Everything that deciding needs is read before, in a few statements
 * for all of them; the channels are locked.
 */
export async function appendAll(
  work: LogWork,
  appends: readonly Append[],
  limits: PgLogLimits,
): Promise<readonly AppendResult[]> {
  const newIds = await readAhead(work, appends, limits);
  const results: AppendResult[] = [];
  for (const append of appends) results.push(await appendOne(work, append, limits, newIds));
  return results;
}

/** @returns ids for channels that may begin */
async function readAhead(work: LogWork, appends: readonly Append[], limits: PgLaneLimits): Promise<number[]> {
  const { within, channels } = work;
  const ofIds: { readonly channel: WorkChannel; readonly text: string }[] = [];
  const ofKeys: { readonly channel: WorkChannel; readonly text: string }[] = [];
  const overfull = new Map<WorkChannel, number>();
  const absent = new Set<string>();
  for (const { channel: name, once, kind, key, retention, data, nowMs } of appends) {
    const channel = channels.get(name);
    if (channel === undefined) {
      absent.add(name);
      continue;
    }
    if (once !== null) ofIds.push({ channel, text: onceKey(once) });
    if (kind === 'map' && key !== null) ofKeys.push({ channel, text: key });
    const before = overfull.get(channel) ?? 0;
    const kept = channel.top - channel.floor;
    if (
      before > 0 ||
      kept + appends.length > retention.count ||
      channel.units + (data?.length ?? 0) * appends.length > retention.units ||
      (channel.oldest_at_ms ?? Infinity) + retention.ageMs <= nowMs
    )
      overfull.set(channel, before + 1);
  }
  const [ids, facts, aged, fresh] = await Promise.all([
    ofIds.length === 0 ? [] : within.run(takenIds, ofIds.map(idOf), ofIds.map(bytes)),
    ofKeys.length === 0 ? [] : within.run(keyFacts, ofKeys.map(idOf), ofKeys.map(bytes)),
    overfull.size === 0
      ? []
      : within.run(
          oldest,
          [...overfull.keys()].map(({ id }) => id),
          [...overfull.keys()].map(({ floor }) => floor),
          // One for each that may go, and the one behind them, whose age is then the channel's.
          [...overfull.values()].map((count) => count + 1),
        ),
    absent.size === 0 ? [] : within.run(newChannelIds, absent.size),
    readLanes(within, work.lanes, appends, limits),
  ]);
  const byId = new Map([...channels.values()].map((channel) => [channel.id, channel]));
  for (const { channel, id, offset, print } of ids)
    byId.get(channel)?.taken.set(fromUnits(id), { offset, print: fromUnits(print) });
  for (const { channel, key, version, at_ms, is_set } of facts)
    byId.get(channel)?.known.set(fromUnits(key), { isSet: is_set, version, atMs: at_ms });
  for (const { channel, at_ms, units } of aged) byId.get(channel)?.ahead.push({ atMs: at_ms, units });
  return fresh.map(({ id }) => id);
}

const idOf = ({ channel }: { readonly channel: WorkChannel }): number => channel.id;
const bytes = ({ text }: { readonly text: string }): Buffer => bytesOf(text);

async function appendOne(
  work: LogWork,
  asked: Append,
  limits: PgLogLimits,
  newIds: number[],
): Promise<AppendResult> {
  const { channel: name, retention, once, lane, key, nowMs } = asked;
  let channel = work.channels.get(name);
  const id = once === null ? null : onceKey(once);
  if (channel !== undefined && once !== null && channel.ids >= limits.oncePerChannel)
    await trimIds(work, channel, retention.onceMs, nowMs);
  const facts = laneFacts(work.lanes, asked, limits);
  const refused = refusalOf(work, asked, channel, id, facts, limits);
  if (refused !== null) {
    if (lane !== null && raisesLane(refused))
      raiseLane(work.lanes, asked, lane, facts, channel?.epoch ?? '', 0, limits);
    return refused;
  }
  if (channel === undefined) {
    if (!(await makeRoom(work, limits, nowMs))) {
      const detail = `there are ${work.state?.channels} channels, as many as may be`;
      return { ok: false, code: 'limit_reached', detail };
    }
    channel = begin(work, name, newIds.pop() ?? 0);
  }
  channel.keep_count = retention.count;
  channel.keep_age_ms = retention.ageMs;
  channel.keep_units = retention.units;
  channel.keep_keys = retention.keys;
  channel.keep_once_ms = retention.onceMs;
  const publication = await add(work, channel, asked, nowMs);
  if (asked.kind === 'map' && key !== null) {
    const { version, by, data, ref, ttlMs } = asked;
    const expiresAtMs = ttlMs === null || data === null ? null : nowMs + ttlMs;
    applyKey(channel, key, { offset: channel.top, atMs: nowMs, version, by, data, ref, expiresAtMs });
    if (data === null && version !== null) await dropTombstones(work, channel);
  }
  if (id !== null && once !== null) {
    channel.newIds.push({ id, offset: publication.offset, atMs: nowMs, print: once.print });
    channel.taken.set(id, { offset: publication.offset, print: once.print });
    channel.ids++;
    // It may have been written in between.
    channel.changed = true;
  }
  if (lane !== null) raiseLane(work.lanes, asked, lane, facts, channel.epoch, publication.offset, limits);
  becomesDue(channel, nowMs + Math.min(retention.ageMs, retention.onceMs));
  return { ok: true, epoch: channel.epoch, publication };
}

function refusalOf(
  work: LogWork,
  asked: Append,
  channel: WorkChannel | undefined,
  id: string | null,
  lane: LaneFacts | null,
  limits: PgLogLimits,
): NotAppended | null {
  const { kind, key, retention, nowMs } = asked;
  return refuseAppend(
    asked,
    channel ?? { epoch: epochOf(work.era, absentTurn(work, asked.channel)), top: 0, keys: 0, ids: 0 },
    id === null ? undefined : channel?.taken.get(id),
    channel === undefined || kind !== 'map' || key === null
      ? undefined
      : factsOf(channel, key, retention.ageMs, nowMs),
    lane,
    limits.oncePerChannel,
  );
}

/** Adds the next publication of a channel, and drops what it leaves no room for. */
async function add(
  work: LogWork,
  channel: WorkChannel,
  { by, data, key, version, ref }: Omit<Publication, 'offset' | 'atMs'>,
  nowMs: number,
): Promise<Publication> {
  if (channel.top === channel.floor) channel.oldest_at_ms = nowMs;
  const publication: Publication = { offset: ++channel.top, atMs: nowMs, by, data, key, version, ref };
  channel.units += data === null ? 0 : data.length;
  channel.added.push(publication);
  channel.changed = true;
  await trim(work, channel, nowMs);
  return publication;
}

/** Deletes keys of these channels that ran out, in the order in which they did, at most `limit`. */
export async function expireKeys(work: LogWork, nowMs: number, limit: number): Promise<readonly Expired[]> {
  const byId = new Map([...work.channels.values()].map((channel) => [channel.id, channel]));
  const due = await work.within.run(dueKeys, nowMs, limit, [...byId.keys()]);
  const expired: Expired[] = [];
  for (const { channel: id, key, version } of due) {
    const channel = byId.get(id);
    if (channel === undefined) continue;
    const name = fromUnits(key);
    channel.known.set(name, { isSet: true, version, atMs: nowMs });
    // A publication of the server. The key's version still counts against late ones.
    const deletion = { by: null, data: null, key: name, version, ref: null };
    const publication = await add(work, channel, deletion, nowMs);
    const { offset } = publication;
    applyKey(channel, name, {
      offset,
      atMs: nowMs,
      version,
      by: null,
      data: null,
      ref: null,
      expiresAtMs: null,
    });
    if (version !== null) await dropTombstones(work, channel);
    becomesDue(channel, nowMs + channel.keep_age_ms);
    expired.push({ channel: channel.name, epoch: channel.epoch, publication });
  }
  return expired;
}
