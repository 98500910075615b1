import { defineContract } from '@carillon/contract';
import { defineConfig } from '@carillon/server';
import { taskChannels } from './src/contract.ts';
import { TASK_TOPIC, taskFeed } from './src/feed.ts';

/** The server beside the backend: it keeps everybody's tasks on all of their devices, and nobody but the backend writes them. */
export default defineConfig({
  contract: defineContract({ channels: taskChannels }),
  feeds: { topics: { [process.env['TASKS_TOPIC'] ?? TASK_TOPIC]: taskFeed } },
});
