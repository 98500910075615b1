import { type StandardSchema, call, defineContract, map, signal, stream } from '@carillon/contract';
import {
  type AnyChannel,
  type HandlerContext,
  type MapChannel,
  type Position,
  type SignalChannel,
  type StreamChannel,
  createClient,
} from '../src/index.ts';
import { createClient as createPresenceClient } from '../src/presence.ts';

// Checked by the compiler alone: each line after an `@ts-expect-error` must be an error.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

/** A schema, as far as the compiler looks at it. */
declare function schema<Input, Output = Input>(): StandardSchema<Input, Output>;

const contract = defineContract({
  channels: {
    'chat:{room}': stream({
      data: schema<{ text: string; at?: Date }, { text: string; at: Date }>(),
    }),
    'tasks:{user}': map({ data: schema<{ done: boolean }>() }),
    'cursor:{doc}/{page}': signal({ data: schema<[number, number]>() }),
    news: stream({ data: schema<string>() }),
  },
  calls: {
    'task.done': call({
      input: schema<{ id: string }>(),
      output: schema<number>(),
      errors: { gone: schema<{ by: string }>(), locked: schema<null>() },
    }),
    plain: call({ input: schema<string>(), output: schema<Date>() }),
  },
  clientCalls: {
    confirm: call({
      input: schema<string>(),
      output: schema<boolean>(),
      errors: { busy: schema<{ until: number }>() },
    }),
  },
  broadcasts: { notice: schema<{ text: string }>() },
});

const client = createClient<typeof contract>({ url: '/ws', username: 'a', token: 'b' });

const chat = client.stream('chat:{room}', { room: 'x' });
holds<Same<typeof chat, StreamChannel<{ text: string; at?: Date }, { text: string; at: string }>>>();
void chat.publish({ text: 'hi' }, { expect: { epoch: 'e', offset: 3 }, echo: false });
// @ts-expect-error what the schema does not take
void chat.publish({ text: 7 });
chat.onPublication(({ data, position, by, atMs }) => {
  holds<Same<typeof data, { text: string; at: string }>>();
  void [position satisfies Position, by satisfies string | null, atMs satisfies number | null];
  // @ts-expect-error what arrives is not what was given: a date is its text
  void (data.at satisfies Date);
});
void chat
  .history({ before: null, limit: 5 })
  .then(({ publications: [first] }) => first?.data.text satisfies string | undefined);

// @ts-expect-error a parameter is missing
client.stream('chat:{room}', {});
// @ts-expect-error parameters are missing
client.stream('chat:{room}');
// @ts-expect-error no such parameter
client.stream('chat:{room}', { room: 'x', floor: 'y' });
// @ts-expect-error no such channel
client.stream('chatt:{room}', { room: 'x' });
// @ts-expect-error a map is no stream
client.stream('tasks:{user}', { user: 'x' });
client.stream('news');

const tasks = client.map('tasks:{user}', { user: 'x' });
holds<Same<typeof tasks, MapChannel<{ done: boolean }, { done: boolean }>>>();
void tasks.set('t1', { done: true }, { version: 3, ttlMs: 5 });
// @ts-expect-error a value that the schema does not take
void tasks.set('t1', { done: 'yes' });
void tasks.delete('t1');
for (const { key, value } of tasks) void [key satisfies string, value.done satisfies boolean];
tasks.onChange(([change]) => void (change?.after?.value.done satisfies boolean | undefined));
void (tasks.get('t1')?.done satisfies boolean | undefined);

const cursor = client.signal('cursor:{doc}/{page}', { doc: 'd', page: 'p' });
holds<Same<typeof cursor, SignalChannel<[number, number], [number, number]>>>();
void cursor.send([1, 2], 'left');
cursor.onSignal(({ data: [x], own }) => void [x satisfies number, own satisfies boolean]);
// @ts-expect-error signals have no history
void cursor.history;

void client.call('task.done', { id: 'x' }, { timeoutMs: 5 }).then((left) => left satisfies number);
void client.call('plain', 'x').then((text) => text satisfies string);
// @ts-expect-error no such call
void client.call('task.undone', {});
// @ts-expect-error an input that the schema does not take
void client.call('task.done', { id: 7 });
// @ts-expect-error a call of the server is served, not called
void client.call('confirm', 'x');

const failure = client.callError('task.done', new Error('x'));
if (failure?.code === 'gone') void (failure.data.by satisfies string);
if (failure?.code === 'locked') void (failure.data satisfies null);
// @ts-expect-error no such error
void (failure?.code === 'lost');

client.onCall('confirm', async (question, { fail, timeoutMs }) => {
  void (timeoutMs satisfies number | null);
  return question.length > 3 ? true : fail('busy', { until: 3 });
});
// @ts-expect-error an output that the schema does not take
client.onCall('confirm', () => 'yes');
// @ts-expect-error the server's own calls are not served here
client.onCall('plain', () => new Date());
export function badly({ fail }: HandlerContext<(typeof contract)['clientCalls']['confirm']>): void {
  // @ts-expect-error no such error
  fail('tired', {});
  // @ts-expect-error not the data of this error
  fail('busy', { until: 'later' });
}

client.onBroadcast('notice', ({ text }) => void (text satisfies string));
// @ts-expect-error no such broadcast
client.onBroadcast('note', () => {});

client.onInvitation((channel) => {
  holds<Same<typeof channel, AnyChannel>>();
  if (channel.kind === 'stream') channel.onPublication(({ data }) => void (data satisfies unknown));
  else if (channel.kind === 'map') void channel.size;
});

// Presence fields are the contract's, and have to be named where they are not the default ones.
void client.setStatus({ a: 'x' });
const moody = defineContract({ presence: { mood: 20 } });
const mood = createClient<typeof moody>({ url: '/ws', username: 'a', token: 'b', fields: ['mood'] });
void mood.setStatus({ mood: 'fine' });
// @ts-expect-error the default fields are gone
void mood.setStatus({ a: 'x' });
// @ts-expect-error the fields are not named
createClient<typeof moody>({ url: '/ws', username: 'a', token: 'b' });
// @ts-expect-error no field of the contract
createClient<typeof moody>({ url: '/ws', username: 'a', token: 'b', fields: ['tune'] });
// @ts-expect-error nothing is declared
mood.stream('chat:{room}', { room: 'x' });

// Without a contract anything goes, and of payloads nothing is known.
const any = createClient({ url: '/ws', username: 'a', token: 'b' });
const room = any.stream('chat:{room}', { room: 'x' });
holds<Same<typeof room, StreamChannel<unknown, unknown>>>();
// @ts-expect-error the parameters of the pattern are known all the same
any.stream('chat:{room}', { rum: 'x' });
any.map('board');
any.signal(`cursor:${'x' as string}`);
void any.call('whatever', { any: 'thing' }).then((output) => output satisfies unknown);
any.onCall('ask', () => 1);
any.onCall('ask', (_, { fail }) => fail('whatever', { any: 'thing' }));
any.onBroadcast('news', (data) => void (data satisfies unknown));

// Presence alone has no channels.
const friends = createPresenceClient({ url: '/ws', username: 'a', token: 'b' });
void friends.setStatus({ a: 'x' });
// @ts-expect-error no channels
void friends.stream;
