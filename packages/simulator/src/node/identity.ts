import { createHash } from 'node:crypto';
import type { Authenticator, Secrets } from '@carillon/server/simulation';
import type { Random } from '../random.ts';
import { EPOCH_MS } from '../time/node-clock.ts';
import type { Owner, VirtualTime } from '../time/virtual-time.ts';
import { drawMs } from './latencies.ts';

/** Gives out login tokens, and checks them for the node. Keeps the true time, whatever the node's wall clock says. */
export type Issuer = {
  /** @param lifeMs how long the token is good; null for ever */
  issue(user: string, lifeMs: number | null): string;
  /** Keys cannot be had for this long. */
  fail(forMs: number): void;
  calm(): void;
  /** The node's side, in one of its lives. */
  authenticator(life: Owner, nowMs: () => number): Authenticator;
};

/** @param latencyMs the most that a check takes */
export function createIssuer(time: VirtualTime, random: Random, latencyMs: number): Issuer {
  let failingUntilMs = 0;
  let issued = 0;
  return {
    issue(user, lifeMs) {
      const expiresAtMs = lifeMs === null ? '-' : String(EPOCH_MS + time.nowMs() + lifeMs);
      return `login ${++issued} ${expiresAtMs} ${user}`;
    },
    fail(forMs) {
      failingUntilMs = time.nowMs() + forMs;
    },
    calm() {
      failingUntilMs = 0;
    },
    authenticator: (life, nowMs) =>
      ({
        async verify(token, username) {
          const latency = drawMs(random, latencyMs);
          if (latency > 0) await time.sleep(latency, life);
          const [, , until = '-', user] = /^login (\d+) (\S+) (.+)$/.exec(token) ?? [];
          if (user === undefined) return { ok: false, code: 'token_invalid', detail: 'not one of ours' };
          if (time.nowMs() < failingUntilMs) return { ok: false, code: 'unavailable', detail: 'no keys' };
          if (user !== username) return { ok: false, code: 'username_mismatch', detail: 'of another user' };
          const expiresAtMs = until === '-' ? null : Number(until);
          if (expiresAtMs !== null && expiresAtMs <= nowMs())
            return { ok: false, code: 'token_expired', detail: 'ran out' };
          return { ok: true, principal: { user, expiresAtMs } };
        },
      }) satisfies Authenticator,
  };
}

/** Tokens and ids from the seed; hashed for real. */
export function createSecrets(random: Random, fraction = () => random.fraction()): Secrets {
  let ids = 0;
  return {
    token: () => `r${Array.from({ length: 4 }, () => random.whole(0, 0xffff_ffff).toString(36)).join('')}`,
    id: () => `s${++ids}`,
    hash: (token) => createHash('sha256').update(token).digest('base64url'),
    fraction,
  } satisfies Secrets;
}
