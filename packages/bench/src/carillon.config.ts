import { call, defineContract, map, stream } from '@carillon/contract';
import { defineConfig } from '@carillon/server';
import * as z from 'zod';

const chat = z.object({ a: z.string() });

/** What the channels' scenarios are measured with: payloads are checked, channels are opened by rules. */
const contract = defineContract({
  channels: {
    'kept:{room}': stream({ data: chat, history: { count: 1_000, ageMs: 3_600_000 }, ...fast() }),
    // More than a line can miss that fell silent unseen.
    'long:{room}': stream({ data: chat, history: { count: 50_000, ageMs: 3_600_000 }, ...fast() }),
    'unkept:{room}': stream({ data: chat, ...fast(), history: { count: 0 } }),
    'stored:{room}': stream({ data: chat, ...fast(), durability: 'stored' }),
    'patient:{room}': stream({
      data: chat,
      history: { count: 1_000, ageMs: 3_600_000 },
      slow: 'resync',
      payloadUnits: 65_536,
      ...fast(),
    }),
    'free:{room}': stream({ data: z.json(), history: { count: 1_000, ageMs: 3_600_000 }, ...fast() }),
    'board:{id}': map({
      data: z.object({ n: z.number() }),
      keys: 20_000,
      history: { count: 20_000, ageMs: 3_600_000 },
      ...fast(),
    }),
  },
  calls: { double: call({ input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) }) },
});

/** One channel here carries what an app spreads over many. */
function fast() {
  return { durability: 'memory', rate: { perSecond: 1_000_000, burst: 1_000_000 } } as const;
}

export default defineConfig({
  contract,
  authorize: {
    'kept:{room}': () => true,
    'long:{room}': () => true,
    'unkept:{room}': () => true,
    'stored:{room}': () => true,
    'patient:{room}': () => true,
    'free:{room}': () => true,
    'board:{id}': () => true,
  },
  calls: { double: ({ n }) => ({ n: n * 2 }) },
});
