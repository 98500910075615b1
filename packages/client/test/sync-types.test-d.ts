import { type StandardSchema, call, defineContract, map, stream } from '@carillon/contract';
import { createClient } from '../src/index.ts';
import {
  type Mutation,
  type Sync,
  type SyncEntry,
  createSync,
  sendOverCall,
  sendOverHttp,
} from '../src/sync/index.ts';

// Checked by the compiler alone: each line after an `@ts-expect-error` must be an error.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

declare function schema<Input, Output = Input>(): StandardSchema<Input, Output>;

type Task = { readonly title: string; readonly done: boolean };
type Sent = {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly args: unknown;
  readonly atMs: number;
  readonly user: string;
};

const contract = defineContract({
  channels: {
    'tasks:{user}': map({ data: schema<{ title: string; due?: Date }, Task>() }),
    news: stream({ data: schema<string>() }),
  },
  calls: {
    'tasks.mutate': call({ input: schema<Sent>(), output: schema<{ token?: string }>() }),
    'tasks.count': call({ input: schema<{ of: string }>(), output: schema<number>() }),
  },
});
const client = createClient<typeof contract>({ url: '/ws', username: 'a', token: 'b' });
const channel = client.map('tasks:{user}', { user: 'a' });

const tasks = createSync(channel, {
  mutators: {
    create: (_, title: string) => ({ title, done: false }),
    finish: (task) => task && { ...task, done: true },
    rename: (task, args: { readonly title: string } | undefined) => task && { ...task, ...args },
    remove: () => undefined,
  },
  send: sendOverHttp({ url: '/mutations' }),
  snapshot: async () => [{ key: 'a', value: { title: 'x', done: false }, version: 3 }],
});

// What the contract says that arrives is what is seen, and what mutators are given.
holds<Same<ReturnType<typeof tasks.get>, readonly SyncEntry<Task>[]>>();
holds<Same<ReturnType<typeof tasks.mutate>, Mutation>>();

tasks.mutate('create', 'a', 'title');
tasks.mutate('finish', 'a');
tasks.mutate('remove', 'a');
tasks.mutate('rename', 'a');
tasks.mutate('rename', 'a', { title: 'x' });
// @ts-expect-error there is no such mutator
tasks.mutate('creat', 'a', 'title');
// @ts-expect-error without what it takes
tasks.mutate('create', 'a');
// @ts-expect-error of another type
tasks.mutate('create', 'a', 7);
// @ts-expect-error it takes nothing
tasks.mutate('finish', 'a', 7);

void tasks.until({ key: 'a', version: 1 });
void tasks.until(tasks.mutate('finish', 'a'), { timeoutMs: 5 });
// @ts-expect-error no token
void tasks.until({ version: 1 });

createSync(channel, {
  // @ts-expect-error what the contract does not know as a task
  mutators: { create: (_, title: string) => ({ title }) },
  send: sendOverCall(client, 'tasks.mutate'),
});
createSync(channel, {
  mutators: {},
  send: () => ({ result: 'accepted' }),
  // @ts-expect-error nor here
  snapshot: async () => [{ key: 'a', value: { title: 'x' } }],
});
// @ts-expect-error a call that takes something else
sendOverCall(client, 'tasks.count');
// @ts-expect-error no map
createSync(client.stream('news'), { mutators: {}, send: () => ({ result: 'accepted' }) });
// @ts-expect-error no answer
createSync(channel, { mutators: {}, send: () => ({ result: 'done' }) });

// Without a contract values are unknown, unless the app says more.
const any = createClient({ url: '/ws', username: 'a', token: 'b' });
createSync(any.map('x'), {
  mutators: { set: (_, value: number) => value },
  send: () => ({ result: 'accepted' }),
}) satisfies Sync<unknown, { set: (_: unknown, value: number) => number }>;
