import { defineContract, map } from '@carillon/contract';
import { defineConfig, feedTopic } from '@carillon/server';
import * as z from 'zod';

const task = z.object({ n: z.number(), at: z.number() });

const contract = defineContract({
  channels: {
    'tasks:{user}': map({
      data: task,
      // Several nodes over Redis need Postgres for what is stored.
      durability: process.env['FEEDS_DURABILITY'] === 'stored' ? 'stored' : 'memory',
      rate: { perSecond: 1_000_000, burst: 1_000_000 },
    }),
  },
});

/** What feeds are measured with: an event is a task of one user. */
export default defineConfig({
  contract,
  feeds: {
    topics: {
      tasks: feedTopic(contract, {
        schema: z.object({ user: z.string(), key: z.string(), task }),
        map: ({ data: { user, key, task: value } }) => ({
          channel: 'tasks:{user}',
          params: { user },
          key,
          value,
        }),
      }),
    },
  },
});
