import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createSqliteJournal } from '../../src/adapters/sql/journal.ts';
import { temporarySqlite } from './subjects.ts';

const WRITER = fileURLToPath(new URL('killed-writer.ts', import.meta.url));
const EDGES_AN_IMPORT = 500;

/** What one life of the writer said before it was killed. */
type Said = { readonly issued: ReadonlySet<string>; readonly resolved: ReadonlySet<string> };

/** Runs the writer and kills it without warning once so many writes have resolved. */
async function runAndKill(path: string, life: number, resolvedBefore: number): Promise<Said> {
  const child = spawn(process.execPath, ['--conditions=carillon-source', WRITER, path, String(life)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let resolved = 0;
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    resolved += text.split('\n=').length - 1;
    if (resolved >= resolvedBefore) child.kill('SIGKILL');
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect({ code, signal, stderr }).toEqual({ code: null, signal: 'SIGKILL', stderr: '' });
  // The last line may have been cut off by the kill.
  const lines = stdout.split('\n').slice(0, -1);
  const said = (mark: string) =>
    new Set(lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(2)));
  return { issued: said('+'), resolved: said('=') };
}

function numbersOf(said: ReadonlySet<string>, kind: string): number[] {
  return [...said]
    .filter((what) => what.startsWith(`${kind} `))
    .map((what) => Number(what.slice(kind.length + 1)));
}

describe('a SQLite database whose process is killed in the middle of writing', () => {
  it('holds what had resolved, in order, and nothing by half', async () => {
    const file = await temporarySqlite();
    try {
      // One file through several lives: each must also recover what the one before left behind.
      for (const [life, resolvedBefore] of [1, 300, 2_000, 5_000].entries()) {
        const { issued, resolved } = await runAndKill(file.path, life, resolvedBefore);
        expect(resolved.size).toBeGreaterThanOrEqual(resolvedBefore);
        const inFlight = [...issued].filter((what) => !resolved.has(what));
        expect(inFlight.length, 'writes in flight when it was killed').toBeGreaterThan(0);

        const database = await file.open();
        const directory = createSqliteDirectory(database);
        const contents = await createSqliteJournal(database).load();

        // Sessions were written in the order of their numbers: the survivors are a beginning of it, without a hole.
        const kept = contents.sessions
          .filter(({ id }) => id.startsWith(`${life}-`))
          .map(({ id }) => Number(id.slice(id.indexOf('-') + 1)));
        expect(kept.toSorted((a, b) => a - b)).toEqual(kept.map((_, i) => i));
        expect(kept.length).toBeGreaterThan(Math.max(-1, ...numbersOf(resolved, 'session')));

        for (const n of numbersOf(resolved, 'user'))
          expect(await directory.hasUser(`u${life}-${n}`), `user ${n}`).toBe(true);

        const blocked = new Set((await directory.export('hub'))?.blocks);
        for (const n of numbersOf(resolved, 'block'))
          expect(blocked.has(`u${life}-${n}`), `block ${n}`).toBe(true);

        // Whoever left is either still there as if they had not, or was seen: never gone without a trace.
        const devices = new Set(contents.devices.map(({ user }) => user));
        for (const n of numbersOf(issued, 'leave')) {
          const user = `u${life}-${n}`;
          const seen = (await directory.lastSeen([user])).has(user);
          if (resolved.has(`leave ${n}`))
            expect([devices.has(user), seen], `leave ${n}`).toEqual([false, true]);
          else expect(devices.has(user) || seen, `leave ${n}`).toBe(true);
        }

        for (const n of numbersOf(issued, 'import')) {
          const { length } = await directory.rosterOf(`imp${life}-${n}`);
          expect(
            resolved.has(`import ${n}`) ? [EDGES_AN_IMPORT] : [0, EDGES_AN_IMPORT],
            `import ${n}`,
          ).toContain(length);
        }
        await database.close();
      }
    } finally {
      await file.remove();
    }
  }, 60_000);
});
