import * as z from 'zod';
import type { AuthenticateHook } from '../auth/hook-authenticator.ts';
import type { JwtRules } from '../auth/jwt.ts';
import { jwksUrlProblem } from '../auth/jwks-authenticator.ts';
import { secretProblem } from '../auth/secret-authenticator.ts';
import { hook, list, text } from './setting.ts';

/** How logins are checked: exactly one way. */
export type AuthConfig =
  | { readonly kind: 'secret'; readonly secret: string; readonly rules: JwtRules }
  | { readonly kind: 'jwks'; readonly url: URL; readonly rules: JwtRules }
  | { readonly kind: 'hook'; readonly authenticate: AuthenticateHook };

const nothingWrong = (): undefined => undefined;

export const authSchema = z
  .strictObject({
    secret: text(
      'Secret of at least 32 bytes that signs login tokens (HS256).',
      { env: 'CARILLON_JWT_SECRET', secret: true },
      secretProblem,
    ).optional(),
    jwksUrl: text(
      'Address of the key set of an identity provider (RS256, ES256, EdDSA); https, or http on loopback.',
      { env: 'CARILLON_JWKS_URL' },
      jwksUrlProblem,
    ).optional(),
    authenticate: hook<AuthenticateHook>(
      "The app's own check: `({ token, username, signal }) => { user, expiresAtMs? } | null`, at most 5 s.",
    ).optional(),
    issuer: text(
      'The `iss` that login tokens must have.',
      { env: 'CARILLON_JWT_ISSUER' },
      nothingWrong,
    ).optional(),
    audience: list(
      'Login tokens must name one of these in `aud`.',
      { env: 'CARILLON_JWT_AUDIENCE' },
      nothingWrong,
    ).optional(),
  })
  .superRefine((auth, context) => {
    const ways = (['secret', 'jwksUrl', 'authenticate'] as const).filter((way) => auth[way] !== undefined);
    if (ways.length > 1) {
      context.addIssue({
        code: 'custom',
        message: `is set in ${ways.length} ways (${ways.join(', ')}): keep one and remove the others`,
      });
    }
    if (auth.authenticate !== undefined && (auth.issuer !== undefined || auth.audience !== undefined)) {
      context.addIssue({
        code: 'custom',
        message: 'has an authenticate hook, so issuer and audience would check nothing: remove them',
      });
    }
  });

export function toAuthConfig(auth: z.output<typeof authSchema> | undefined): AuthConfig | null {
  if (auth === undefined) return null;
  const rules: JwtRules = {
    issuer: auth.issuer ?? null,
    audience: auth.audience === undefined || auth.audience.length === 0 ? null : auth.audience,
  };
  if (auth.secret !== undefined) return { kind: 'secret', secret: auth.secret, rules };
  if (auth.jwksUrl !== undefined) return { kind: 'jwks', url: new URL(auth.jwksUrl), rules };
  if (auth.authenticate !== undefined) return { kind: 'hook', authenticate: auth.authenticate };
  return null;
}
