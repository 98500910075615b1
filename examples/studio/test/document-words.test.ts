import type { DocumentInfo } from '@carillon/client/yjs';
import { expect, it } from 'vitest';
import { createRoleTable } from '../src/document/role-table.ts';
import { savedWord } from '../src/document/saved-word.ts';

type Given = Partial<Omit<DocumentInfo, 'saved'>> & { readonly saved?: Partial<DocumentInfo['saved']> };

function infoOf({ saved = {}, ...given }: Given): DocumentInfo {
  const { unsent = 0, unsaved = 0 } = saved;
  const rest = { saved: unsent + unsaved === 0, refused: null, durable: true };
  return {
    ...{ status: 'live', code: null, detail: '', role: 'write' },
    ...given,
    saved: { ...rest, ...saved, unsent, unsaved },
  };
}

it.each<[Given, boolean, string, string, RegExp | null]>([
  [{}, false, 'saved', 'saved', null],
  [{ status: 'connecting', role: null }, false, 'opening', 'opening', null],
  [{ saved: { unsent: 2 } }, false, 'unsent', '2 changes not sent', null],
  [{ saved: { unsaved: 1 } }, false, 'unsaved', 'saving', null],
  [{ saved: { unsent: 1 } }, true, 'unsent', '1 change not sent', /cannot keep it at the moment/],
  [{ status: 'offline', saved: { unsent: 3 } }, false, 'unsent', '3 changes not sent', /kept on this device/],
  [
    { status: 'offline', saved: { unsent: 3, durable: false } },
    false,
    'unsent',
    '3 changes not sent',
    /kept in this page/,
  ],
  [{ status: 'offline' }, false, 'saved', 'saved', /no line/],
  [
    { status: 'connecting', code: 'unavailable' },
    false,
    'waiting',
    'cannot be reached',
    /\(unavailable\)\. It is asked again/,
  ],
  [
    { saved: { unsent: 1, refused: { code: 'too_large', detail: 'the document would have 600000 bytes' } } },
    false,
    'refused',
    'not saved',
    /would be larger than the server takes \(too_large\)\./,
  ],
  [
    { saved: { unsent: 1, refused: { code: 'limit_reached', detail: 'enough' } } },
    false,
    'refused',
    'not saved',
    /enough \(limit_reached\)\./,
  ],
  [{ role: 'read', saved: { unsent: 1 } }, false, 'refused', 'not saved', /may not write.*\(forbidden\)/],
  [{ status: 'ended', code: 'forbidden', role: 'none' }, false, 'ended', 'closed', /shut out/],
  [{ status: 'ended', code: 'too_large' }, false, 'ended', 'closed', /larger than the server hands out/],
])('of %j (slow: %s) the page says %s: "%s"', (given, isSlow, state, word, why) => {
  const said = savedWord(infoOf(given), isSlow);
  expect(said).toMatchObject({ state, word });
  if (why === null) expect(said.why).toBeNull();
  else expect(said.why).toMatch(why);
});

it('whoever writes gives roles to others, but not to the owner and not to themselves', () => {
  const table = createRoleTable('alice', 'write');
  expect(table.give('bob', 'carol', 'read')).toBe(true);
  expect(table.give('carol', 'bob', 'none')).toBe(false);
  expect(table.give('bob', 'alice', 'none')).toBe(false);
  expect(table.give('bob', 'bob', 'none')).toBe(false);
  expect([table.roleOf('alice'), table.roleOf('bob'), table.roleOf('carol')]).toEqual([
    'write',
    'write',
    'read',
  ]);
  expect(table.view('carol')).toEqual({ owner: 'alice', usual: 'write', roles: { carol: 'read' } });
  expect(table.give('alice', 'bob', 'none')).toBe(true);
  expect(table.view('bob')).toBeNull();
  expect(table.give('alice', 'carol', 'write')).toBe(true);
  expect(table.view('alice')).toEqual({ owner: 'alice', usual: 'write', roles: { bob: 'none' } });
});

it('a table holds a thousand names and no more, and what is usual takes none', () => {
  const table = createRoleTable('alice', 'write');
  for (let at = 0; at < 1_000; at++) expect(table.give('alice', `user ${at}`, 'read')).toBe(true);
  expect(table.give('alice', 'one more', 'read')).toBe(false);
  expect(table.give('alice', 'user 0', 'comment')).toBe(true);
  expect(table.give('alice', 'user 0', 'write')).toBe(true);
  expect(table.give('alice', 'one more', 'read')).toBe(true);
});
