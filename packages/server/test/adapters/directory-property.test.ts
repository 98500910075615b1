import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import type { Sqlite } from '../../src/adapters/sql/sqlite.ts';
import type { Directory, RosterChanges } from '../../src/ports/directory.ts';
import { temporarySqlite } from './subjects.ts';

const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin'];
const T = 1_700_000_000_000_000;
const TEN_MINUTES = 10 * 60 * 1_000_000;

type Step =
  | {
      readonly kind: 'follow' | 'unfollow' | 'block' | 'unblock' | 'favour' | 'disfavour';
      readonly a: number;
      readonly b: number;
      readonly ahead: number;
    }
  | { readonly kind: 'ensure' | 'erase'; readonly a: number; readonly ahead: number }
  | {
      readonly kind: 'import';
      readonly pairs: readonly (readonly [number, number])[];
      readonly ahead: number;
    }
  | { readonly kind: 'seen'; readonly a: number; readonly ms: number };

const name = fc.nat(NAMES.length - 1);

function stepsOf(ahead: fc.Arbitrary<number>): fc.Arbitrary<readonly Step[]> {
  return fc.array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({
          kind: fc.constantFrom(
            'follow' as const,
            'follow' as const,
            'unfollow' as const,
            'block' as const,
            'unblock' as const,
            'favour' as const,
            'disfavour' as const,
          ),
          a: name,
          b: name,
          ahead,
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constantFrom('ensure' as const, 'ensure' as const, 'erase' as const),
          a: name,
          ahead,
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('import' as const),
          pairs: fc.array(fc.tuple(name, name), { maxLength: 6 }),
          ahead,
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('seen' as const), a: name, ms: fc.nat(1_000) }) },
    ),
    { minLength: 1, maxLength: 40 },
  );
}

/** Applies one step. `own` gives the name that a person has in this run. */
async function apply(
  directory: Directory,
  step: Step,
  at: number,
  own: (n: number) => string,
): Promise<unknown> {
  switch (step.kind) {
    case 'ensure':
      return directory.ensureUser(own(step.a));
    case 'erase':
      return [...(await directory.erase(own(step.a), at))].sort();
    case 'import':
      return directory.importEdges(
        step.pairs.map(([a, b]) => [own(a), own(b)] as const),
        at,
      );
    case 'seen':
      return directory.recordLastSeen([{ user: own(step.a), ms: step.ms }]);
    case 'favour':
      return directory.setClose(own(step.a), own(step.b), true, at);
    case 'disfavour':
      return directory.setClose(own(step.a), own(step.b), false, at);
    default:
      return directory[step.kind](own(step.a), own(step.b), at);
  }
}

function ordered(changes: RosterChanges): RosterChanges {
  return changes.complete
    ? { complete: true, changed: changes.changed.toSorted(), gone: changes.gone.toSorted() }
    : changes;
}

/** Everything that can be asked, in one comparable value. */
async function everything(directory: Directory, own: (n: number) => string): Promise<unknown> {
  const people = NAMES.map((_, n) => own(n));
  const seen = await directory.lastSeen(people);
  return Promise.all(
    people.map(async (user) => {
      const kept = await directory.export(user);
      return {
        user,
        known: await directory.hasUser(user),
        seen: seen.get(user),
        roster: (await directory.rosterOf(user)).toSorted((a, b) => (a.user < b.user ? -1 : 1)),
        followers: (await directory.followersOf(user)).toSorted(),
        edges: await Promise.all(people.map((other) => directory.edge(user, other))),
        among: await directory.edgesAmong(user, people),
        kept:
          kept === null
            ? null
            : Object.entries(kept).map(([key, value]) => [
                key,
                Array.isArray(value) ? new Set(value) : value,
              ]),
      };
    }),
  );
}

describe('the directory in memory and in SQLite, by random histories', () => {
  let file: Awaited<ReturnType<typeof temporarySqlite>>;
  let database: Sqlite;
  let run = 0;
  beforeAll(async () => {
    file = await temporarySqlite();
    database = await file.open();
  });
  afterAll(async () => {
    await database.close();
    await file.remove();
  });

  it('answer the same to everything, changes since every stamp included', async () => {
    const sqlite = createSqliteDirectory(database);
    await fc.assert(
      fc.asyncProperty(stepsOf(fc.integer({ min: -3, max: 20 })), async (steps) => {
        const memory = createMemoryDirectory();
        // One file for all runs, each with people of its own.
        const prefix = `run${run++}:`;
        const own = (n: number) => prefix + (NAMES[n] ?? '');
        let at = T;
        const stamps = [at];
        for (const step of steps) {
          at += 'ahead' in step ? step.ahead : 0;
          stamps.push(at);
          expect(await apply(sqlite, step, at, own), JSON.stringify(step)).toEqual(
            await apply(memory, step, at, own),
          );
        }
        expect(await everything(sqlite, own)).toEqual(await everything(memory, own));
        for (const since of new Set(stamps)) {
          for (const n of NAMES.keys()) {
            expect(
              ordered(await sqlite.changesSince(own(n), since)),
              `${own(n)} since T+${since - T}`,
            ).toEqual(ordered(await memory.changesSince(own(n), since)));
          }
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('a client that applies the changes since its last look holds the roster, over gaps of any length', async () => {
    for (const make of [async () => createMemoryDirectory(), async () => createSqliteDirectory(database)]) {
      await fc.assert(
        fc.asyncProperty(
          stepsOf(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: TEN_MINUTES }))),
          fc.nat(5),
          async (steps, every) => {
            const directory = await make();
            const prefix = `run${run++}:`;
            const own = (n: number) => prefix + (NAMES[n] ?? '');
            // Later than every run before on the same file, so that purging goes on between the runs too.
            let at = T + run * 100 * TEN_MINUTES;
            const views = NAMES.map(() => ({ at, roster: new Set<string>() }));
            for (const [i, step] of steps.entries()) {
              at += 'ahead' in step ? step.ahead : 1;
              await apply(directory, step, at, own);
              // An erased user's client is sent away; who comes back begins anew.
              if (step.kind === 'erase') views[step.a] = { at, roster: new Set() };
              if (i % (every + 1) !== 0) continue;
              for (const [n, view] of views.entries()) {
                const roster = (await directory.rosterOf(own(n))).map(({ user }) => user);
                const changes = await directory.changesSince(own(n), view.at);
                if (!changes.complete) view.roster = new Set(roster);
                else {
                  for (const user of changes.gone) view.roster.delete(user);
                  for (const user of changes.changed) view.roster.add(user);
                }
                expect([...view.roster].toSorted(), `${own(n)}, step ${i}`).toEqual(roster.toSorted());
                view.at = at;
              }
            }
          },
        ),
        { numRuns: 60 },
      );
    }
  }, 60_000);
});
