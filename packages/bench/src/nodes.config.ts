import { defineContract, stream } from '@carillon/contract';
import { defineConfig } from '@carillon/server';
import * as z from 'zod';

const chat = z.object({ a: z.string() });
/** One channel here carries what an app spreads over many. */
const fast = { durability: 'memory', rate: { perSecond: 1_000_000, burst: 1_000_000 } } as const;
const kept = { count: 1_000, ageMs: 3_600_000 } as const;

const contract = defineContract({
  channels: {
    'kept:{room}': stream({ data: chat, history: kept, ...fast }),
    'unkept:{room}': stream({ data: chat, history: { count: 0 }, ...fast }),
    // Without a rule below: whoever is named as CARILLON_AUTHORIZE_URL is asked.
    'asked:{room}': stream({ data: chat, history: kept, ...fast }),
  },
});

/** What several nodes over one Redis are measured with: nothing stored, which would need Postgres. */
export default defineConfig({
  contract,
  authorize: { 'kept:{room}': () => true, 'unkept:{room}': () => true },
});
