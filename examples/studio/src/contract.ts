import { defineContract, map, signal, stream } from '@carillon/contract';
import { taskChannels } from '@carillon/tasks/contract';
import * as z from 'zod';

const MOST_CHARACTERS = 500;

/** Where a cursor is, as a share of the board's width and height. */
const share = z.number().min(0).max(1);

/** What moves on the studio page. The page imports its type alone; what is sent is checked by the server. */
export const contract = defineContract({
  channels: {
    'room:{room}': stream({
      data: z.object({ text: z.string().min(1).max(MOST_CHARACTERS) }),
      history: { count: 200 },
      members: true,
      rate: { perSecond: 20, burst: 40 },
    }),
    'board:{board}': map({
      data: z.object({
        text: z.string().max(120),
        x: share,
        y: share,
        color: z.enum(['amber', 'mint', 'sky', 'rose']),
      }),
      keys: 100,
    }),
    'cursors:{board}': signal({ data: z.object({ x: share, y: share }) }),
    ...taskChannels,
  },
});
