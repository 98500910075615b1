import { call, defineContract, document, map, signal, stream } from '@carillon/contract';
import { taskChannels } from '@carillon/tasks/contract';
import * as z from 'zod';
import { ROLES } from './document/role.ts';

const MOST_CHARACTERS = 500;

/** Where a cursor is, as a share of the board's width and height. */
const share = z.number().min(0).max(1);

const KIB = 1024;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const role = z.enum(ROLES);

/** Who may do what with the document: `usual` is the role of whoever is not in `roles`. */
const roleTable = z.object({ owner: z.string(), usual: role, roles: z.record(z.string(), role) });

/** What a comment is about: the words as they were, and where they stand, as positions of Yjs in JSON. */
const place = z.string().max(300);
const passage = z.object({ quote: z.string().max(120), from: place, to: place });

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
    'doc:{id}': document({
      durability: 'stored',
      // Small enough to be reached by pasting, so that the page can show what happens then.
      documentBytes: 512 * KIB,
      versionEveryMs: 5 * MINUTE_MS,
      versions: 50,
    }),
    'comments:{id}': stream({
      data: z.object({ text: z.string().min(1).max(MOST_CHARACTERS), about: passage.optional() }),
      beside: 'doc:{id}',
      history: { count: 200, ageMs: 365 * DAY_MS },
      rate: { perSecond: 10, burst: 20 },
    }),
    ...taskChannels,
  },
  calls: {
    'doc.roles': call({ input: z.object({}), output: roleTable, errors: { not_allowed: z.object({}) } }),
    'doc.setRole': call({
      input: z.object({ user: z.string().min(1).max(64), role }),
      output: roleTable,
      errors: { not_allowed: z.object({}) },
    }),
  },
});
