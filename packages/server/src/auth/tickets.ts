import { createHmac } from 'node:crypto';
import { MAX_GRANT_LENGTH } from '@carillon/protocol';
import { jwtVerify, SignJWT } from 'jose';
import type { Tickets } from '../ports/tickets.ts';
import { importSecret } from './secret-authenticator.ts';

/** The `aud` of a ticket: no login token and no grant has it. */
const TICKET_AUDIENCE = 'carillon:ticket';

/** Of a proof, in characters of base64url: 132 bits. */
const PROOF_LENGTH = 22;

/**
 * Tickets as JWTs (RFC 7519) that only this server makes: HS256, `aud` "carillon:ticket", `jti`, `sub` the user, `ch` the channel, `sid`
 * the session, `rule` whether a rule gave the right, `use` when it must have been used (ms), `exp`.
 *
 * @param secret must have no `secretProblem`
 */
export function createTickets(secret: string): Tickets {
  const key = importSecret(secret);
  return {
    async sign({ id, user, channel, session, isByRule, issuedAtMs, useByMs, expiresAtMs }) {
      return new SignJWT({
        ...{ ch: channel, use: useByMs },
        ...(session === null ? {} : { sid: session }),
        ...(isByRule ? { rule: true } : {}),
      })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setAudience(TICKET_AUDIENCE)
        .setJti(id)
        .setSubject(user)
        .setIssuedAt(issuedAtMs / 1000)
        .setExpirationTime(expiresAtMs / 1000)
        .sign(await key);
    },
    async verify(text, nowMs) {
      if (text.length > MAX_GRANT_LENGTH) return null;
      try {
        const { payload } = await jwtVerify(text, await key, {
          algorithms: ['HS256'],
          audience: TICKET_AUDIENCE,
          requiredClaims: ['exp', 'iat', 'sub', 'jti', 'ch', 'use'],
          currentDate: new Date(nowMs),
        });
        const { jti, sub, iat, exp } = payload;
        const { ch, use, sid = null, rule = false } = payload as Readonly<Record<string, unknown>>;
        if (typeof jti !== 'string' || typeof sub !== 'string' || typeof ch !== 'string') return null;
        if (typeof iat !== 'number' || typeof exp !== 'number' || typeof use !== 'number') return null;
        if (sid !== null && typeof sid !== 'string') return null;
        const expiresAtMs = Math.round(exp * 1000);
        if (expiresAtMs <= nowMs) return null;
        const issuedAtMs = Math.round(iat * 1000);
        return {
          ...{ id: jti, user: sub, channel: ch, session: sid, isByRule: rule === true },
          ...{ issuedAtMs, useByMs: use, expiresAtMs },
        };
      } catch {
        // Whatever jose has against it: it is no ticket of ours.
        return null;
      }
    },
    proof: (id) =>
      createHmac('sha256', secret)
        .update(`${TICKET_AUDIENCE}:proof:${id}`)
        .digest('base64url')
        .slice(0, PROOF_LENGTH),
  } satisfies Tickets;
}
