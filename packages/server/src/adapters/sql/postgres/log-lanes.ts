import {
  LANE_LIMITS,
  type LaneFacts,
  type LaneLimits,
  type LaneMark,
  lanesFull,
  liveMark,
} from '../../../core/channel/lane-marks.ts';
import type { Append, Lane } from '../../../ports/log.ts';
import { fromUnits, toUnits } from '../log-tables.ts';
import type { PgTransaction } from './connection.ts';
import { pgStatement } from './statement.ts';

/** No total: counting would make all appends wait for one row. How many a user may have bounds them, and their time does. */
export type PgLaneLimits = Omit<LaneLimits, 'lanes'>;

export const PG_LANE_LIMITS: PgLaneLimits = {
  laneMs: LANE_LIMITS.laneMs,
  lanesPerUser: LANE_LIMITS.lanesPerUser,
};

/** Marks dropped by a transaction that raises some, beside as many as it raises: more go than come. */
const AGED_A_TRANSACTION = 16;

/** The lanes of a transaction's appends, as it has made them. Their channels are locked, so nobody else changes them. */
export type WorkLanes = {
  /** By channel, scope and queue; whether its time is over is looked at when it is asked for. */
  readonly marks: Map<string, LaneMark>;
  /** Lanes of a user on a channel, where one of theirs is new. */
  readonly counts: Map<string, number>;
  /** To be written. */
  readonly raised: Map<string, { readonly channel: string; readonly lane: Lane; readonly mark: LaneMark }>;
  /** How often one was raised so far, and the time before which others are over. */
  raises: number;
  overMs: number;
};

type LaneRow = {
  channel: string;
  scope: Buffer;
  queue: Buffer;
  number: number;
  epoch: string;
  offset: number;
  at_ms: number;
};

/** channels, scopes, queues */
const laneMarks = pgStatement<LaneRow>(
  'log_lane_marks',
  `SELECT lanes.channel, lanes.scope, lanes.queue, lanes.number, lanes.epoch, lanes."offset", lanes.at_ms
    FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS asked(channel, scope, queue)
    JOIN lanes ON lanes.channel = asked.channel AND lanes.scope = asked.scope AND lanes.queue = asked.queue`,
);

/** channels, scopes, taken no earlier than */
const laneCounts = pgStatement<{ channel: string; scope: Buffer; count: number }>(
  'log_lane_counts',
  `SELECT asked.channel, asked.scope, count(*) AS count
    FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::bytea[])) AS asked(channel, scope)
    JOIN lanes ON lanes.channel = asked.channel AND lanes.scope = asked.scope AND lanes.at_ms >= $3::double precision
    GROUP BY asked.channel, asked.scope`,
);

/** channels, scopes, queues, numbers, epochs, offsets, times */
const putLanes = pgStatement(
  'log_put_lanes',
  `INSERT INTO lanes SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[], $5::text[],
      $6::bigint[], $7::double precision[])
    ON CONFLICT (channel, scope, queue) DO UPDATE SET
      number = excluded.number, epoch = excluded.epoch, "offset" = excluded."offset", at_ms = excluded.at_ms`,
);

/** time before which they are over, how many. Whoever comes second takes others. */
const dropAgedLanes = pgStatement(
  'log_drop_aged_lanes',
  `DELETE FROM lanes USING (
      SELECT channel, scope, queue FROM lanes WHERE at_ms < $1::double precision
      ORDER BY at_ms LIMIT $2::bigint FOR UPDATE SKIP LOCKED
    ) AS gone
    WHERE lanes.channel = gone.channel AND lanes.scope = gone.scope AND lanes.queue = gone.queue`,
);

/** channel */
export const dropLanes = pgStatement('log_drop_lanes', 'DELETE FROM lanes WHERE channel = $1');

export function createWorkLanes(): WorkLanes {
  return { marks: new Map(), counts: new Map(), raised: new Map(), raises: 0, overMs: 0 };
}

function userKey(channel: string, { scope }: Pick<Lane, 'scope'>): string {
  return `${channel.length}:${channel}${scope}`;
}

