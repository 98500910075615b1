import { defineContract, map, signal, type StandardSchema, stream } from '@carillon/contract';
import { feedTopic } from '@carillon/server';

declare function schema<T>(): StandardSchema<T>;

const contract = defineContract({
  channels: {
    'tasks:{user}': map({ data: schema<{ title: string }>() }),
    'notices:{user}': stream({ data: schema<string>() }),
    lobby: stream({ data: schema<number>() }),
    'cursor:{doc}': signal({ data: schema<number>() }),
  },
});

feedTopic(contract, {
  schema: schema<{ user: string; title: string | null; version: number }>(),
  map: ({ data: { user, title, version }, key, id, type, atMs, headers }) => [
    title === null
      ? { channel: 'tasks:{user}', params: { user }, key: key ?? 'none', version, delete: true }
      : {
          channel: 'tasks:{user}',
          params: { user },
          key: 'a',
          version,
          value: { title },
          ttlMs: 5,
          ref: 'm1',
        },
    { channel: 'notices:{user}', params: { user }, value: `${id} ${type} ${atMs} ${headers['id']}`, id: 'x' },
    { channel: 'lobby', value: 5 },
  ],
  unknown: 'dead-letter',
  ids: 'place',
});
feedTopic(contract, { map: () => null });
feedTopic(contract, { map: () => [] });

// @ts-expect-error TS18046: without a schema nothing is known of the payload
feedTopic(contract, { map: ({ data }) => ({ channel: 'lobby', value: data.n }) });
// @ts-expect-error TS2322: no such channel
feedTopic(contract, { map: () => ({ channel: 'chat', value: 5 }) });
// @ts-expect-error TS2322: nothing of a signal is kept
feedTopic(contract, { map: () => ({ channel: 'cursor:{doc}', params: { doc: 'a' }, value: 5 }) });
// @ts-expect-error TS2322: a parameter is missing
feedTopic(contract, { map: () => ({ channel: 'notices:{user}', value: 'x' }) });
// @ts-expect-error TS2322: the payload of another channel
feedTopic(contract, { map: () => ({ channel: 'lobby', value: 'x' }) });
feedTopic(contract, {
  // @ts-expect-error TS2322: a map has keys
  map: () => ({ channel: 'tasks:{user}', params: { user: 'a' }, value: { title: '' } }),
});
feedTopic(contract, {
  // @ts-expect-error TS2322: a deletion has no payload
  map: () => ({
    channel: 'tasks:{user}',
    params: { user: 'a' },
    key: 'k',
    delete: true,
    value: { title: '' },
  }),
});
// @ts-expect-error TS2322: a stream has no keys to delete
feedTopic(contract, { map: () => ({ channel: 'lobby', delete: true }) });
