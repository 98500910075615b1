import { describe, expect, it } from 'vitest';
import type { Directory } from '../ports/directory.ts';
import { type OpenDirectory, T, eachDirectory } from './directory-subject.ts';

const MINUTE_MICROS = 60_000_000;

/** What every `Directory` must tell of the changes of a roster. */
export function directoryChangesContract(name: string, open: OpenDirectory): void {
  describe(`Directory's changes since a stamp: ${name}`, () => {
    let directory: Directory;
    eachDirectory(open, (given) => {
      directory = given;
    });

    const changesSince = async (viewer: string, at: number) => {
      const changes = await directory.changesSince(viewer, at);
      return changes.complete
        ? { complete: true, changed: [...changes.changed].sort(), gone: [...changes.gone].sort() }
        : changes;
    };
    const nothing = { complete: true, changed: [], gone: [] };

    it('nothing changed, nothing is reported', async () => {
      await directory.follow('alice', 'bob', T);
      expect(await changesSince('alice', T)).toEqual(nothing);
    });

    it('a follow is a change, an unfollow is gone', async () => {
      await directory.follow('alice', 'bob', T + 1);
      await directory.follow('alice', 'carol', T - 1);
      await directory.unfollow('alice', 'carol', T + 2);
      expect(await changesSince('alice', T)).toEqual({ complete: true, changed: ['bob'], gone: ['carol'] });
      expect(await changesSince('alice', T + 1)).toEqual({ complete: true, changed: [], gone: ['carol'] });
      expect(await changesSince('alice', T + 2)).toEqual(nothing);
    });

    it('a block is gone for the one who is blocked, an unblock a change', async () => {
      await directory.follow('alice', 'bob', T);
      await directory.block('bob', 'alice', T + 1);
      expect(await changesSince('alice', T)).toEqual({ complete: true, changed: [], gone: ['bob'] });
      await directory.unblock('bob', 'alice', T + 2);
      expect(await changesSince('alice', T)).toEqual({ complete: true, changed: ['bob'], gone: [] });
      expect(await changesSince('bob', T)).toEqual(nothing);
    });

    it("the other's word of a close friend is a change, either way", async () => {
      await directory.follow('alice', 'bob', T);
      await directory.setClose('bob', 'alice', true, T + 1);
      expect(await changesSince('alice', T)).toEqual({ complete: true, changed: ['bob'], gone: [] });
      await directory.setClose('bob', 'alice', false, T + 2);
      expect(await changesSince('alice', T + 1)).toEqual({ complete: true, changed: ['bob'], gone: [] });
      expect(await changesSince('bob', T)).toEqual(nothing);
    });

    it('of several edits of one edge the last counts', async () => {
      await directory.follow('alice', 'bob', T + 1);
      await directory.unfollow('alice', 'bob', T + 2);
      expect(await changesSince('alice', T)).toEqual({ complete: true, changed: [], gone: ['bob'] });
      await directory.follow('alice', 'bob', T + 3);
      expect(await changesSince('alice', T)).toEqual({ complete: true, changed: ['bob'], gone: [] });
    });

    it('edits about people whom the viewer does not follow, or who blocked them, are not reported', async () => {
      await directory.block('bob', 'alice', T + 1);
      await directory.setClose('carol', 'alice', true, T + 2);
      expect(await changesSince('alice', T)).toEqual(nothing);
      await directory.follow('alice', 'bob', T + 3);
      expect(await changesSince('alice', T)).toEqual(nothing);
      await directory.setClose('bob', 'alice', true, T + 4);
      expect(await changesSince('alice', T + 3)).toEqual(nothing);
    });

    it('imported edges are changes', async () => {
      await directory.follow('alice', 'bob', T);
      await directory.importEdges(
        [
          ['alice', 'bob'],
          ['alice', 'carol'],
          ['alice', 'erin'],
        ],
        T + 1,
      );
      expect(await changesSince('alice', T)).toEqual({
        complete: true,
        changed: ['carol', 'erin'],
        gone: [],
      });
    });

    it('an edit with an older stamp does not take back a newer one', async () => {
      await directory.follow('alice', 'bob', T);
      await directory.block('bob', 'alice', T + 9);
      await directory.unblock('bob', 'alice', T + 5);
      expect(await changesSince('alice', T + 7)).toEqual({ complete: true, changed: ['bob'], gone: [] });
    });

    it('edits are known for ten minutes', async () => {
      await directory.follow('alice', 'bob', T);
      await directory.unfollow('alice', 'bob', T + 1);
      await directory.follow('carol', 'dave', T + 2);
      await directory.unfollow('carol', 'dave', T + 10 * MINUTE_MICROS);
      expect(await changesSince('alice', T)).toEqual({ complete: true, changed: [], gone: ['bob'] });
    });

    it('what was forgotten is not passed over: the answer is then that it is not complete', async () => {
      await directory.follow('alice', 'bob', T);
      await directory.unfollow('alice', 'bob', T + 1);
      const later = T + 3 * 24 * 60 * MINUTE_MICROS;
      for (let i = 0; i < 8; i++) {
        await directory.follow('carol', 'dave', later + i);
        await directory.unfollow('carol', 'dave', later + i);
      }
      const changes = await changesSince('alice', T);
      if (changes.complete) expect(changes).toEqual({ complete: true, changed: [], gone: ['bob'] });
      else expect(changes).toEqual({ complete: false });
      expect(await changesSince('alice', later)).toEqual(nothing);
    });

    it('somebody unknown has no changes', async () => {
      expect(await changesSince('ghost', 0)).toEqual(nothing);
    });

    it('former followers are told that their changes are not complete, up to the erasure', async () => {
      await directory.follow('bob', 'alice', T);
      await directory.erase('alice', T + 5);
      expect(await changesSince('bob', T)).toEqual({ complete: false });
      expect(await changesSince('bob', T + 4)).toEqual({ complete: false });
      expect(await changesSince('bob', T + 5)).toEqual(nothing);
      expect(await changesSince('carol', T)).toEqual(nothing);
    });

    it('whoever unfollowed somebody shortly before their erasure is told that something is missing', async () => {
      await directory.follow('bob', 'alice', T);
      await directory.unfollow('bob', 'alice', T + 1);
      await directory.erase('alice', T + 5);
      expect(await changesSince('bob', T)).toEqual({ complete: false });
      expect(await changesSince('bob', T + 5)).toEqual(nothing);
    });
  });
}
