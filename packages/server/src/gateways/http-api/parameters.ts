import {
  DEFAULT_PAGE_SIZE,
  MAX_CHANNEL_LENGTH,
  MAX_KEY_LENGTH,
  MAX_NAME_LENGTH,
  MAX_PAGE_SIZE,
  MAX_PUBLICATION_ID_LENGTH,
  MAX_USER_ID_LENGTH,
} from '@carillon/protocol';
import * as z from 'zod';
import { wholeNumber } from './read-request.ts';
import type { PathParameter } from './route.ts';

// Parts of paths and queries that several routes have.

export const user: PathParameter = {
  about: 'User id.',
  schema: z.string().min(1).max(MAX_USER_ID_LENGTH),
  invalid: 'user_id_invalid',
};

export const otherUser: PathParameter = { ...user, about: 'Id of the other user.' };

export const channel: PathParameter = {
  about: "The channel's name, percent-encoded once more: `chat:a%20b` is `chat%3Aa%2520b` here.",
  schema: z.string().min(1).max(MAX_CHANNEL_LENGTH),
  invalid: 'channel_invalid',
};

export const session: PathParameter = {
  about: 'Session id, as `token.session` names it.',
  schema: z.string().min(1).max(64),
  invalid: 'session_unknown',
};

export const callName: PathParameter = {
  about: 'Name of a call that the contract declares for clients.',
  schema: z.string().min(1).max(MAX_NAME_LENGTH),
  invalid: 'call_unknown',
};

export const pageSize = wholeNumber(1, MAX_PAGE_SIZE)
  .default(DEFAULT_PAGE_SIZE)
  .meta({ description: `How many at most; ${MAX_PAGE_SIZE} at the most.` });

/** Where a page of names begins. */
export const afterName = z
  .string()
  .min(1)
  .max(MAX_KEY_LENGTH)
  .optional()
  .meta({ description: 'The page begins behind this one: `next` of the page before.' });

export const version: PathParameter = {
  about: 'Id of a version.',
  schema: z.string().min(1).max(64),
  invalid: 'version_unknown',
};

export const publicationId = z.string().min(1).max(MAX_PUBLICATION_ID_LENGTH);

export const idempotencyKey = z
  .string()
  .transform(unquoted)
  .pipe(publicationId)
  .optional()
  .meta({ description: 'The same as `id`; quoted or not.' });

/** The key in the quotes of a structured header (RFC 9651, section 3.3.3), or bare as most clients send it. */
function unquoted(text: string): string {
  const match = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text.trim());
  return match?.[1] === undefined ? text.trim() : match[1].replaceAll(/\\(.)/g, '$1');
}
