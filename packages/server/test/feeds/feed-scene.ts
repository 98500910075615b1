import { defineContract, map, stream } from '@carillon/contract';
import * as z from 'zod';
import { feedTopic } from '../../src/config/feeds/feed-types.ts';
import type { CarillonConfig } from '../../src/config.ts';
import type { Client } from '../http-api/server-under-test.ts';

// The configuration of the tests of sources that are posted to: tasks of users, and what a mapping may do with them.

export const APP_TOKEN = 'the-token-of-the-sidecar';

const task = z.object({
  userId: z.string().min(1),
  id: z.string().min(1),
  title: z.string(),
  version: z.number().int().optional(),
});

/** Topics: `task-updates` onto the map, `slow` whose schema takes the turns that an event says, `notes` onto the stream of the user that a note names, `plain` by place. */
export function feedConfig(
  more: CarillonConfig['feeds'] = {},
  durability: 'memory' | 'stored' = 'stored',
): CarillonConfig {
  const contract = defineContract({
    channels: {
      'tasks:{user}': map({ data: z.object({ title: z.string() }), durability }),
      'log:{user}': stream({ data: z.unknown(), durability }),
    },
  });
  return {
    contract,
    feeds: {
      ...more,
      topics: {
        'task-updates': feedTopic(contract, {
          schema: task,
          map: ({ type, data }) =>
            type === 'task.viewed'
              ? null
              : {
                  channel: 'tasks:{user}',
                  params: { user: data.userId },
                  key: data.id,
                  value: { title: data.title },
                  version: data.version ?? 1,
                },
        }),
        notes: feedTopic(contract, {
          map: ({ data, key, headers, atMs }) => ({
            channel: 'log:{user}',
            params: { user: (data as { user: string }).user },
            value: {
              ...(data as object),
              ...(key === null ? {} : { key }),
              names: Object.keys(headers),
              atMs,
            },
          }),
        }),
        slow: feedTopic(contract, {
          schema: z.object({ user: z.string(), turns: z.number() }).refine(async ({ turns }) => {
            for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
            return true;
          }),
          map: ({ data }) => ({ channel: 'log:{user}', params: { user: data.user }, value: data.turns }),
        }),
        strict: feedTopic(contract, { map: () => null, unknown: 'dead-letter' }),
        plain: feedTopic(contract, {
          ids: 'place',
          map: ({ data }) => ({
            channel: 'log:{user}',
            params: { user: (data as { user: string }).user },
            value: data,
          }),
        }),
      },
    },
  };
}

let lastRequest = 0;

/** Subscribes, and tells what the channel holds by then. */
export async function follow(client: Client, channel: string): Promise<Readonly<Record<string, unknown>>> {
  client.socket.send(`{"t":"sub","i":${++lastRequest},"c":"${channel}"}`);
  return client.next('ok');
}
