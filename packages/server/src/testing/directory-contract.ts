import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Directory, type EdgePair, MAX_IMPORT_EDGES } from '../ports/directory.ts';

export type DirectorySubject = {
  readonly directory: Directory;
  close(): Promise<void>;
};

/** A stamp: microseconds since the epoch, beyond what 32 bits hold. */
const T = 1_700_000_000_000_000;

const NOTHING_NEW = { added: 0, users: 0, refused: 0, changed: [] };

/** What every `Directory` must do. `open` gives a new, empty directory for each test. */
export function directoryContract(name: string, open: () => Promise<DirectorySubject>): void {
  describe(`Directory: ${name}`, () => {
    let subject: DirectorySubject;
    let directory: Directory;
    beforeEach(async () => {
      subject = await open();
      directory = subject.directory;
      for (const user of ['alice', 'bob', 'carol', 'dave']) await directory.ensureUser(user);
    });
    afterEach(() => subject.close());

    const rosterOf = async (viewer: string) =>
      (await directory.rosterOf(viewer)).map(({ user, close }) => (close ? `${user}*` : user)).sort();

    describe('users', () => {
      it('a user is created once, and known from then on', async () => {
        expect(await directory.hasUser('erin')).toBe(false);
        expect(await directory.ensureUser('erin')).toBe(true);
        expect(await directory.ensureUser('erin')).toBe(false);
        expect(await directory.hasUser('erin')).toBe(true);
      });

      it('of several at once only one creates the user', async () => {
        const created = await Promise.all([1, 2, 3].map(() => directory.ensureUser('erin')));
        expect(created.filter(Boolean)).toHaveLength(1);
      });

      it('ids are taken as they are: case, braces, separators, quotes, code points beyond 16 bits', async () => {
        const ids = [
          'Alice',
          '{alice}',
          'auth0|1',
          'a:b',
          "o'hara",
          '"x"',
          '%',
          '_',
          '💚',
          'ä',
          'a\u0308',
          'x'.repeat(255),
        ];
        for (const id of ids) expect(await directory.ensureUser(id), id).toBe(true);
        for (const id of ids) await directory.follow('alice', id, T);
        expect(await rosterOf('alice')).toEqual([...ids].sort());
      });
    });

    describe('follows', () => {
      it('the roster is directed: who follows sees, who is followed does not', async () => {
        expect(await directory.follow('alice', 'bob', T)).toBe('changed');
        expect(await rosterOf('alice')).toEqual(['bob']);
        expect(await rosterOf('bob')).toEqual([]);
        expect(await directory.edge('alice', 'bob')).toEqual({ user: 'bob', close: false });
        expect(await directory.edge('bob', 'alice')).toBeNull();
        expect(await directory.followersOf('bob')).toEqual(['alice']);
        expect(await directory.followersOf('alice')).toEqual([]);
      });

      it('an edit resolves true only when it changed something', async () => {
        expect(await directory.unfollow('alice', 'bob', T)).toBe(false);
        expect(await directory.follow('alice', 'bob', T)).toBe('changed');
        expect(await directory.follow('alice', 'bob', T + 1)).toBe('unchanged');
        expect(await directory.unfollow('alice', 'bob', T + 2)).toBe(true);
        expect(await directory.unfollow('alice', 'bob', T + 3)).toBe(false);
        expect(await rosterOf('alice')).toEqual([]);
      });

      it('a follower at the limit takes no more, keeps what is there, and whom they cannot see counts', async () => {
        expect(await directory.follow('alice', 'bob', T, 2)).toBe('changed');
        expect(await directory.follow('alice', 'carol', T, 2)).toBe('changed');
        await directory.block('carol', 'alice', T + 1);
        expect(await directory.follow('alice', 'dave', T + 2, 2)).toBe('limit');
        expect(await directory.follow('alice', 'bob', T + 2, 2)).toBe('unchanged');
        expect(await directory.follow('alice', 'ghost', T + 2, 2)).toBe('unchanged');
        expect(await rosterOf('alice')).toEqual(['bob']);
        await directory.unfollow('alice', 'bob', T + 3);
        expect(await directory.follow('alice', 'dave', T + 4, 2)).toBe('changed');
      });

      it('of several follows at once no more succeed than the limit has room for', async () => {
        const results = await Promise.all(
          ['bob', 'carol', 'dave'].map((other) => directory.follow('alice', other, T, 2)),
        );
        // Which of them is the one too many is nobody's promise: they may be asked of different nodes.
        expect(results.toSorted()).toEqual(['changed', 'changed', 'limit']);
        expect(await rosterOf('alice')).toHaveLength(2);
      });

      it('nobody follows, blocks or favours themselves or somebody unknown, and that creates nobody', async () => {
        for (const [a, b] of [
          ['alice', 'alice'],
          ['alice', 'ghost'],
          ['ghost', 'alice'],
        ] as const) {
          expect(await directory.follow(a, b, T)).toBe('unchanged');
          expect(await directory.unfollow(a, b, T)).toBe(false);
          expect(await directory.block(a, b, T)).toBe(false);
          expect(await directory.unblock(a, b, T)).toBe(false);
          expect(await directory.setClose(a, b, true, T)).toBe(false);
        }
        expect(await directory.hasUser('ghost')).toBe(false);
        expect(await rosterOf('alice')).toEqual([]);
        expect(await directory.edge('alice', 'alice')).toBeNull();
      });

      it('somebody unknown has an empty roster and no followers', async () => {
        expect(await directory.rosterOf('ghost')).toEqual([]);
        expect(await directory.followersOf('ghost')).toEqual([]);
        expect(await directory.edge('ghost', 'alice')).toBeNull();
      });
    });

    describe('blocks', () => {
      it('whoever blocked the viewer is on no roster and no edge of theirs, and back after unblocking', async () => {
        await directory.follow('alice', 'bob', T);
        await directory.follow('alice', 'carol', T);
        expect(await directory.block('bob', 'alice', T + 1)).toBe(true);
        expect(await directory.block('bob', 'alice', T + 1)).toBe(false);
        expect(await rosterOf('alice')).toEqual(['carol']);
        expect(await directory.edge('alice', 'bob')).toBeNull();
        expect(await directory.unblock('bob', 'alice', T + 2)).toBe(true);
        expect(await directory.unblock('bob', 'alice', T + 2)).toBe(false);
        expect(await rosterOf('alice')).toEqual(['bob', 'carol']);
      });

      it('a block hides nothing from the one who blocks', async () => {
        await directory.follow('alice', 'bob', T);
        await directory.block('alice', 'bob', T + 1);
        expect(await rosterOf('alice')).toEqual(['bob']);
      });

      it('following somebody who blocked the viewer shows nothing until they unblock', async () => {
        await directory.block('bob', 'alice', T);
        expect(await directory.follow('alice', 'bob', T + 1)).toBe('changed');
        expect(await rosterOf('alice')).toEqual([]);
        await directory.unblock('bob', 'alice', T + 2);
        expect(await rosterOf('alice')).toEqual(['bob']);
      });

      it('followers are named whether they are blocked or not', async () => {
        await directory.follow('alice', 'bob', T);
        await directory.block('bob', 'alice', T + 1);
        expect(await directory.followersOf('bob')).toEqual(['alice']);
      });
    });

    describe('close friends', () => {
      it("close is the other's word: who counts the viewer among their close friends", async () => {
        await directory.follow('alice', 'bob', T);
        await directory.follow('bob', 'alice', T);
        expect(await directory.setClose('bob', 'alice', true, T + 1)).toBe(true);
        expect(await directory.setClose('bob', 'alice', true, T + 1)).toBe(false);
        expect(await rosterOf('alice')).toEqual(['bob*']);
        expect(await rosterOf('bob')).toEqual(['alice']);
        expect(await directory.edge('alice', 'bob')).toEqual({ user: 'bob', close: true });
        expect(await directory.setClose('bob', 'alice', false, T + 2)).toBe(true);
        expect(await directory.setClose('bob', 'alice', false, T + 2)).toBe(false);
        expect(await rosterOf('alice')).toEqual(['bob']);
      });

      it('close may be said before the other follows', async () => {
        await directory.setClose('bob', 'alice', true, T);
        expect(await rosterOf('alice')).toEqual([]);
        await directory.follow('alice', 'bob', T + 1);
        expect(await rosterOf('alice')).toEqual(['bob*']);
      });
    });

    describe('rosters that a hook supplies', () => {
      it('edges among named people need no follow, and leave out who blocked the viewer, the viewer and repeats', async () => {
        await directory.setClose('carol', 'alice', true, T);
        await directory.block('dave', 'alice', T);
        const edges = await directory.edgesAmong('alice', [
          'bob',
          'carol',
          'dave',
          'alice',
          'stranger',
          'bob',
        ]);
        expect(edges).toEqual([
          { user: 'bob', close: false },
          { user: 'carol', close: true },
          { user: 'stranger', close: false },
        ]);
      });

      it('a viewer unknown to the directory sees the people the hook names', async () => {
        expect(await directory.edgesAmong('ghost', ['bob'])).toEqual([{ user: 'bob', close: false }]);
      });
    });

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
