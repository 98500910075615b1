import * as z from 'zod';
import { secretProblem } from '../auth/secret-authenticator.ts';
import { text } from './setting.ts';

export const grantsSchema = z.strictObject({
  secret: text(
    'Secret of at least 32 bytes that signs grants, for backends that make their own; unless set, the server keeps one that it made.',
    { env: 'CARILLON_GRANT_SECRET', secret: true },
    secretProblem,
  ).optional(),
});

/** What is wrong with the secret of grants beside that of logins, or undefined. */
export function grantSecretProblem(
  secret: string | undefined,
  loginSecret: string | undefined,
): string | undefined {
  if (secret === undefined || secret !== loginSecret) return undefined;
  // The server tells them apart; whatever else of the app's checks login tokens may not.
  return 'is the secret of login tokens: whoever checks those elsewhere would take a grant for one, so make another';
}
