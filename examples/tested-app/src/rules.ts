import type { ServerOptions } from '@carillon/server';
import type { contract } from './contract.ts';

/** Who may do what, and who serves the calls: given to `createServer` by the app, to `createTestServer` by its tests. */
export const rules = {
  authorize: { 'chat:{room}': ({ user }) => user !== 'mallory' },
  calls: { shout: (input) => input.toUpperCase() },
} satisfies ServerOptions<typeof contract>;
