import { describe, expect, it } from 'vitest';
import type { Directory } from '../ports/directory.ts';
import { directoryBulkContract } from './directory-bulk-contract.ts';
import { type OpenDirectory, T, eachDirectory, rosterOf as sortedRoster } from './directory-subject.ts';

/** What every `Directory` must do. */
export function directoryContract(name: string, open: OpenDirectory): void {
  describe(`Directory: ${name}`, () => {
    let directory: Directory;
    eachDirectory(open, (given) => {
      directory = given;
    });
    const rosterOf = (viewer: string) => sortedRoster(directory, viewer);

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
  });

  directoryBulkContract(name, open);
}
