import {
  MAX_CHANNEL_LENGTH,
  MAX_EPOCH_LENGTH,
  MAX_KEY_LENGTH,
  MAX_REF_LENGTH,
  MAX_USER_ID_LENGTH,
} from '@carillon/protocol';
import * as z from 'zod';

// What answers about channels are made of. The ids name the schemas in the OpenAPI document.

const offset = z.int().min(0);

export const channelName = z.string().min(1).max(MAX_CHANNEL_LENGTH);
export const userId = z.string().min(1).max(MAX_USER_ID_LENGTH);
const key = z.string().min(1).max(MAX_KEY_LENGTH);

export const ref = z.string().min(1).max(MAX_REF_LENGTH).meta({
  description: "What the publication answers: the app's own name for a change. Clients are told it.",
});

export const position = z.object({ epoch: z.string().min(1).max(MAX_EPOCH_LENGTH), offset }).meta({
  id: 'Position',
  description:
    'A place in a channel. `offset` counts publications from 1, 0 is before the first; `epoch` names the incarnation of the channel they are counted in.',
});

const kept = {
  offset: z.int().min(1),
  atMs: z.number().meta({ description: 'When it was taken, ms since 1970.' }),
  by: userId.optional().meta({ description: 'Who published it; absent: the server.' }),
  version: offset.optional().meta({ description: "The publisher's version of a key's value." }),
  ref: ref.optional(),
};

export const publication = z
  .object({
    ...kept,
    key: key.optional().meta({ description: 'Of a map: the key that it sets or deletes.' }),
    data: z.unknown().optional().meta({ description: 'The payload; absent where a key was deleted.' }),
    del: z.literal(true).optional().meta({ description: 'The key was deleted, or ran out.' }),
  })
  .meta({ id: 'Publication' });

export const mapEntry = z
  .object({ ...kept, key, data: z.unknown().meta({ description: 'The value.' }) })
  .meta({ id: 'MapEntry', description: 'A key of a map as it is now.' });

export const historyPage = z
  .object({
    top: position,
    publications: z.array(publication).meta({ description: 'In the order asked for.' }),
    more: z.boolean().meta({ description: 'There are more in that direction.' }),
    floor: offset.meta({ description: 'The offset before the oldest publication that is kept.' }),
  })
  .meta({ id: 'HistoryPage' });

export const entriesPage = z
  .object({
    top: position.meta({
      description: 'Read before the entries: whoever applies what follows it to them misses nothing.',
    }),
    entries: z.array(mapEntry).meta({ description: 'By key, in the order of UTF-16 units.' }),
    next: key.optional().meta({ description: 'Ask for the page behind this key; absent: it was the last.' }),
  })
  .meta({ id: 'EntriesPage' });

export const channelInfo = z
  .object({
    channel: channelName,
    pattern: z.string().meta({ description: 'The pattern of the contract that it fits.' }),
    kind: z.enum(['stream', 'map', 'signal', 'document']),
    position: position.optional().meta({ description: 'Its top; signals have none.' }),
    subscribers: z.int().min(0).meta({ description: 'Sessions on this node that are subscribed.' }),
    members: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Users in it; absent where the contract declares no members.' }),
  })
  .meta({ id: 'ChannelInfo' });

export const channelList = z.object({
  channels: z.array(channelName).meta({ description: 'In their order.' }),
  next: channelName.optional().meta({ description: 'Ask for the page behind it; absent: it was the last.' }),
});

export const memberList = z.object({
  users: z.array(userId).meta({ description: 'In their order.' }),
  count: z.int().min(0).meta({ description: 'How many are in the channel.' }),
  next: userId.optional().meta({ description: 'Ask for the page behind it; absent: it was the last.' }),
});

export const published = z
  .object({
    epoch: z.string().min(1).max(MAX_EPOCH_LENGTH).optional().meta({ description: 'Signals have none.' }),
    offset: offset.optional().meta({ description: 'Signals have none.' }),
    duplicate: z.boolean().meta({ description: 'It had been published before, at this position.' }),
    outdated: z
      .boolean()
      .meta({ description: 'Nothing was published: the key has this version or a newer one.' }),
  })
  .meta({ id: 'Published' });
