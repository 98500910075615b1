import * as z from 'zod';
import { type CallbackSettings, DEFAULT_CALLBACK } from '../auth/authorize/callback-authorizer.ts';
import { signingSecretProblem } from '../outbound/signature.ts';
import { targetProblem } from '../outbound/target.ts';
import { text, urlAndSecret, whole } from './setting.ts';

/** For apps whose rules are in another language: the server asks them by signed HTTP. */
export const callbackSchema = z
  .strictObject({
    url: text(
      'Address that is asked who may use the channels without a rule of their own; https, or http on loopback.',
      { env: 'CARILLON_AUTHORIZE_URL' },
      targetProblem,
    ).optional(),
    secret: text(
      'Secret of at least 32 bytes that signs what is asked.',
      { env: 'CARILLON_AUTHORIZE_SECRET', secret: true },
      signingSecretProblem,
    ).optional(),
    timeoutMs: whole(
      'How long an answer may take; who cannot be asked in time cannot say yes.',
      DEFAULT_CALLBACK.timeoutMs,
      100,
      60_000,
    ),
    atOnce: whole('Requests at once.', DEFAULT_CALLBACK.atOnce, 1, 10_000),
    waiting: whole(
      'Questions that wait beside them; one more is answered `unavailable`.',
      DEFAULT_CALLBACK.waiting,
      0,
      1_000_000,
    ),
    cached: whole('Answers that are kept for as long as they say.', DEFAULT_CALLBACK.cached, 0, 10_000_000),
  })
  .superRefine(urlAndSecret('authorizeCallback'));

/** Null where nobody is asked. */
export function toCallbackSettings({
  url,
  secret,
  ...numbers
}: z.output<typeof callbackSchema>): CallbackSettings | null {
  return url === undefined || secret === undefined ? null : { url: new URL(url), secret, ...numbers };
}
