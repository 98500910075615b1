import { call, defineContract, stream } from '@carillon/contract';
import * as z from 'zod';

/** What moves in the app. */
export const contract = defineContract({
  channels: {
    // Who does not read loses the oldest, and is told.
    'chat:{room}': stream({ data: z.object({ text: z.string() }), slow: 'drop-oldest', heldUnits: 2_000 }),
  },
  calls: { shout: call({ input: z.string(), output: z.string() }) },
});
