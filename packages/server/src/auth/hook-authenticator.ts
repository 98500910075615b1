import { MAX_LOGIN_TOKEN_LENGTH } from '@carillon/protocol';
import type { AuthResult, Authenticator } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { MAX_TOKEN_ID_LENGTH, MAX_USER_NAME_LENGTH } from './jwt.ts';

/** What an app's hook says of a token: whom it speaks for. */
export type Identity = {
  readonly user: string;
  /** What others are shown as the user's name by gateways that show one. */
  readonly name?: string | null;
  /** When the session must be given a new token, ms since the epoch; absent or null: never. */
  readonly expiresAtMs?: number | null;
  /** What the token is called when it is revoked, and when it was issued, ms since the epoch. */
  readonly tokenId?: string | null;
  readonly issuedAtMs?: number | null;
};

export type AuthenticateRequest = {
  readonly token: string;
  readonly username: string;
  /** Fires when the answer no longer counts. */
  readonly signal: AbortSignal;
};

/** An app's own check of login tokens. Resolves null where the token is not good; throws where it could not find out. */
export type AuthenticateHook = (request: AuthenticateRequest) => Identity | null | Promise<Identity | null>;

/** How long a hook may take: well below the time in which a login must come (10 s). */
export const HOOK_TIME_LIMIT_MS = 5_000;

export type HookAuthenticatorOptions = {
  readonly authenticate: AuthenticateHook;
  readonly clock: Pick<Clock, 'nowMs' | 'setTimer'>;
  readonly telemetry: Pick<Telemetry, 'warn'>;
};

/** Tokens that the app itself understands. */
export function createHookAuthenticator({
  authenticate,
  clock,
  telemetry,
}: HookAuthenticatorOptions): Authenticator {
  function unavailable(problem: string): AuthResult {
    telemetry.warn('authenticate_hook_failed', { problem });
    return { ok: false, code: 'unavailable', detail: 'the authenticate hook failed' };
  }

  async function ask(token: string, username: string, signal: AbortSignal): Promise<AuthResult> {
    try {
      const identity: unknown = await authenticate({ token, username, signal });
      if (signal.aborted)
        return { ok: false, code: 'unavailable', detail: 'the authenticate hook took too long' };
      if (identity === null)
        return { ok: false, code: 'token_invalid', detail: 'the authenticate hook refused it' };
      if (!isIdentity(identity))
        return unavailable('it resolved neither null nor { user, expiresAtMs?, tokenId?, issuedAtMs? }');
      const { expiresAtMs = null, tokenId = null, issuedAtMs = null } = identity;
      if (expiresAtMs !== null && expiresAtMs <= clock.nowMs()) {
        return { ok: false, code: 'token_expired', detail: 'its time has passed' };
      }
      if (identity.user !== username)
        return { ok: false, code: 'username_mismatch', detail: 'it speaks for another user' };
      const name = identity.name?.slice(0, MAX_USER_NAME_LENGTH);
      return {
        ok: true,
        principal: {
          user: identity.user,
          ...(name === undefined ? {} : { name }),
          expiresAtMs,
          tokenId,
          issuedAtMs,
        },
      };
    } catch (error) {
      if (signal.aborted)
        return { ok: false, code: 'unavailable', detail: 'the authenticate hook took too long' };
      return unavailable(withoutToken(error, token));
    }
  }

  return {
    verify(token, username) {
      if (token.length > MAX_LOGIN_TOKEN_LENGTH) {
        return Promise.resolve({
          ok: false,
          code: 'token_invalid',
          detail: `longer than ${MAX_LOGIN_TOKEN_LENGTH} characters`,
        });
      }
      const limit = new AbortController();
      return new Promise((resolve) => {
        const timer = clock.setTimer(HOOK_TIME_LIMIT_MS, () => {
          limit.abort();
          resolve(unavailable(`it took longer than ${HOOK_TIME_LIMIT_MS} ms`));
        });
        void ask(token, username, limit.signal).then((result) => {
          timer.cancel();
          resolve(result);
        });
      });
    },
  };
}

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null || !('user' in value) || typeof value.user !== 'string')
    return false;
  if ('name' in value && !isAbsent(value.name) && typeof value.name !== 'string') return false;
  if ('tokenId' in value && !isAbsent(value.tokenId) && !isTokenId(value.tokenId)) return false;
  if ('issuedAtMs' in value && !isAbsent(value.issuedAtMs) && !Number.isSafeInteger(value.issuedAtMs))
    return false;
  return !('expiresAtMs' in value) || isAbsent(value.expiresAtMs) || Number.isSafeInteger(value.expiresAtMs);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isTokenId(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TOKEN_ID_LENGTH;
}

/** What a hook threw, for the log: hooks like to quote what they were given. */
function withoutToken(error: unknown, token: string): string {
  const text =
    error instanceof Error ? `${error.name}: ${error.message}` : 'it threw something that is no Error';
  return text.replaceAll(token, '[token]').slice(0, 500);
}
