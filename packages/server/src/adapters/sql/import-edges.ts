import type { Database } from 'better-sqlite3';
import type { ImportResult } from '../../ports/directory.ts';
import type { PackedNames } from '../../ports/packed-names.ts';
import type { QueryTexts } from './compile.ts';
import type { DirectoryWrites } from './directory-writes.ts';
import { prepareAll } from './statements.ts';

/** People remembered between imports, some 150 bytes each. Beyond it they are looked up anew. */
const MAX_REMEMBERED = 100_000;

/** Between two pauses: a millisecond or two of the core. */
const EDGES_BETWEEN_PAUSES = 512;

export type EdgeImporter = {
  /** Runs inside a transaction of the caller. @param pieces follower and followee by turns */
  importEdges(pieces: readonly PackedNames[], at: number, followsPerUser: number): ImportResult;
  /**
   * Forgets what is remembered of people. MUST be called when anything else has changed who exists or who follows whom on
   * this connection, and when a transaction with an import in it was undone.
   */
  forget(): void;
};

/** What the tables say of somebody. Kept from one import to the next: most people come in many of a file's pieces. */
type Person = {
  readonly id: number;
  /** How many they follow, once it was counted. */
  follows: number | undefined;
  /** The last import that gave them somebody to follow. */
  changedIn: number;
};

/** @param pause called again and again while an import runs */
export function createEdgeImporter(
  database: Database,
  texts: QueryTexts<DirectoryWrites>,
  pause: () => void,
): EdgeImporter {
  const run = prepareAll(database, texts);
  const dataVersion = database.prepare<[], number>('PRAGMA data_version').pluck();
  const people = new Map<string, Person>();
  let version: number | undefined;
  let imports = 0;

  function remember(name: string, id: number, follows: number | undefined): Person {
    const person: Person = { id, follows, changedIn: 0 };
    people.set(name, person);
    return person;
  }

  function find(name: string): Person | undefined {
    const known = people.get(name);
    if (known !== undefined) return known;
    const id = run.userId.get(name)?.id;
    return id === undefined ? undefined : remember(name, id, undefined);
  }

  const add = (name: string): Person => remember(name, Number(run.addUser.run(name).lastInsertRowid), 0);

  function followsOf(person: Person): number {
    return (person.follows ??= run.followCount.get(person.id)?.follows ?? 0);
  }

  function isEdge(follower: Person | undefined, followee: Person | undefined): boolean {
    return (
      follower !== undefined &&
      followee !== undefined &&
      run.follows.get(follower.id, followee.id) !== undefined
    );
  }

  function importEdges(pieces: readonly PackedNames[], at: number, followsPerUser: number): ImportResult {
    // Another process may have written to the file. While this transaction lasts none can.
    const now = dataVersion.get();
    if (now !== version || people.size > MAX_REMEMBERED) people.clear();
    version = now;
    imports++;
    const changed: string[] = [];
    let users = 0;
    let added = 0;
    let refused = 0;
    let read = 0;

    function importEdge(follower: string, followee: string): void {
      if (follower === followee) return;
      let from = find(follower);
      let to = find(followee);
      // Whoever is refused creates nobody.
      if ((from === undefined ? 0 : followsOf(from)) >= followsPerUser) {
        if (!isEdge(from, to)) refused++;
        return;
      }
      if (from === undefined) {
        from = add(follower);
        users++;
      }
      if (to === undefined) {
        to = add(followee);
        users++;
      }
      if (run.addFollow.run(from.id, to.id, at).changes === 0) return;
      from.follows = followsOf(from) + 1;
      added++;
      if (from.changedIn === imports) return;
      from.changedIn = imports;
      changed.push(follower);
    }

    for (const { text, lengths } of pieces) {
      let start = 0;
      for (let i = 0; i + 1 < lengths.length; i += 2) {
        const middle = start + (lengths[i] as number);
        const end = middle + (lengths[i + 1] as number);
        importEdge(text.slice(start, middle), text.slice(middle, end));
        start = end;
        if (++read % EDGES_BETWEEN_PAUSES === 0) pause();
      }
    }
    return { added, users, refused, changed };
  }

  return { importEdges, forget: () => people.clear() };
}
