import { storeUnavailable } from '../../../ports/unavailable.ts';
import type { Postgres } from './connection.ts';
import { type OutboxNames, OUTBOX_LANES } from './outbox-schema.ts';
import { sqlStateOf } from './postgres-errors.ts';
import { pgStatement } from './statement.ts';

/** SQLSTATE: a password that is wrong, a database that is none, a right that is missing. Trying again mends none of them. */
const FOR_AN_OPERATOR = /^(28...|3D000|42...)$/;

const READ = 'SELECT, UPDATE, DELETE';

/**
 * Looks whether the outbox can be read.
 *
 * @throws Error with the code `outbox_unusable` where that takes an operator, in one line
 * @throws StoreUnavailable where it may be so later
 */
export async function checkOutbox(postgres: Pick<Postgres, 'run'>, names: OutboxNames): Promise<void> {
  try {
    const [there] = await postgres.run(tables, names.table, names.lanes);
    if (there?.both !== true)
      throw unusable(`there is no table ${names.table} with its lanes: run carillon migrate --outbox`);
    const [may] = await postgres.run(rights, names.table, names.lanes);
    if (may?.both !== true)
      throw unusable(`its user may not ${READ} both ${names.table} and ${names.lanes}: grant it`);
    const [lanes] = await postgres.run(countLanes(names));
    if (lanes?.count !== OUTBOX_LANES)
      throw unusable(
        `${names.lanes} holds ${lanes?.count ?? 0} lanes and not ${OUTBOX_LANES}: run carillon migrate --outbox`,
      );
  } catch (error) {
    if (FOR_AN_OPERATOR.test(sqlStateOf(error))) throw unusable(error instanceof Error ? error.message : '');
    if (error instanceof Error && 'code' in error && error.code === 'outbox_unusable') throw error;
    throw storeUnavailable(error instanceof Error ? error.message : String(error), error);
  }
}

const tables = pgStatement<{ both: boolean }>(
  'outbox_tables',
  'SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL AS both',
);

/** One privilege after the other: of a list, any one is enough for `has_table_privilege`. */
const rights = pgStatement<{ both: boolean }>(
  'outbox_rights',
  `SELECT bool_and(has_table_privilege(name, privilege)) AS both
    FROM unnest(ARRAY[$1::text, $2::text]) AS name, unnest(string_to_array('${READ}', ', ')) AS privilege`,
);

function countLanes({ lanes }: OutboxNames): ReturnType<typeof pgStatement<{ count: number }>> {
  return pgStatement<{ count: number }>('outbox_lanes', `SELECT count(*) AS count FROM ${lanes}`);
}

function unusable(why: string): Error {
  return Object.assign(new Error(`the outbox cannot be read: ${why}`), { code: 'outbox_unusable' as const });
}
