import { isLoopback } from '../outbound/target.ts';
import type { Authenticator } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { checkJwt, type JwtRules } from './jwt.ts';
import { createKeySet } from './key-set.ts';

/** Asymmetric alone: a published key must never be taken for a shared secret (RFC 8725, section 2.1). */
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;

export type JwksAuthenticatorOptions = {
  readonly url: URL;
  readonly rules: JwtRules;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly telemetry: Pick<Telemetry, 'warn'>;
  readonly fetchTimeLimitMs?: number;
};

/** Why keys must not be taken from a URL, or undefined. */
export function jwksUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return `has the scheme ${url.protocol}, and keys come over https:`;
  // Over plain http anyone on the way could put their own key in.
  return isLoopback(url.hostname) ? undefined : 'is http: on another machine, and keys must come over https:';
}

/** Tokens signed by an identity provider whose public keys are published as a JWKS. */
export function createJwksAuthenticator(options: JwksAuthenticatorOptions): Authenticator {
  const { rules, clock } = options;
  const key = createKeySet(options);
  return {
    verify: (token, username) =>
      checkJwt(token, username, { key, algorithms: ALGORITHMS, rules, nowMs: clock.nowMs() }),
  };
}
