import type { Publication } from '../../../ports/log.ts';
import { writeLanes } from './log-lanes.ts';
import type { LogWork, WorkChannel } from './log-work.ts';
import { bytesOf } from './log-work.ts';
import {
  addIds,
  addPublications,
  dropEntries,
  dropPublications,
  forgetDropped,
  putChannels,
  putEntries,
  putState,
} from './log-sql.ts';

/**
 * Writes what the transaction has made so far, in as many statements as there are tables, none waiting for the one before:
 * Postgres runs them in this order. What it holds is then what the tables have.
 */
export async function flush(work: LogWork): Promise<void> {
  const { within, state } = work;
  const channels = [...work.channels.values()].filter(({ changed }) => changed);
  const writes: Promise<unknown>[] = [
    ...writePublications(work, channels),
    ...writeKeys(work, channels),
    ...writeIds(work, channels),
    ...writeLanes(within, work.lanes),
  ];
  if (channels.length > 0) writes.push(writeChannels(work, channels));
  if (work.begunAgain.length > 0) writes.push(within.run(forgetDropped, work.begunAgain.splice(0)));
  if (state !== null)
    writes.push(within.run(putState, state.turns, state.untouched, state.channels, state.dropped));
  // What is held is as written from here on; where writing fails, the transaction and all of this is over.
  for (const channel of channels) written(channel);
  await Promise.all(writes);
}

function written(channel: WorkChannel): void {
  channel.added = [];
  channel.writtenTop = channel.top;
  channel.writtenFloor = channel.floor;
  channel.newIds.length = 0;
  channel.keyWrites.clear();
  channel.changed = false;
}

function writePublications({ within }: LogWork, channels: readonly WorkChannel[]): Promise<unknown>[] {
  const writes: Promise<unknown>[] = [];
  const trimmed = channels.filter(({ floor, writtenFloor }) => floor > writtenFloor);
  if (trimmed.length > 0)
    writes.push(
      within.run(
        dropPublications,
        trimmed.map(({ id }) => id),
        trimmed.map(({ writtenFloor }) => writtenFloor),
        trimmed.map(({ floor }) => floor),
      ),
    );
  const ids: number[] = [];
  const added: Publication[] = [];
  for (const channel of channels) {
    for (const publication of channel.added) {
      // What came and went within the transaction was never there.
      if (publication.offset <= channel.floor) continue;
      ids.push(channel.id);
      added.push(publication);
    }
  }
  if (added.length > 0)
    writes.push(
      within.run(
        addPublications,
        ids,
        added.map(({ offset }) => offset),
        added.map(({ atMs }) => atMs),
        added.map(({ data }) => (data === null ? 0 : data.length)),
        added.map(({ version }) => version),
        added.map(({ by }) => by),
        added.map(({ key }) => (key === null ? null : bytesOf(key))),
        added.map(({ data }) => data),
        added.map(({ ref }) => ref),
      ),
    );
  return writes;
}

function writeKeys({ within }: LogWork, channels: readonly WorkChannel[]): Promise<unknown>[] {
  const changes = channels.flatMap(({ id, keyWrites }) =>
    [...keyWrites].map(([key, write]) => ({ id, key: bytesOf(key), write })),
  );
  const gone = changes.filter(({ write }) => write === null);
  const put = changes.flatMap(({ id, key, write }) => (write === null ? [] : [{ ...write, id, key }]));
  const writes: Promise<unknown>[] = [];
  if (gone.length > 0)
    writes.push(
      within.run(
        dropEntries,
        gone.map(({ id }) => id),
        gone.map(({ key }) => key),
      ),
    );
  if (put.length > 0)
    writes.push(
      within.run(
        putEntries,
        put.map(({ id }) => id),
        put.map(({ key }) => key),
        put.map(({ offset }) => offset),
        put.map(({ atMs }) => atMs),
        put.map(({ data }) => (data === null ? 0 : data.length)),
        put.map(({ version }) => version),
        put.map(({ expiresAtMs }) => expiresAtMs),
        put.map(({ by }) => by),
        put.map(({ data }) => data),
        put.map(({ ref }) => ref),
      ),
    );
  return writes;
}

function writeIds({ within }: LogWork, channels: readonly WorkChannel[]): Promise<unknown>[] {
  const all = channels.flatMap(({ id: channel, newIds }) => newIds.map((one) => ({ channel, ...one })));
  if (all.length === 0) return [];
  return [
    within.run(
      addIds,
      all.map(({ channel }) => channel),
      all.map(({ id }) => bytesOf(id)),
      all.map(({ offset }) => offset),
      all.map(({ atMs }) => atMs),
      all.map(({ print }) => bytesOf(print)),
    ),
  ];
}

function writeChannels({ within }: LogWork, channels: readonly WorkChannel[]): Promise<unknown> {
  return within.run(
    putChannels,
    channels.map(({ id }) => id),
    channels.map(({ name }) => name),
    channels.map(({ turn }) => turn),
    channels.map(({ top }) => top),
    channels.map(({ floor }) => floor),
    channels.map(({ oldest_at_ms }) => oldest_at_ms),
    channels.map(({ units }) => units),
    channels.map(({ keys }) => keys),
    channels.map(({ tombstones }) => tombstones),
    channels.map(({ ids }) => ids),
    channels.map(({ keep_count }) => keep_count),
    channels.map(({ keep_age_ms }) => keep_age_ms),
    channels.map(({ keep_units }) => keep_units),
    channels.map(({ keep_keys }) => keep_keys),
    channels.map(({ keep_once_ms }) => keep_once_ms),
    channels.map(({ due_ms }) => due_ms),
  );
}