function laneKey(channel: string, lane: Pick<Lane, 'scope' | 'queue'>): string {
  return `${lane.scope.length}:${userKey(channel, lane)}${lane.queue}`;
}

/** Reads what is known of the lanes of these appends. */
export async function readLanes(
  within: PgTransaction,
  lanes: WorkLanes,
  appends: readonly Append[],
  { laneMs }: PgLaneLimits,
): Promise<void> {
  const asked = appends.flatMap(({ channel, lane, nowMs }) =>
    lane === null ? [] : [{ channel, lane, nowMs }],
  );
  if (asked.length === 0) return;
  const rows = await within.run(
    laneMarks,
    asked.map(({ channel }) => channel),
    asked.map(({ lane }) => toUnits(lane.scope)),
    asked.map(({ lane }) => toUnits(lane.queue)),
  );
  for (const { channel, scope, queue, number, epoch, offset, at_ms } of rows)
    lanes.marks.set(laneKey(channel, { scope: fromUnits(scope), queue: fromUnits(queue) }), {
      number,
      epoch,
      offset,
      atMs: at_ms,
    });
  const begun = asked.filter(
    ({ channel, lane, nowMs }) =>
      liveMark(lanes.marks.get(laneKey(channel, lane)), laneMs, nowMs) === undefined,
  );
  if (begun.length === 0) return;
  const overMs = Math.max(...begun.map(({ nowMs }) => nowMs)) - laneMs;
  const counts = await within.run(
    laneCounts,
    begun.map(({ channel }) => channel),
    begun.map(({ lane }) => toUnits(lane.scope)),
    overMs,
  );
  for (const { channel, scope, count } of counts)
    lanes.counts.set(userKey(channel, { scope: fromUnits(scope) }), count);
}

export function laneFacts(
  lanes: WorkLanes,
  { channel, lane, nowMs }: Append,
  { laneMs, lanesPerUser }: PgLaneLimits,
): LaneFacts | null {
  if (lane === null) return null;
  const mark = liveMark(lanes.marks.get(laneKey(channel, lane)), laneMs, nowMs);
  if (mark !== undefined) return { mark, full: null };
  const ofUser = lanes.counts.get(userKey(channel, lane)) ?? 0;
  return { mark, full: lanesFull(ofUser, 0, { laneMs, lanesPerUser, lanes: Infinity }) };
}

/** @param facts as they were before */
export function raiseLane(
  lanes: WorkLanes,
  { channel, nowMs }: Append,
  lane: Lane,
  facts: LaneFacts | null,
  epoch: string,
  offset: number,
  { laneMs }: PgLaneLimits,
): void {
  const key = laneKey(channel, lane);
  const mark = { number: lane.number, epoch, offset, atMs: nowMs };
  if (facts?.mark === undefined) {
    const user = userKey(channel, lane);
    lanes.counts.set(user, (lanes.counts.get(user) ?? 0) + 1);
  }
  lanes.marks.set(key, mark);
  lanes.raised.set(key, { channel, lane, mark });
  lanes.raises++;
  lanes.overMs = nowMs - laneMs;
}

/** Writes what was raised. */
export function writeLanes(within: PgTransaction, lanes: WorkLanes): Promise<unknown>[] {
  if (lanes.raised.size === 0) return [];
  const rows = [...lanes.raised.values()];
  lanes.raised.clear();
  return [
    within.run(
      putLanes,
      rows.map(({ channel }) => channel),
      rows.map(({ lane }) => toUnits(lane.scope)),
      rows.map(({ lane }) => toUnits(lane.queue)),
      rows.map(({ mark }) => mark.number),
      rows.map(({ mark }) => mark.epoch),
      rows.map(({ mark }) => mark.offset),
      rows.map(({ mark }) => mark.atMs),
    ),
  ];
}

/**
 * Drops some marks whose time is over. The last that a transaction does: it then waits for no row any more, so that two of
 * them never wait for each other.
 */
export function ageLanes(within: PgTransaction, { raises, overMs }: WorkLanes): Promise<unknown>[] {
  return raises === 0 ? [] : [within.run(dropAgedLanes, overMs, raises + AGED_A_TRANSACTION)];
}
