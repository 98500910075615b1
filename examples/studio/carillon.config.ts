import { defineConfig } from '@carillon/server';
import { contract } from './src/contract.ts';

/** The server of the studio page: one room and one board, open to everybody who can log in. */
export default defineConfig({
  contract,
  authorize: {
    'room:{room}': ({ params }) => params.room === 'lobby',
    'board:{board}': ({ params }) => params.board === 'lobby',
    'cursors:{board}': ({ params }) => params.board === 'lobby',
  },
});
