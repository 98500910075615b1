import { setTimeout as waitFor } from 'node:timers/promises';
import { defineConfig } from '@carillon/server';
import { TASK_TOPIC, taskFeed } from '@carillon/tasks/feed';
import { contract } from './src/contract.ts';
import { createRoleTable } from './src/document/role-table.ts';

/**
 * How long an answer about a role counts, ms: what the table says from then on, everybody has within this. An app that makes its own
 * server says `server.recheckRole` where it changes a role, and need not be asked.
 */
const ROLE_HOLDS_MS = 500;

/** Alice's document: everybody writes in it until she, or another who writes, says otherwise. */
const roles = createRoleTable('alice', 'write');

/**
 * The server of the studio page: one room and one board, open to everybody who can log in, a document with roles, and the tasks of each,
 * which a backend keeps.
 */
export default defineConfig({
  contract,
  authorize: {
    'room:{room}': ({ params }) => params.room === 'lobby',
    'board:{board}': ({ params }) => params.board === 'lobby',
    'cursors:{board}': ({ params }) => params.board === 'lobby',
    'doc:{id}': ({ user, params }) =>
      params.id === 'studio' ? { role: roles.roleOf(user), ttlMs: ROLE_HOLDS_MS } : 'none',
  },
  calls: {
    'doc.roles': (_, { user, fail }) => roles.view(user) ?? fail('not_allowed', {}),
    'doc.setRole': async (change, { user, fail }) => {
      if (!roles.give(user, change.user, change.role)) return fail('not_allowed', {});
      // Once it is answered, nobody has more than the table says.
      await waitFor(ROLE_HOLDS_MS);
      return roles.view(user) ?? fail('not_allowed', {});
    },
  },
  feeds: { topics: { [TASK_TOPIC]: taskFeed } },
});
