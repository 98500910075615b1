import { createHookAuthenticator } from '../auth/hook-authenticator.ts';
import { createJwksAuthenticator } from '../auth/jwks-authenticator.ts';
import { createSecretAuthenticator } from '../auth/secret-authenticator.ts';
import type { AuthConfig } from '../config/auth-settings.ts';
import type { Authenticator } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/** The way logins are checked, as configured. */
export async function createAuthenticator(
  auth: AuthConfig,
  clock: Clock,
  telemetry: Telemetry,
): Promise<Authenticator> {
  switch (auth.kind) {
    case 'secret':
      return createSecretAuthenticator({ secret: auth.secret, rules: auth.rules, clock });
    case 'jwks':
      return createJwksAuthenticator({ url: auth.url, rules: auth.rules, clock, telemetry });
    case 'hook':
      return createHookAuthenticator({ authenticate: auth.authenticate, clock, telemetry });
  }
}
