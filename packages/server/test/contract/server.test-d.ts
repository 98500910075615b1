import { createServer as createHttpServer } from 'node:http';
import { call, defineContract, document, map, signal, stream } from '@carillon/contract';
import { type CarillonServer, createServer, defineConfig } from '@carillon/server';
import * as z from 'zod';

/** Compiles only where both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<_Holds extends true>(): void {
  return undefined;
}

const contract = defineContract({
  channels: {
    'chat:{room}': stream({ data: z.object({ text: z.string(), at: z.date().default(() => new Date(0)) }) }),
    'tasks:{user}': map({ data: z.object({ done: z.boolean() }) }),
    'doc:{id}': document(),
    'cursor:{doc}/{page}': signal({ data: z.tuple([z.number(), z.number()]) }),
  },
  calls: {
    'task.done': call({
      input: z.object({ id: z.string(), at: z.coerce.date() }),
      output: z.number(),
      errors: { gone: z.object({ by: z.string() }), late: z.number() },
    }),
    ping: call({ input: z.undefined(), output: z.literal('pong') }),
  },
  clientCalls: {
    confirm: call({
      input: z.string(),
      output: z.boolean(),
      errors: { away: z.object({ sinceMs: z.number() }) },
    }),
  },
  broadcasts: { maintenance: z.object({ atMs: z.number().default(0) }) },
});
const calls = { 'task.done': () => 1, ping: () => 'pong' as const };

const server = await createServer(contract, {
  server: createHttpServer(),
  authorize: {
    'chat:{room}': ({ user, session, action, channel, pattern, params, signal: aborted }) => {
      is<Same<typeof params, { readonly room: string }>>();
      is<Same<typeof action, 'subscribe' | 'publish'>>();
      is<Same<typeof pattern, 'chat:{room}'>>();
      is<Same<[typeof user, typeof session, typeof channel], [string, string, string]>>();
      return aborted.aborted ? { allow: false } : { allow: params.room === user, ttlMs: 1_000 };
    },
    'cursor:{doc}/{page}': async ({ params }) => Promise.resolve(params.doc === params.page),
    'doc:{id}': async ({ params, user }) =>
      Promise.resolve(params.id === user ? 'write' : { role: 'read', ttlMs: 60_000 }),
  },
  calls: {
    'task.done': (input, { user, device, key, signal: aborted, timeoutMs, fail }) => {
      is<Same<typeof key, string | null>>();
      is<Same<typeof input, { id: string; at: Date }>>();
      if (input.id === user) return fail('gone', { by: device });
      if (aborted.aborted) fail('late', timeoutMs, 'too late');
      return input.at.getTime();
    },
    ping: async (input) => {
      is<Same<typeof input, undefined>>();
      return Promise.resolve('pong' as const);
    },
  },
});

// What goes in.
await server.publish('chat:{room}', { room: 'x' }, { text: 'hi' });
await server.publish(
  'chat:{room}',
  { room: 'x' },
  { text: 'hi', at: new Date() },
  { id: '1', expect: { epoch: 'e', offset: 0 } },
);
await server.publish('tasks:{user}', { user: 'x' }, { done: true }, { key: '1', version: 2, ttlMs: 3 });
await server.publish('cursor:{doc}/{page}', { doc: 'x', page: '1' }, [1, 2]);
await server.deleteKey('tasks:{user}', { user: 'x' }, '1', { version: 3 });
await server.broadcast('maintenance', {});
await server.grant('alice', 'chat:{room}', { room: 'x' }, 60_000);
await server.subscribeUser('alice', 'chat:{room}', { room: 'x' }, 60_000);
await server.grant('alice', 'doc:{id}', { id: 'x' }, 60_000, 'comment');
await server.grant('alice', 'doc:{id}', { id: 'x' }, 60_000);
await server.subscribeUser('alice', 'doc:{id}', { id: 'x' }, 60_000, 'write');
await server.recheckRole('alice', 'doc:{id}', { id: 'x' });
await server.recheckRole(null, 'doc:{id}', { id: 'x' });
await server.unsubscribeUser('alice', 'chat:{room}', { room: 'x' });
await server.channelInfo('cursor:{doc}/{page}', { doc: 'x', page: '1' });
await server.members('chat:{room}', { room: 'x' }, { limit: 10 });
await server.disconnect('alice');
await server.revoke({ user: 'alice', tokenId: 'x' });

// What comes out.
const history = await server.history('chat:{room}', { room: 'x' }, { reverse: true, limit: 5 });
if (history.ok) {
  const [publication] = history.value.publications;
  is<Same<NonNullable<typeof publication>['data'], { text: string; at: string } | null>>();
}
const entries = await server.entries('tasks:{user}', { user: 'x' }, { after: 'k' });
if (entries.ok) {
  const [entry] = entries.value.entries;
  is<Same<NonNullable<typeof entry>['data'], { done: boolean }>>();
  is<Same<NonNullable<typeof entry>['key'], string>>();
}
const asked = await server.ask({ user: 'alice' }, 'confirm', 'sure?', { timeoutMs: 5_000 });
if (asked.ok) {
  for (const answer of asked.value) {
    if (answer.ok) is<Same<typeof answer.output, boolean>>();
    else if (answer.code === 'call_failed') {
      is<Same<typeof answer.error.code, 'away'>>();
      is<Same<typeof answer.error.data, { sinceMs: number }>>();
    }
  }
}

const paper = server.document('doc:{id}', { id: 'x' });
await paper.edit([{ op: 'insert', at: 'text', index: 0, text: 'hi' }], { by: 'alice', id: 'once' });
// @ts-expect-error TS2322: there is no such edit
await paper.edit([{ op: 'explode', at: 'text' }]);
// @ts-expect-error TS2345: only documents are documents
server.document('chat:{room}', { room: 'x' });
// @ts-expect-error TS2741: a parameter is missing
server.document('doc:{id}', {});
const state = await paper.state();
if (state.ok) is<Same<typeof state.value.update, Uint8Array>>();

// A server of any contract: everything goes by texts, and the server checks it.
async function anyServer(any: CarillonServer): Promise<void> {
  await any.publish('chat:{room}', { room: 'x' }, 1);
  await any.publish('tasks:{user}', { user: 'x' }, 1, { key: 'k', id: 'once' });
  await any.history('chat:{room}', { room: 'x' });
  await any.document('doc:{id}', { id: 'x' }).json();
  await any.entries('tasks:{user}', { user: 'x' });
}
export { anyServer };

// carillon.config.ts has the same types, by the contract in it, and none without one.
export const config = defineConfig({
  contract,
  port: 0,
  authorize: { 'chat:{room}': ({ params }) => params.room === 'x' },
  calls: { ...calls, 'task.done': (input, { fail }) => (input.id === '' ? fail('late', 1) : 1) },
});
export const plain = defineConfig({ port: 0, presence: { fields: { mood: { maxLength: 10 } } } });
await createServer(defineContract({}), { port: 0 });

// What is wrong does not compile.

const expect = { epoch: '', offset: 0 };
const late = { by: 'x' };

// @ts-expect-error TS2345: no such pattern
await server.publish('chat:{rooms}', { rooms: 'x' }, { text: 'hi' });
// @ts-expect-error TS2741: a parameter is missing
await server.publish('cursor:{doc}/{page}', { doc: 'x' }, [1, 2]);
// @ts-expect-error TS2561: a parameter that there is not
await server.publish('chat:{room}', { rom: 'x' }, { text: 'hi' });
// @ts-expect-error TS2322: a payload of another type
await server.publish('chat:{room}', { room: 'x' }, { text: 1 });
// @ts-expect-error TS2741: a payload without a field
await server.publish('chat:{room}', { room: 'x' }, {});
// @ts-expect-error TS2554: a map needs the key
await server.publish('tasks:{user}', { user: 'x' }, { done: true });
// @ts-expect-error TS2353: a stream has no keys
await server.publish('chat:{room}', { room: 'x' }, { text: 'hi' }, { key: '1' });
// @ts-expect-error TS2353: a signal has no position to expect
await server.publish('cursor:{doc}/{page}', { doc: 'x', page: '1' }, [1, 2], { expect });
// @ts-expect-error TS2345: only maps have keys to delete
await server.deleteKey('chat:{room}', { room: 'x' }, '1');
// @ts-expect-error TS2345: a signal has no history
await server.history('cursor:{doc}/{page}', { doc: 'x', page: '1' });
// @ts-expect-error TS2345: a stream has no entries
await server.entries('chat:{room}', { room: 'x' });
// @ts-expect-error TS2345: no such broadcast
await server.broadcast('news', {});
// @ts-expect-error TS2322: a broadcast of another type
await server.broadcast('maintenance', { atMs: 'now' });
// @ts-expect-error TS2345: a call that the server serves, not the client
await server.ask({ user: 'alice' }, 'ping', undefined);
// @ts-expect-error TS2345: an input of another type
await server.ask({ user: 'alice' }, 'confirm', 1);
// @ts-expect-error TS2353: a rule for a pattern that there is not
await createServer(contract, { calls, authorize: { 'chat:{other}': () => true } });
// @ts-expect-error TS2322: a rule that says neither yes nor no
await createServer(contract, { calls, authorize: { 'chat:{room}': () => 'yes' } });
// @ts-expect-error TS2322: a rule of a document that says yes
await createServer(contract, { calls, authorize: { 'doc:{id}': () => true } });
// @ts-expect-error TS2322: a rule of a document with a role that there is not
await createServer(contract, { calls, authorize: { 'doc:{id}': () => 'owner' } });
// @ts-expect-error TS2322: a rule of a document that allows
await createServer(contract, { calls, authorize: { 'doc:{id}': () => ({ allow: true }) } });
// @ts-expect-error TS2322: a role for what is no document
await createServer(contract, { calls, authorize: { 'chat:{room}': () => 'write' } });
// @ts-expect-error TS2345: only documents have roles to ask for again
await server.recheckRole('alice', 'chat:{room}', { room: 'x' });
// @ts-expect-error TS2554: a grant with a role for what is no document
await server.grant('alice', 'chat:{room}', { room: 'x' }, 60_000, 'write');
// @ts-expect-error TS2345: a grant for nothing
await server.grant('alice', 'doc:{id}', { id: 'x' }, 60_000, 'none');
// @ts-expect-error TS2339: a parameter that the pattern does not have
await createServer(contract, { calls, authorize: { 'chat:{room}': ({ params }) => params.user === 'x' } });
// @ts-expect-error TS2345: no handlers
await createServer(contract, {});
// @ts-expect-error TS2741: a handler is missing
await createServer(contract, { calls: { ping: () => 'pong' } });
// @ts-expect-error TS2353: a handler for a call that there is not
await createServer(contract, { calls: { ...calls, pong: () => 'ping' } });
// @ts-expect-error TS2322: an output of another type
await createServer(contract, { calls: { ...calls, ping: () => 'ping' } });
// @ts-expect-error TS2345: an error that the call does not declare
await createServer(contract, { calls: { ...calls, ping: (_input, { fail }) => fail('gone', { by: 'x' }) } });
// @ts-expect-error TS2345: an error with the data of another
await createServer(contract, { calls: { ...calls, 'task.done': (_, { fail }) => fail('late', late) } });
// @ts-expect-error TS2353: a setting that there is not
await createServer(contract, { calls, prot: 1 });
// @ts-expect-error TS2322: rules without the contract that they are for
defineConfig({ authorize: { 'chat:{room}': () => true } });
