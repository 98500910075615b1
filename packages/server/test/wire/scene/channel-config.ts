const CONTRACT = new URL('../../../../contract/src/index.ts', import.meta.url).href;

/** The configuration file of a server with every kind of channel, calls, and rules good and bad. */
export const CHANNEL_CONFIG = `
import { call, defineContract, map, signal, stream } from '${CONTRACT}';

const schema = (validate) => ({ '~standard': { version: 1, vendor: 'test', validate } });
const anything = schema((value) => ({ value }));
/** { text: at most 10 characters, tags?: texts }. */
const note = schema((value) => {
  const wrong = (message, ...path) => ({ issues: [{ message, path }] });
  if (typeof value !== 'object' || value === null) return wrong('expected an object');
  if (typeof value.text !== 'string') return wrong('expected a text', 'text');
  if (value.text.length > 10) return wrong('too long', 'text');
  const at = (value.tags ?? []).findIndex((tag) => typeof tag !== 'string');
  return at < 0 ? { value } : wrong('expected a text', 'tags', at, 'a/b');
});
/** Says what language it is in. */
const filled = schema((value) => ({ value: { lang: 'en', ...value } }));
let served = 0;
const memory = { data: note, durability: 'memory', rate: { perSecond: 100_000, burst: 100_000 } };

export default {
  contract: defineContract({
    channels: {
      'chat:{room}': stream({ ...memory, members: true, history: { count: 5 } }),
      'quick:{room}': stream({ ...memory, rate: { perSecond: 1, burst: 2 }, payloadUnits: 40 }),
      'quiet:{room}': stream({ ...memory, echo: false }),
      'filled:{room}': stream({ ...memory, data: filled, echo: false }),
      'kept:{room}': stream({ data: note }),
      'board:{id}': map({ ...memory, keys: 3 }),
      'tasks:{user}': map(memory),
      'mine:{user}': map({ ...memory, ownerPublishes: true }),
      'cursor:{doc}': signal({ data: anything, flushMs: 10 }),
      'closed:{room}': stream(memory),
      'hangs:{room}': stream(memory),
      'odd:{room}': stream(memory),
      'throws:{room}': stream(memory),
    },
    calls: {
      double: call({ input: anything, output: anything, errors: { odd: anything } }),
      keyed: call({ input: anything, output: anything }),
      never: call({ input: anything, output: anything }),
      brief: call({ input: anything, output: anything, timeoutMs: 50 }),
    },
    clientCalls: { confirm: call({ input: anything, output: anything, errors: { busy: anything } }) },
    broadcasts: { news: anything },
  }),
  authorize: {
    'chat:{room}': () => true,
    'quick:{room}': () => true,
    'quiet:{room}': () => true,
    'filled:{room}': () => true,
    'kept:{room}': () => true,
    'board:{id}': () => true,
    'cursor:{doc}': () => true,
    'hangs:{room}': () => new Promise(() => {}),
    'odd:{room}': () => 'yes',
    'throws:{room}': () => { throw new Error('the rule died'); },
  },
  calls: {
    double: (n, { fail }) => (Number.isSafeInteger(n) && n % 2 === 0 ? n * 2 : fail('odd', { n })),
    keyed: (_input, { key }) => ({ key, served: ++served }),
    never: () => new Promise(() => {}),
    brief: () => new Promise(() => {}),
  },
};
`;
