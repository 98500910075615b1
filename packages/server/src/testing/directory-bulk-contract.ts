import { describe, expect, it } from 'vitest';
import { type Directory, type EdgePair, MAX_IMPORT_EDGES } from '../ports/directory.ts';
import { type OpenDirectory, T, eachDirectory, rosterOf as sortedRoster } from './directory-subject.ts';

const NOTHING_NEW = { added: 0, users: 0, refused: 0, changed: [] };

/** What every `Directory` must do with much at once: an import, times of many people, all that is kept about somebody. */
export function directoryBulkContract(name: string, open: OpenDirectory): void {
  describe(`Directory: ${name}`, () => {
    let directory: Directory;
    eachDirectory(open, (given) => {
      directory = given;
    });
    const rosterOf = (viewer: string) => sortedRoster(directory, viewer);

    describe('bulk import', () => {
      it('creates whom it does not know, adds what is not there, and counts both', async () => {
        await directory.follow('alice', 'bob', T);
        expect(
          await directory.importEdges(
            [
              ['alice', 'bob'],
              ['erin', 'frank'],
              ['frank', 'erin'],
              ['erin', 'frank'],
              ['alice', 'erin'],
            ],
            T + 1,
          ),
        ).toEqual({ added: 3, users: 2, refused: 0, changed: ['erin', 'frank', 'alice'] });
        expect(await rosterOf('erin')).toEqual(['frank']);
        expect(await rosterOf('frank')).toEqual(['erin']);
        expect(await rosterOf('alice')).toEqual(['bob', 'erin']);
      });

      it('edges of a user to themselves are skipped and create nobody', async () => {
        expect(await directory.importEdges([['erin', 'erin']], T)).toEqual(NOTHING_NEW);
        expect(await directory.hasUser('erin')).toBe(false);
      });

      it('names only the followers who follow somebody new', async () => {
        await directory.follow('alice', 'bob', T);
        expect(
          await directory.importEdges(
            [
              ['alice', 'bob'],
              ['carol', 'bob'],
              ['carol', 'dave'],
            ],
            T + 1,
          ),
        ).toEqual({ added: 2, users: 0, refused: 0, changed: ['carol'] });
      });

      it('leaves out and counts what goes beyond the limit of a follower, and creates nobody for it', async () => {
        await directory.follow('alice', 'bob', T);
        const edges: EdgePair[] = [
          ['alice', 'carol'],
          ['alice', 'erin'],
          ['alice', 'bob'],
          ['bob', 'alice'],
          ['alice', 'dave'],
        ];
        expect(await directory.importEdges(edges, T + 1, 2)).toEqual({
          added: 2,
          users: 0,
          refused: 2,
          changed: ['alice', 'bob'],
        });
        expect(await rosterOf('alice')).toEqual(['bob', 'carol']);
        expect(await directory.hasUser('erin')).toBe(false);
        expect(await directory.importEdges(edges, T + 2, 2)).toEqual({ ...NOTHING_NEW, refused: 2 });
      });

      it('an empty import changes nothing', async () => {
        expect(await directory.importEdges([], T)).toEqual(NOTHING_NEW);
      });

      it('a full call is imported, names of every kind whole', async () => {
        const edges: EdgePair[] = Array.from({ length: MAX_IMPORT_EDGES }, (_, i) => [
          `viewer-${i % 100} 💚\t`,
          `user,"${i}`,
        ]);
        expect(await directory.importEdges(edges, T)).toEqual({
          added: MAX_IMPORT_EDGES,
          users: MAX_IMPORT_EDGES + 100,
          refused: 0,
          changed: Array.from({ length: 100 }, (_, i) => `viewer-${i} 💚\t`),
        });
        expect(await directory.rosterOf('viewer-7 💚\t')).toHaveLength(MAX_IMPORT_EDGES / 100);
        expect(await directory.edge('viewer-99 💚\t', 'user,"49999')).toEqual({
          user: 'user,"49999',
          close: false,
        });
      }, 30_000);

      it('more than a call may hold is refused, and nothing of it is there', async () => {
        const edges: EdgePair[] = Array.from({ length: MAX_IMPORT_EDGES + 1 }, (_, i) => [
          'erin',
          `user-${i}`,
        ]);
        await expect(directory.importEdges(edges, T)).rejects.toThrow(RangeError);
        expect(await directory.hasUser('erin')).toBe(false);
      });
    });

    describe('last seen', () => {
      it('is given for those who were seen', async () => {
        await directory.recordLastSeen([
          { user: 'alice', ms: 1_700_000_000_123 },
          { user: 'bob', ms: 5 },
        ]);
        expect(await directory.lastSeen(['alice', 'bob', 'carol', 'ghost'])).toEqual(
          new Map([
            ['alice', 1_700_000_000_123],
            ['bob', 5],
          ]),
        );
      });

      it('never moves backwards', async () => {
        await directory.recordLastSeen([{ user: 'alice', ms: 2_000 }]);
        await directory.recordLastSeen([{ user: 'alice', ms: 1_000 }]);
        expect(await directory.lastSeen(['alice'])).toEqual(new Map([['alice', 2_000]]));
        await directory.recordLastSeen([
          { user: 'alice', ms: 3_000 },
          { user: 'alice', ms: 2_500 },
        ]);
        expect(await directory.lastSeen(['alice'])).toEqual(new Map([['alice', 3_000]]));
      });

      it('creates nobody', async () => {
        await directory.recordLastSeen([{ user: 'ghost', ms: 1 }]);
        expect(await directory.hasUser('ghost')).toBe(false);
      });

      it('is read for a large roster in one call', async () => {
        const users = Array.from({ length: 2_000 }, (_, i) => `user-${i}`);
        await directory.importEdges(
          users.map((user) => ['alice', user]),
          T,
        );
        await directory.recordLastSeen(users.map((user, i) => ({ user, ms: i + 1 })));
        const seen = await directory.lastSeen(users);
        expect(seen.size).toBe(2_000);
        expect(seen.get('user-1999')).toBe(2_000);
      });
    });

    describe('erasure and export', () => {
      async function entangle(): Promise<void> {
        await directory.follow('alice', 'bob', T);
        await directory.follow('bob', 'alice', T);
        await directory.follow('carol', 'alice', T);
        await directory.block('alice', 'carol', T);
        await directory.block('dave', 'alice', T);
        await directory.setClose('alice', 'bob', true, T);
        await directory.setClose('bob', 'alice', true, T);
        await directory.recordLastSeen([{ user: 'alice', ms: 7_000 }]);
      }

      it('an export holds everything that is kept about the user', async () => {
        await entangle();
        const alice = await directory.export('alice');
        expect(alice).toMatchObject({ user: 'alice', lastSeenMs: 7_000, follows: ['bob'] });
        expect(alice).toMatchObject({ blocks: ['carol'], blockedBy: ['dave'], close: ['bob'] });
        expect([...(alice?.followers ?? [])].sort()).toEqual(['bob', 'carol']);
        expect(await directory.export('dave')).toEqual({
          user: 'dave',
          lastSeenMs: null,
          follows: [],
          followers: [],
          blocks: ['alice'],
          blockedBy: [],
          close: [],
        });
        expect(await directory.export('ghost')).toBeNull();
      });

      it('erasing names the former followers and leaves nothing of the user', async () => {
        await entangle();
        expect([...(await directory.erase('alice', T + 1))].sort()).toEqual(['bob', 'carol']);
        expect(await directory.hasUser('alice')).toBe(false);
        expect(await directory.export('alice')).toBeNull();
        expect(await directory.lastSeen(['alice'])).toEqual(new Map());
        for (const user of ['bob', 'carol', 'dave']) {
          expect(JSON.stringify(await directory.export(user))).not.toContain('alice');
          expect(JSON.stringify(await directory.changesSince(user, 0))).not.toContain('alice');
        }
      });

      it('erasing somebody unknown does nothing', async () => {
        expect(await directory.erase('ghost', T)).toEqual([]);
      });

      it('who comes back under an erased name begins anew', async () => {
        await entangle();
        await directory.erase('alice', T + 1);
        expect(await directory.ensureUser('alice')).toBe(true);
        expect(await directory.export('alice')).toEqual({
          user: 'alice',
          lastSeenMs: null,
          follows: [],
          followers: [],
          blocks: [],
          blockedBy: [],
          close: [],
        });
        expect(await directory.edgesAmong('alice', ['dave'])).toEqual([{ user: 'dave', close: false }]);
      });
    });
  });
}
