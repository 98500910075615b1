import { defineContract, stream } from '@carillon/contract';
import * as z from 'zod';

/** What moves in this app: messages in a room. The pages import its type. */
export const contract = defineContract({
  channels: {
    'chat:{room}': stream({
      data: z.object({ text: z.string().min(1).max(500) }),
      history: { count: 100 },
    }),
  },
});
