import type { Database } from 'better-sqlite3';
import {
  type KeyFacts,
  type TakenId,
  raisesLane,
  refuseAppend,
  unitsOf,
} from '../../core/channel/log-rules.ts';
import { onceKey } from '../../core/channel/taken-ids.ts';
import type { Append, Expired, Publication, Retention } from '../../ports/log.ts';
import type { QueryTexts } from './compile.ts';
import type { DocumentWrites } from './document-queries.ts';
import { createDocumentWriter } from './document-writer.ts';
import { createLogAging } from './log-aging.ts';
import { createLogKeys } from './log-keys.ts';
import { createLogLanes } from './log-lanes.ts';
import { type LogThreadLimits, type LogWrite, type LogWriteResult, unflatten } from './log-messages.ts';
import { type HeldRow, createLogRows } from './log-rows.ts';
import { fromUnits, toUnits } from './log-tables.ts';
import type { LogWrites } from './log-writes.ts';
import { prepareAll } from './statements.ts';

/** The log as its thread writes it. Everything is called within a transaction, but `reset`. */
export type LogStore = {
  run(write: LogWrite): LogWriteResult;
  /** The last thing in each transaction. */
  flush(): void;
  /** After a rollback: what was held may not be so. */
  reset(): void;
  /** Transactions since the era began. */
  commits(): number;
};

export function createLogStore(
  database: Database,
  texts: QueryTexts<LogWrites>,
  documentTexts: QueryTexts<DocumentWrites>,
  era: string,
  limits: LogThreadLimits,
): LogStore {
  const write = prepareAll(database, texts);
  const rows = createLogRows(write, era);
  const aging = createLogAging(write, rows, limits);
  const keys = createLogKeys(write, rows);
  const lanes = createLogLanes(write, rows, limits);
  const writeDocument = createDocumentWriter(prepareAll(database, documentTexts));
  let latestMs: number | null = null;

  function append(asked: Append): LogWriteResult {
    const { channel, retention, once, lane, nowMs } = asked;
    latestMs = nowMs;
    let row = rows.find(channel);
    const id = once === null ? null : toUnits(onceKey(once));
    const key = asked.key === null ? null : toUnits(asked.key);
    if (row !== undefined && row.ids >= limits.oncePerChannel) aging.trimIds(row, retention.onceMs, nowMs);
    const laneRow = lane === null ? null : lanes.find(channel, lane, nowMs);
    const refused = refuseAppend(
      asked,
      row ?? { epoch: rows.absentEpoch(channel), top: 0, keys: 0, ids: 0 },
      row === undefined || id === null ? undefined : takenId(row, id),
      row === undefined || key === null ? undefined : factsOf(asked, row, key),
      laneRow,
      limits.oncePerChannel,
    );
    if (refused !== null) {
      if (lane !== null && laneRow !== null && raisesLane(refused))
        lanes.raise(channel, laneRow, lane.number, row?.epoch ?? '', 0, nowMs);
      return refused;
    }
    if (row === undefined) {
      if (!aging.makeRoom(nowMs)) {
        const detail = `there are ${rows.state.channels} channels, as many as may be`;
        return { ok: false, code: 'limit_reached', detail };
      }
      row = rows.add(channel);
    }
    keep(row, retention);
    add(row, asked.by, asked.data, key, asked.version, asked.ref, nowMs);
    if (asked.kind === 'map' && key !== null) {
      const { version, by, data, ref, ttlMs } = asked;
      const expiresAtMs = ttlMs === null || data === null ? null : nowMs + ttlMs;
      keys.apply(row, { key, offset: row.top, atMs: nowMs, version, by, data, ref, expiresAtMs });
    }
    if (id !== null && once !== null) {
      write.addId.run(row.id, id, row.top, nowMs, toUnits(once.print));
      row.ids++;
    }
    if (lane !== null && laneRow !== null)
      lanes.raise(channel, laneRow, lane.number, row.epoch, row.top, nowMs);
    aging.becomesDue(row, nowMs + Math.min(retention.ageMs, retention.onceMs));
    return [row.epoch, row.top];
  }

  function takenId(row: HeldRow, id: Buffer): TakenId | undefined {
    const taken = write.id.get(row.id, id);
    return taken === undefined ? undefined : { offset: taken.offset, print: fromUnits(taken.print) };
  }

  function factsOf({ kind, retention, nowMs }: Append, row: HeldRow, key: Buffer): KeyFacts | undefined {
    return kind === 'map' ? keys.factsOf(row, key, retention.ageMs, nowMs) : undefined;
  }

  function keep(row: HeldRow, { count, ageMs, units, keys: keysKept, onceMs }: Retention): void {
    row.keep_count = count;
    row.keep_age_ms = ageMs;
    row.keep_units = units;
    row.keep_keys = keysKept;
    row.keep_once_ms = onceMs;
  }

  /** Adds the next publication of a channel, and drops what it leaves no room for. */
  function add(
    row: HeldRow,
    by: string | null,
    data: string | null,
    key: Buffer | null,
    version: number | null,
    ref: string | null,
    nowMs: number,
  ): void {
    const units = unitsOf(data);
    if (row.top === row.floor) row.oldestAtMs = nowMs;
    row.top++;
    row.units += units;
    write.addPublication.run(row.id, row.top, nowMs, units, version, by, key, data, ref);
    rows.state.publications++;
    rows.touch(row);
    aging.trim(row, nowMs);
  }

  function expire(nowMs: number, limit: number): readonly Expired[] {
    latestMs = nowMs;
    return write.dueKeys.all(nowMs, limit).flatMap(({ name, key, version }) => {
      const row = rows.find(name);
      if (row === undefined) return [];
      // A publication of the server. The key's version still counts against late ones.
      add(row, null, null, key, version, null, nowMs);
      keys.apply(row, {
        key,
        offset: row.top,
        atMs: nowMs,
        version,
        by: null,
        data: null,
        ref: null,
        expiresAtMs: null,
      });
      aging.becomesDue(row, nowMs + row.keep_age_ms);
      const publication: Publication = {
        offset: row.top,
        atMs: nowMs,
        by: null,
        data: null,
        key: fromUnits(key),
        version,
        ref: null,
      };
      return [{ channel: name, epoch: row.epoch, publication }];
    });
  }

  function trim(channel: string, epoch: string, offset: number): undefined {
    const row = rows.find(channel);
    if (row !== undefined && row.epoch === epoch) aging.trimTo(row, offset);
    return undefined;
  }

  function forget(channel: string): undefined {
    const row = rows.find(channel);
    if (row !== undefined) rows.drop(row);
    lanes.forget(channel);
    return undefined;
  }

  return {
    run(asked) {
      switch (asked[0]) {
        case 'append':
          return append(unflatten(asked));
        case 'expire':
          return expire(asked[1], asked[2]);
        case 'trim':
          return trim(asked[1], asked[2], asked[3]);
        case 'forget':
          return forget(asked[1]);
        case 'documents':
          return writeDocument(asked[1]);
        case 'probe':
          return undefined;
      }
    },
    flush() {
      if (latestMs !== null) {
        aging.lookAfter(latestMs);
        lanes.lookAfter(latestMs);
      }
      rows.flush();
    },
    reset() {
      rows.reset();
      lanes.reset();
    },
    commits: () => rows.state.commits,
  };
}
