import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EdgeList, ImportResult } from '../../../ports/directory.ts';
import { storeUnavailable } from '../../../ports/unavailable.ts';
import { DIRECTORY_LOCK } from './directory-edits.ts';
import type { PgTransaction, Postgres } from './connection.ts';
import { pgStatement } from './statement.ts';

/** Names, or edges, in one statement: some tens of milliseconds of Postgres's. */
const A_STATEMENT = 5_000;

/** Edges decided without a pause: about a millisecond of the event loop. */
const A_TURN = 2_048;

/** Calls that are under way or wait, each up to 50,000 edges. */
const MAX_IMPORTS = 4;

/** names */
const usersByName = pgStatement<{ id: number; name: string }>(
  'import_users',
  'SELECT id, name FROM users WHERE name = ANY($1::text[])',
);

/** names. Another transaction may have created some meanwhile: a login does not wait for imports. */
const addUsers = pgStatement<{ id: number; name: string }>(
  'import_add_users',
  `INSERT INTO users (name) SELECT * FROM unnest($1::text[]) ON CONFLICT (name) DO NOTHING RETURNING id, name`,
);

/** followers */
const followCounts = pgStatement<{ follower: number; follows: number }>(
  'import_counts',
  'SELECT follower, count(*) AS follows FROM follows WHERE follower = ANY($1::bigint[]) GROUP BY follower',
);

/** followers, followees */
const existing = pgStatement<{ follower: number; followee: number }>(
  'import_existing',
  `SELECT follows.follower, follows.followee FROM unnest($1::bigint[], $2::bigint[]) AS asked(follower, followee)
    JOIN follows ON follows.follower = asked.follower AND follows.followee = asked.followee`,
);

/** followers, followees, stamp */
const addFollows = pgStatement(
  'import_add_follows',
  'INSERT INTO follows SELECT follower, followee, $3::bigint FROM unnest($1::bigint[], $2::bigint[]) AS new(follower, followee)',
);

/** Somebody in the import. `id` is null until they are created. */
type Person = { readonly name: string; id: number | null; follows: number; isNew: boolean; changed: boolean };

type Edge = { readonly from: Person; readonly to: Person };

/** Imports edges, all or nothing for a call. While one runs nobody else edits the directory; logins, and who reads, go on. */
export type EdgeImporter = (edges: EdgeList, at: number, followsPerUser: number) => Promise<ImportResult>;

export function createEdgeImporter(postgres: Postgres): EdgeImporter {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return async (edges, at, followsPerUser) => {
    if (waiting >= MAX_IMPORTS) throw storeUnavailable(`${waiting} imports wait for the database`);
    waiting++;
    // One after the other: two of one node would only wait for each other in Postgres, whose patience is limited.
    const mine = last.then(() =>
      postgres.transaction((within) => importWithin(within, edges, at, followsPerUser)),
    );
    last = mine.catch(() => undefined); // Whoever asked for it hears of it.
    try {
      return await mine;
    } finally {
      waiting--;
    }
  };
}

async function importWithin(
  within: PgTransaction,
  edges: EdgeList,
  at: number,
  followsPerUser: number,
): Promise<ImportResult> {
  await within.exec(`SELECT pg_advisory_xact_lock(${DIRECTORY_LOCK})`);
  const { people, asked } = await readPeople(within, edges);
  const there = await readExisting(within, asked, Number.isFinite(followsPerUser));

  const added: Edge[] = [];
  const created: Person[] = [];
  const changed: string[] = [];
  let refused = 0;
  let read = 0;
  const create = (person: Person): void => {
    if (person.id !== null || person.isNew) return;
    person.isNew = true;
    created.push(person);
  };
  for (const { from, to } of asked) {
    if (++read % A_TURN === 0) await nextTurn();
    const key = edgeKey(from, to);
    if (there.has(key)) continue;
    // Whoever is refused creates nobody.
    if (from.follows >= followsPerUser) {
      refused++;
      continue;
    }
    there.add(key);
    create(from);
    create(to);
    from.follows++;
    added.push({ from, to });
    if (from.changed) continue;
    from.changed = true;
    changed.push(from.name);
  }

  const users = await createPeople(within, created, people);
  for (const piece of piecesOf(added))
    await within.run(
      addFollows,
      piece.map(({ from }) => from.id),
      piece.map(({ to }) => to.id),
      at,
    );
  return { added: added.length, users, refused, changed };
}

/** Everybody in the import, and who follows whom but themselves. */
async function readPeople(
  within: PgTransaction,
  edges: EdgeList,
): Promise<{ readonly people: ReadonlyMap<string, Person>; readonly asked: readonly Edge[] }> {
  const people = new Map<string, Person>();
  const asked: Edge[] = [];
  function personOf(name: string): Person {
    const known = people.get(name);
    if (known !== undefined) return known;
    const person: Person = { name, id: null, follows: 0, isNew: false, changed: false };
    people.set(name, person);
    return person;
  }
  for (const [follower, followee] of edges) {
    if (follower === followee) continue;
    if (asked.push({ from: personOf(follower), to: personOf(followee) }) % A_TURN === 0) await nextTurn();
  }
  for (const names of piecesOf([...people.keys()])) learnIds(await within.run(usersByName, names), people);
  return { people, asked };
}

/** Which of the edges are there already. Counts what everybody follows, where that is limited. */
async function readExisting(
  within: PgTransaction,
  asked: readonly Edge[],
  isLimited: boolean,
): Promise<Set<string>> {
  const there = new Set<string>();
  const known = asked.filter(({ from, to }) => from.id !== null && to.id !== null);
  const byId = new Map(known.flatMap(({ from, to }) => [[from.id, from] as const, [to.id, to] as const]));
  for (const piece of piecesOf(known)) {
    const rows = await within.run(
      existing,
      piece.map(({ from }) => from.id),
      piece.map(({ to }) => to.id),
    );
    for (const { follower, followee } of rows)
      there.add(edgeKey(byId.get(follower) as Person, byId.get(followee) as Person));
  }
  if (!isLimited) return there;
  const followers = new Map<number, Person>();
  for (const { from } of asked) if (from.id !== null) followers.set(from.id, from);
  for (const ids of piecesOf([...followers.keys()])) {
    for (const { follower, follows } of await within.run(followCounts, ids))
      (followers.get(follower) as Person).follows = follows;
  }
  return there;
}

/** @returns how many were new */
async function createPeople(
  within: PgTransaction,
  created: readonly Person[],
  people: ReadonlyMap<string, Person>,
): Promise<number> {
  let users = 0;
  for (const piece of piecesOf(created)) {
    const rows = await within.run(
      addUsers,
      piece.map(({ name }) => name),
    );
    users += rows.length;
    learnIds(rows, people);
    const missing = piece.filter(({ id }) => id === null).map(({ name }) => name);
    if (missing.length > 0) learnIds(await within.run(usersByName, missing), people);
  }
  return users;
}

function learnIds(
  rows: readonly { readonly id: number; readonly name: string }[],
  people: ReadonlyMap<string, Person>,
): void {
  for (const { id, name } of rows) {
    const person = people.get(name);
    if (person !== undefined) person.id = id;
  }
}

/** No name holds the separator: it is a control character. */
function edgeKey(from: Person, to: Person): string {
  return `${from.name}\u0000${to.name}`;
}

function* piecesOf<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += A_STATEMENT) yield all.slice(i, i + A_STATEMENT);
}
