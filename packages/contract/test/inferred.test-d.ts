import { type } from 'arktype';
import * as v from 'valibot';
import * as z from 'zod';
import {
  type AnswerErrors,
  type AnswerOutput,
  type BroadcastInput,
  type BroadcastNames,
  call,
  type CallInput,
  type CallOutput,
  type CallsOf,
  type ChannelPatterns,
  type ClientCallsOf,
  type Contract,
  defineContract,
  type Delivered,
  type EmptyContract,
  type ErrorsOf,
  type HandlerErrors,
  type HandlerInput,
  type HandlerOutput,
  type InputOf,
  map,
  type MapPatterns,
  type OutputOf,
  type ParamsOf,
  type PresenceFieldsOf,
  type PublishedData,
  type ReceivedBroadcast,
  type ReceivedData,
  type ReceivedInput,
  signal,
  type SignalPatterns,
  stream,
  type StreamPatterns,
} from '@carillon/contract';

/** Compiles only where both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<_Holds extends true>(): void {
  return undefined;
}

const message = z.object({ text: z.string(), at: z.date().default(() => new Date(0)) });
const contract = defineContract({
  presence: { a: 128, mood: 16 },
  channels: {
    'chat:{room}': stream({ data: message, history: { count: 10 }, slow: 'resync' }),
    'ticker:{symbol}/{venue}': stream({ data: v.pipe(v.string(), v.transform(Number)) }),
    'tasks:{user}': map({ data: v.object({ done: v.boolean(), note: v.optional(v.string()) }), keys: 10 }),
    'cursor:{doc}': signal({ data: type({ x: 'number', y: 'number' }) }),
    lobby: stream({ data: z.string() }),
  },
  calls: {
    'task.done': call({
      input: z.object({ id: z.string(), at: z.coerce.date() }),
      output: z.object({ left: z.number(), at: z.date() }),
      errors: { gone: z.object({ by: z.string() }), late: v.pipe(v.string(), v.transform(Number)) },
    }),
    ping: call({ input: z.undefined(), output: z.literal('pong') }),
  },
  clientCalls: { confirm: call({ input: z.string(), output: v.boolean() }) },
  broadcasts: { maintenance: z.object({ atMs: z.number().default(0) }) },
});
type C = typeof contract;
type TaskDone = CallsOf<C>['task.done'];
type Ping = CallsOf<C>['ping'];
type Confirm = ClientCallsOf<C>['confirm'];

// Names.
is<Same<StreamPatterns<C>, 'chat:{room}' | 'ticker:{symbol}/{venue}' | 'lobby'>>();
is<Same<MapPatterns<C>, 'tasks:{user}'>>();
is<Same<SignalPatterns<C>, 'cursor:{doc}'>>();
is<Same<ChannelPatterns<C>, StreamPatterns<C> | MapPatterns<C> | SignalPatterns<C>>>();
is<Same<keyof CallsOf<C>, 'task.done' | 'ping'>>();
is<Same<keyof ClientCallsOf<C>, 'confirm'>>();
is<Same<BroadcastNames<C>, 'maintenance'>>();
is<Same<PresenceFieldsOf<C>, 'a' | 'mood'>>();
is<Same<ParamsOf<'chat:{room}'>, { readonly room: string }>>();
is<Same<ParamsOf<'ticker:{symbol}/{venue}'>, { readonly symbol: string; readonly venue: string }>>();
is<Same<keyof ParamsOf<'lobby'>, never>>();

// Payloads: what goes in is the schema's input, what arrives is its output as JSON carries it.
is<Same<PublishedData<C, 'chat:{room}'>, { text: string; at?: Date | undefined }>>();
is<Same<ReceivedData<C, 'chat:{room}'>, { text: string; at: string }>>();
is<Same<PublishedData<C, 'ticker:{symbol}/{venue}'>, string>>();
is<Same<ReceivedData<C, 'ticker:{symbol}/{venue}'>, number>>();
is<Same<PublishedData<C, 'tasks:{user}'>, { done: boolean; note?: string | undefined }>>();
is<Same<ReceivedData<C, 'tasks:{user}'>, { done: boolean; note?: string | undefined }>>();
is<Same<ReceivedData<C, 'cursor:{doc}'>, { x: number; y: number }>>();
is<Same<BroadcastInput<C, 'maintenance'>, { atMs?: number | undefined }>>();
is<Same<ReceivedBroadcast<C, 'maintenance'>, { atMs: number }>>();

// Calls, from either side.
is<Same<CallInput<TaskDone>['id'], string>>();
is<Same<HandlerInput<TaskDone>, { id: string; at: Date }>>();
is<Same<HandlerOutput<TaskDone>, { left: number; at: Date }>>();
is<Same<CallOutput<TaskDone>, { left: number; at: string }>>();
is<
  Same<
    ErrorsOf<TaskDone>,
    | { readonly code: 'gone'; readonly data: { by: string } }
    | { readonly code: 'late'; readonly data: number }
  >
>();
is<
  Same<
    HandlerErrors<TaskDone>,
    | { readonly code: 'gone'; readonly data: { by: string } }
    | { readonly code: 'late'; readonly data: string }
  >
>();
is<Same<CallInput<Ping>, undefined>>();
is<Same<ErrorsOf<Ping>, never>>();
is<Same<HandlerErrors<Ping>, never>>();
is<Same<ReceivedInput<Confirm>, string>>();
is<Same<AnswerOutput<Confirm>, boolean>>();
is<Same<AnswerErrors<TaskDone>, ErrorsOf<TaskDone>>>();
is<Same<AnswerErrors<Confirm>, never>>();

// What JSON makes of a value.
is<
  Same<
    Delivered<{ at: Date; tags: readonly string[]; n: 1 | null }>,
    { at: string; tags: readonly string[]; n: 1 | null }
  >
>();
is<Same<Delivered<[Date, { deep: Date }]>, [string, { deep: string }]>>();
is<
  Same<Delivered<{ id: bigint; run: () => void; ids: Set<string> }>, { id: never; run: never; ids: never }>
>();
is<Same<Delivered<string & { readonly brand: 'id' }>, string & { readonly brand: 'id' }>>();
is<Same<Delivered<unknown>, unknown>>();

// The three validators are understood alike.
const id = z.string().transform(Number);
is<Same<[InputOf<typeof id>, OutputOf<typeof id>], [string, number]>>();
const textLength = v.pipe(
  v.string(),
  v.transform((text) => text.length),
);
is<Same<[InputOf<typeof textLength>, OutputOf<typeof textLength>], [string, number]>>();
const parsed = type('string.numeric.parse');
is<Same<[InputOf<typeof parsed>, OutputOf<typeof parsed>], [string, number]>>();

// A contract that declares nothing, and any contract.
const empty = defineContract({});
is<Same<typeof empty, EmptyContract>>();
is<Same<PresenceFieldsOf<EmptyContract>, 'a' | 'p' | 'l'>>();
is<Same<ChannelPatterns<EmptyContract>, never>>();
is<Same<keyof CallsOf<EmptyContract>, never>>();
function anyContract(given: Contract): Contract {
  return given;
}
is<Same<StreamPatterns<Contract>, string>>();
is<Same<MapPatterns<Contract>, string>>();
is<Same<SignalPatterns<Contract>, string>>();
anyContract(contract);
anyContract(empty);

// What is wrong does not compile. A test holds the codes against what the compiler says.

// @ts-expect-error TS2344: types that differ are told apart
is<Same<{ a: string }, { a: string | undefined }>>();
// @ts-expect-error TS2344: no such pattern
type _NoPattern = PublishedData<C, 'chat:{room2}'>;
// @ts-expect-error TS2339: no such call
type _NoCall = CallsOf<C>['task.undone'];
// @ts-expect-error TS2344: no such broadcast
type _NoBroadcast = BroadcastInput<C, 'news'>;
// @ts-expect-error TS2322: a map is no stream
const _notAStream: StreamPatterns<C> = 'tasks:{user}';
// @ts-expect-error TS2741: a parameter is missing
const _missing: ParamsOf<'ticker:{symbol}/{venue}'> = { symbol: 'X' };
// @ts-expect-error TS2561: a parameter that there is not
const _unknown: ParamsOf<'chat:{room}'> = { room: 'x', rooom: 'y' };
// @ts-expect-error TS2322: a payload of another type
const _payload: PublishedData<C, 'chat:{room}'> = { text: 1 };
// @ts-expect-error TS2322: a date arrives as a text
const _arrived: ReceivedData<C, 'chat:{room}'> = { text: 'x', at: new Date() };
// @ts-expect-error TS2322: a code that the call does not declare
const _code: ErrorsOf<TaskDone> = { code: 'lost', data: { by: 'x' } };
// @ts-expect-error TS2322: the data of another error
const _errorData: ErrorsOf<TaskDone> = { code: 'late', data: { by: 'x' } };
// @ts-expect-error TS2322: a presence field that there is not
const _field: PresenceFieldsOf<C> = 'p';
// @ts-expect-error TS2353: a signal has no history
signal({ data: z.string(), history: { count: 1 } });
// @ts-expect-error TS2353: a stream has no keys
stream({ data: z.string(), keys: 1 });
// @ts-expect-error TS2322: a policy that there is not
stream({ data: z.string(), slow: 'drop-newest' });
// @ts-expect-error TS2741: a channel without a schema
map({ keys: 1 });
// @ts-expect-error TS2353: no schema
stream({ data: { parse: () => 1 } });
// @ts-expect-error TS2741: a rate is both
stream({ data: z.string(), rate: { perSecond: 1 } });
// @ts-expect-error TS2561: a part that there is not
defineContract({ chanels: {} });
// @ts-expect-error TS2322: a channel that is a schema
defineContract({ channels: { x: z.string() } });
// @ts-expect-error TS2739: a call that is a schema
defineContract({ calls: { x: z.string() } });
