import { MAX_NAME_LENGTH } from '@carillon/protocol';
import * as z from 'zod';
import { EDITS_PER_REQUEST, type VersionHead } from '../../runtime/documents/documents-api.ts';
import { position, userId } from './channel-schemas.ts';
import { publicationId } from './parameters.ts';

// What requests and answers about documents are made of. The ids name the schemas in the OpenAPI document.

/** The longest name of a root type, or key of a map, that edits name. */
const MAX_ROOT_LENGTH = 255;

const name = z.string().min(1).max(MAX_ROOT_LENGTH);
const at = name.meta({ description: 'The root type by its name.' });
const place = z.int().min(0);

const edit = z
  .discriminatedUnion('op', [
    z.object({
      op: z.literal('insert').meta({ description: 'Puts text into a text.' }),
      at,
      index: place.meta({ description: 'In UTF-16 units.' }),
      text: z.string().min(1),
    }),
    z.object({
      op: z.literal('delete').meta({ description: 'Takes out of a text, or entries out of an array.' }),
      at,
      index: place,
      length: z.int().min(1),
    }),
    z.object({
      op: z.literal('set').meta({ description: 'Sets a key of a map.' }),
      at,
      key: name,
      value: z.unknown(),
    }),
    z.object({ op: z.literal('unset').meta({ description: 'Deletes a key of a map.' }), at, key: name }),
    z.object({
      op: z.literal('push').meta({ description: 'Appends to an array.' }),
      at,
      values: z.array(z.unknown()).min(1),
    }),
  ])
  .meta({ id: 'DocumentEdit' });

export const by = userId.optional().meta({ description: "Whose change it is; absent: the server's." });

export const editsBody = z.object({
  edits: z
    .array(edit)
    .min(1)
    .max(EDITS_PER_REQUEST)
    .meta({ description: 'One after the other, as one change.' }),
  by,
  id: publicationId
    .optional()
    .meta({ description: 'Idempotency id: the same id edits once, within five minutes at least.' }),
});

export const changed = z
  .object({
    position: position.meta({ description: 'Where the change stands.' }),
    duplicate: z.boolean().meta({ description: 'Nothing of it was new, or it had been made under this id.' }),
  })
  .meta({ id: 'DocumentChanged' });

const content = z
  .record(z.string(), z.unknown())
  .meta({ description: 'What the document says, by the names of its root types.' });

export const documentBody = z.object({ position, json: content });

export const versionHead = z
  .object({
    id: z.string().min(1).max(64).meta({ description: 'Later ones sort behind.' }),
    name: z
      .string()
      .min(1)
      .max(MAX_NAME_LENGTH)
      .optional()
      .meta({ description: 'Absent: it has none, and goes when there are too many.' }),
    atMs: z.number().meta({ description: 'When it was made, ms since 1970.' }),
    by: userId.optional().meta({ description: 'Who made it; absent: the server.' }),
    position: position.meta({ description: 'Where the document stood.' }),
    bytes: z.int().min(0).meta({ description: 'Of its state.' }),
  })
  .meta({ id: 'DocumentVersion' });

export const versionBody = z.object({ version: versionHead, json: content });

export const versionPage = z.object({
  versions: z.array(versionHead).meta({ description: 'Newest first.' }),
  next: z.string().optional().meta({ description: 'Ask for those before it; absent: it was the last page.' }),
});

export const newVersion = z.object({
  name: z
    .string()
    .min(1)
    .max(MAX_NAME_LENGTH)
    .optional()
    .meta({ description: 'Unless given it has none, and is kept among those that are made by themselves.' }),
  by,
});

export const restored = z.object({
  position,
  changed: z.boolean().meta({ description: 'Whether there was anything to change.' }),
});

export const documentDiff = z.object({
  diff: z.array(
    z.object({
      root: z.string(),
      kind: z.enum(['text', 'xml', 'map', 'array']),
      parts: z.array(z.object({ op: z.enum(['same', 'added', 'removed']), text: z.string() })).meta({
        description: 'Texts and XML as their text; maps and arrays as the JSON text of each entry.',
      }),
    }),
  ),
});

export const authorList = z.object({
  position,
  roots: z
    .record(
      z.string(),
      z.array(
        z.object({
          by: userId.optional().meta({ description: 'Absent: the server, or nobody who is known.' }),
          length: z.int().min(0),
          text: z.string(),
        }),
      ),
    )
    .meta({ description: 'Who wrote what, in runs, by the names of root types.' }),
});

/** A version as an answer has it: without what there is none of. */
export function written({
  id,
  name: label,
  atMs,
  by: maker,
  position: at,
  bytes,
}: VersionHead): z.input<typeof versionHead> {
  return {
    id,
    ...(label === null ? {} : { name: label }),
    atMs,
    ...(maker === null ? {} : { by: maker }),
    position: { ...at },
    bytes,
  };
}
