import { VISIBLE_STATUSES } from '@carillon/protocol';
import * as z from 'zod';
import type { PresenceRecord } from '../../ports/presence.ts';
import { userId } from './channel-schemas.ts';

export const visibleRecord = z
  .looseObject({
    user: userId,
    s: z.enum(VISIBLE_STATUSES).meta({ description: 'Status; of an invisible user `Offline`.' }),
    ts: z.number().optional().meta({ description: 'When an offline user was last seen, ms since 1970.' }),
  })
  .meta({ id: 'Presence', description: 'A user as others see them; beside `s` stand the presence fields.' });

/** A user as the wire shows them. Versions stay inside: they would tell that somebody invisible does something. */
export function visible({ user, s, fields, lastSeenMs }: PresenceRecord): z.input<typeof visibleRecord> {
  return { user, s, ...fields, ...(lastSeenMs === null ? {} : { ts: lastSeenMs }) };
}
