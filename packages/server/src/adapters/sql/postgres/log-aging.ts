import { flush } from './log-flush.ts';
import {
  dropAgedIds,
  dropAgedTombstones,
  dropOldestTombstones,
  lockDueChannels,
  lockEmptyChannel,
} from './log-sql.ts';
import { type LogWork, type WorkChannel, drop, hold, trim } from './log-work.ts';
import { fromUnits } from '../log-tables.ts';

/** Channels whose age is looked after at once. Each has come due once since it was last looked at. */
export const AGED_AT_ONCE = 16;

/** Channels looked after at once before the log says that it is full. */
const LOOKED_THROUGH = 64;

/** Drops ids that were held long enough. @returns when the next one goes */
export async function trimIds(
  work: LogWork,
  channel: WorkChannel,
  onceMs: number,
  nowMs: number,
): Promise<number | null> {
  await flush(work);
  const [row] = await work.within.run(dropAgedIds, channel.id, nowMs - onceMs);
  if (row === undefined || row.dropped === 0) return nextOf(row?.next_at_ms, onceMs);
  channel.ids -= row.dropped;
  channel.changed = true;
  for (const [id, { offset }] of channel.taken) if (offset <= (row.last ?? 0)) channel.taken.delete(id);
  return nextOf(row.next_at_ms, onceMs);
}

function nextOf(atMs: number | null | undefined, onceMs: number): number | null {
  return atMs === null || atMs === undefined ? null : atMs + onceMs + 1;
}

/** As many as keys are allowed, and all whose deletion the history still holds. */
export async function dropTombstones(work: LogWork, channel: WorkChannel): Promise<void> {
  const tooMany = channel.tombstones - channel.keep_keys;
  if (tooMany <= 0) return;
  await flush(work);
  const gone = await work.within.run(dropOldestTombstones, channel.id, tooMany, channel.floor);
  if (gone.length === 0) return;
  for (const { key } of gone) channel.known.set(fromUnits(key), null);
  channel.tombstones -= gone.length;
  channel.changed = true;
}

/** @returns when the next one goes, ms since the epoch */
async function trimTombstones(work: LogWork, channel: WorkChannel, nowMs: number): Promise<number | null> {
  if (channel.tombstones === 0) return null;
  const [row] = await work.within.run(dropAgedTombstones, channel.id, nowMs - channel.keep_age_ms);
  if (row === undefined) return null;
  channel.tombstones -= row.dropped;
  return row.next_at_ms === null ? null : row.next_at_ms + channel.keep_age_ms;
}

async function age(work: LogWork, channel: WorkChannel, nowMs: number): Promise<void> {
  await trim(work, channel, nowMs);
  const times = [
    channel.oldest_at_ms === null ? null : channel.oldest_at_ms + channel.keep_age_ms,
    await trimTombstones(work, channel, nowMs),
    channel.ids === 0 ? null : await trimIds(work, channel, channel.keep_once_ms, nowMs),
  ].filter((time) => time !== null);
  const nextMs = Math.min(...times);
  // Infinite too where nothing has an end.
  channel.due_ms = Number.isFinite(nextMs) ? nextMs : null;
  channel.changed = true;
}

/** Looks after channels that fell silent and came due, but for those that another transaction has. */
export async function lookAfter(work: LogWork, nowMs: number, most: number = AGED_AT_ONCE): Promise<void> {
  const rows = await work.within.run(lockDueChannels, nowMs, most, [...work.channels.keys()]);
  for (const row of rows) await age(work, hold(work, row), nowMs);
  await flush(work);
}

/** Whether there may be one more channel; an empty one gives way to it. */
export async function makeRoom(
  work: LogWork,
  limits: { readonly channels: number },
  nowMs: number,
): Promise<boolean> {
  if (work.state === null || work.state.channels < limits.channels) return true;
  await flush(work);
  const held = [...work.channels.keys()];
  await lookAfter(work, nowMs, LOOKED_THROUGH);
  const [empty] = await work.within.run(lockEmptyChannel, held);
  if (empty === undefined) return false;
  await drop(work, empty);
  return true;
}
