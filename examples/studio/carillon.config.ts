import { defineConfig } from '@carillon/server';
import { TASK_TOPIC, taskFeed } from '@carillon/tasks/feed';
import { contract } from './src/contract.ts';

/** The server of the studio page: one room and one board, open to everybody who can log in, and the tasks of each, which a backend keeps. */
export default defineConfig({
  contract,
  authorize: {
    'room:{room}': ({ params }) => params.room === 'lobby',
    'board:{board}': ({ params }) => params.board === 'lobby',
    'cursors:{board}': ({ params }) => params.board === 'lobby',
  },
  feeds: { topics: { [TASK_TOPIC]: taskFeed } },
});
