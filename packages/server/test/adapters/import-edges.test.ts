import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { createSqliteBuilder, textsOf } from '../../src/adapters/sql/compile.ts';
import { directoryHandlers } from '../../src/adapters/sql/directory-handlers.ts';
import { directoryWrites } from '../../src/adapters/sql/directory-writes.ts';
import { createEdgeImporter } from '../../src/adapters/sql/import-edges.ts';
import { migrate } from '../../src/adapters/sql/migrations.ts';
import type { DirectoryTables } from '../../src/adapters/sql/tables.ts';
import type { Directory } from '../../src/ports/directory.ts';
import { packNames } from '../../src/ports/packed-names.ts';

const NAMES = ['alice', 'bob', 'carol'];
const T = 1_700_000_000_000_000;
const name = fc.nat(NAMES.length - 1);

type Where = 'here' | 'elsewhere';
type Step =
  | {
      readonly kind: 'import';
      readonly pairs: readonly (readonly [number, number])[];
      readonly limit: number;
      readonly undone: boolean;
    }
  | {
      readonly kind: 'follow' | 'unfollow';
      readonly a: number;
      readonly b: number;
      readonly where: Where;
    }
  | { readonly kind: 'ensure' | 'erase'; readonly a: number; readonly where: Where };

/** Mostly here: what is written elsewhere makes the next import forget everything by itself. */
const where = fc.constantFrom<Where>('here', 'here', 'here', 'here', 'elsewhere');
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('import' as const),
        pairs: fc.array(fc.tuple(name, name), { maxLength: 5 }),
        limit: fc.constantFrom(1, 2, 2, Infinity),
        undone: fc.nat(9).map((one) => one === 0),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('follow' as const, 'unfollow' as const),
        a: name,
        b: name,
        where,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('ensure' as const, 'erase' as const),
        a: name,
        where,
      }),
    },
  ),
  { minLength: 5, maxLength: 40, size: 'max' },
);

let folder: string;
let close: () => void;
let here: Connection;
let elsewhere: Connection;
let run = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carillon-import-'));
  const databases = [0, 1].map(() => {
    const database = new BetterSqlite3(join(folder, 'test.sqlite'));
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = OFF');
    return database;
  });
  migrate(databases[0]!);
  here = connect(databases[0]!);
  elsewhere = connect(databases[1]!);
  close = () => databases.forEach((database) => void database.close());
});
afterAll(async () => {
  close();
  await rm(folder, { recursive: true, force: true });
});

type Connection = ReturnType<typeof connect>;

/** What the writer thread has on its connection, without the thread. */
function connect(database: BetterSqlite3.Database) {
  const texts = textsOf(directoryWrites(createSqliteBuilder<DirectoryTables>()));
  let pauses = 0;
  const importer = createEdgeImporter(database, texts, () => pauses++);
  return {
    database,
    importer,
    edits: directoryHandlers(database, texts, importer.forget),
    pauses: () => pauses,
  };
}

/** In the file, on the connection that the step names, or twice where an import is undone at first. */
function applyHere(step: Step, at: number, own: (n: number) => string): unknown {
  if (step.kind === 'import') {
    const { database, importer } = here;
    const edges = [packNames(step.pairs.flatMap(([a, b]) => [own(a), own(b)]))];
    if (step.undone) {
      database.exec('BEGIN IMMEDIATE');
      importer.importEdges(edges, at, Infinity);
      database.exec('ROLLBACK');
      importer.forget();
    }
    return database.transaction(() => importer.importEdges(edges, at, step.limit)).immediate();
  }
  const { database, edits } = step.where === 'here' ? here : elsewhere;
  return database
    .transaction(() => {
      switch (step.kind) {
        case 'ensure':
          return edits.ensureUser(own(step.a));
        case 'erase':
          return edits.erase(own(step.a), at).toSorted();
        case 'follow':
          return edits.follow(own(step.a), own(step.b), at, Infinity);
        case 'unfollow':
          return edits.unfollow(own(step.a), own(step.b), at);
      }
    })
    .immediate();
}

async function applyInMemory(
  memory: Directory,
  step: Step,
  at: number,
  own: (n: number) => string,
): Promise<unknown> {
  switch (step.kind) {
    case 'import':
      return memory.importEdges(
        step.pairs.map(([a, b]) => [own(a), own(b)] as const),
        at,
        step.limit,
      );
    case 'ensure':
      return memory.ensureUser(own(step.a));
    case 'erase':
      return [...(await memory.erase(own(step.a), at))].sort();
    default:
      return memory[step.kind](own(step.a), own(step.b), at);
  }
}

it('what an import remembers of people is never older than the file, whoever wrote to it and whatever was undone', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const memory = createMemoryDirectory();
      const prefix = `run${run++}:`;
      const own = (n: number) => prefix + NAMES[n]!;
      for (const [i, step] of history.entries()) {
        expect(applyHere(step, T + i, own), JSON.stringify(step)).toEqual(
          await applyInMemory(memory, step, T + i, own),
        );
      }
      for (const n of NAMES.keys()) {
        const rows = here.database
          .prepare<[string], { name: string }>(
            `SELECT b.name FROM users a JOIN follows ON follower = a.id JOIN users b ON followee = b.id WHERE a.name = ?`,
          )
          .all(own(n));
        expect(rows.map((row) => row.name).sort(), own(n)).toEqual(
          (await memory.rosterOf(own(n))).map(({ user }) => user).sort(),
        );
      }
    }),
    { numRuns: 1_000 },
  );
  // Each edge is between two people who are there.
  expect(
    here.database
      .prepare(
        'SELECT count(*) FROM follows WHERE follower NOT IN (SELECT id FROM users) OR followee NOT IN (SELECT id FROM users)',
      )
      .pluck()
      .get(),
  ).toBe(0);
}, 60_000);

it('a long import pauses every 512 edges', () => {
  const before = here.pauses();
  here.database
    .transaction(() =>
      here.importer.importEdges(
        [packNames(Array.from({ length: 5_000 }, (_, i) => ['pausing', `p${i}`]).flat())],
        T,
        Infinity,
      ),
    )
    .immediate();
  expect(here.pauses() - before).toBe(9);
});
