import type { PublicationRow } from '../log-tables.ts';
import { pgStatement } from './statement.ts';

/** A channel at one moment, with one row of what was asked for, or nulls where there is none. */
export type PlaceRow = {
  readonly era: string;
  readonly turn: number;
  readonly top: number;
  /** The offset before the oldest publication that is kept and has not run out. */
  readonly floor: number;
};

export type FoundRow = PlaceRow &
  ({ readonly offset: null } | (PublicationRow & { readonly is_over?: boolean }));

const PLACE = `
  SELECT e.era, coalesce(c.turn, d.turn, s.untouched) AS turn, coalesce(c.top, 0) AS top, c.id, coalesce(c.floor, 0) AS floor
  FROM log_era e CROSS JOIN log_state s
  LEFT JOIN channels c ON c.name = $1
  LEFT JOIN dropped_channels d ON d.name = $1
  WHERE e.id = 1 AND s.id = 1`;

/** $2: the time up to which publications have run out. Only the oldest ever go, so that what is left has no gap. */
const YOUNG_PLACE = `
  SELECT place.era, place.turn, place.top, place.id,
    CASE WHEN place.id IS NULL THEN 0 ELSE coalesce(young."offset" - 1, place.top) END AS floor
  FROM (${PLACE}) AS place
  LEFT JOIN LATERAL (
    SELECT "offset" FROM publications
    WHERE channel = place.id AND "offset" > place.floor AND at_ms > $2::double precision
    ORDER BY "offset" LIMIT 1
  ) AS young ON true`;

/** More than there ever are: a limit keeps Postgres from looking for them in any way but by their offsets. */
const ALL = 1_000_000_000;

const PUBLICATION = 'p."offset", p.at_ms, p.version, p.by_user, p.key, p.data, p.ref';

/** name */
export const placeOf = pgStatement<PlaceRow>('log_place', PLACE);

/** name, time, offset, epoch: everything behind the position, or the place alone where there is no telling */
export const readBehind = pgStatement<FoundRow>(
  'log_read',
  `SELECT at.era, at.turn, at.top, at.floor, ${PUBLICATION}
    FROM (${YOUNG_PLACE}) AS at
    LEFT JOIN LATERAL (
      SELECT * FROM publications
      WHERE channel = at.id AND "offset" > $3::bigint AND "offset" <= at.top AND $3::bigint >= at.floor
        AND $4 = CASE at.turn WHEN 0 THEN at.era ELSE at.era || '.' || at.turn END
      ORDER BY "offset" LIMIT ${ALL}
    ) AS p ON true
    ORDER BY p."offset"`,
);

/** name, time, offset or null, how many, since */
export const pageForwards = pgStatement<FoundRow>(
  'log_page_forwards',
  `SELECT at.era, at.turn, at.top, at.floor, ${PUBLICATION}
    FROM (${YOUNG_PLACE}) AS at
    LEFT JOIN LATERAL (
      SELECT * FROM publications
      WHERE channel = at.id AND "offset" > greatest($3::bigint, at.floor) AND "offset" <= at.top
        AND at_ms >= $5::double precision
      ORDER BY "offset" LIMIT $4::bigint
    ) AS p ON true
    ORDER BY p."offset"`,
);

export const pageBackwards = pgStatement<FoundRow>(
  'log_page_backwards',
  `SELECT at.era, at.turn, at.top, at.floor, ${PUBLICATION}
    FROM (${YOUNG_PLACE}) AS at
    LEFT JOIN LATERAL (
      SELECT * FROM publications
      WHERE channel = at.id AND "offset" > at.floor AND "offset" <= least($3::bigint - 1, at.top)
        AND at_ms >= $5::double precision
      ORDER BY "offset" DESC LIMIT $4::bigint
    ) AS p ON true
    ORDER BY p."offset" DESC`,
);

/** Entries come with their data until those before one have more units than is asked for; `is_over` from there on. */
const entriesWhere = (condition: string): string => `
  SELECT at.era, at.turn, at.top, at.floor, p."offset", p.at_ms, p.version, p.by_user, p.key, p.ref,
    p.units_before >= $3::bigint AS is_over,
    CASE WHEN p.units_before >= $3::bigint THEN NULL ELSE p.data END AS data
  FROM (${PLACE}) AS at
  LEFT JOIN LATERAL (
    SELECT entries.*, sum(units) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) - units AS units_before
    FROM entries WHERE channel = at.id AND data IS NOT NULL ${condition}
    ORDER BY key LIMIT $2::bigint
  ) AS p ON true
  ORDER BY p.key`;

/** name, how many, units */
export const entriesFromFirst = pgStatement<FoundRow>('log_entries_first', entriesWhere(''));
/** name, how many, units, key */
export const entriesBehind = pgStatement<FoundRow>('log_entries_behind', entriesWhere('AND key > $4::bytea'));

/** name, key */
export const entryOf = pgStatement<PublicationRow>(
  'log_entry',
  `SELECT e."offset", e.at_ms, e.version, e.by_user, e.key, e.data, e.ref
    FROM channels c JOIN entries e ON e.channel = c.id
    WHERE c.name = $1 AND e.key = $2 AND e.data IS NOT NULL`,
);
