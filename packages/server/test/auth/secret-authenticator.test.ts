import { createHmac, generateKeyPairSync } from 'node:crypto';
import { decodeProtectedHeader, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { type JwtRules, MAX_TOKEN_ID_LENGTH } from '../../src/auth/jwt.ts';
import {
  createSecretAuthenticator,
  importSecret,
  secretProblem,
} from '../../src/auth/secret-authenticator.ts';
import { signToken } from '../../src/auth/sign-token.ts';
import type { Authenticator } from '../../src/ports/auth.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const NOW = NOW_MS / 1000;
const SECRET = 'a secret of exactly thirty-two b';
const ANY: JwtRules = { issuer: null, audience: null };

const authenticator = (rules: JwtRules = ANY): Promise<Authenticator> =>
  createSecretAuthenticator({ secret: SECRET, rules, clock: { nowMs: () => NOW_MS } });

async function token(claims: object, header: object = {}, secret = SECRET): Promise<string> {
  return new SignJWT({ sub: 'alice', exp: NOW + 60, ...claims })
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(await importSecret(secret));
}

/** A token put together by hand, for what no library will sign. */
function raw(header: object | string, payload: object | string, secret = SECRET): string {
  const part = (value: object | string): string =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

describe('login tokens signed with a shared secret', () => {
  it('a good token speaks for its sub until its exp', async () => {
    const { verify } = await authenticator();
    expect(await verify(await token({ exp: NOW + 90 }), 'alice')).toEqual({
      ok: true,
      principal: { user: 'alice', expiresAtMs: NOW_MS + 90_000, tokenId: null, issuedAtMs: null },
    });
  });

  it('ids that need encoding elsewhere are compared as they are', async () => {
    const { verify } = await authenticator();
    for (const user of ['auth0|1', 'a:b', 'a/b', '{x}', 'zoë', '.'])
      expect(await verify(await token({ sub: user }), user)).toMatchObject({ ok: true, principal: { user } });
  });

  it.each([
    ['a sub of another user', { sub: 'mallory' }, 'username_mismatch'],
    ['an exp that has just passed', { exp: NOW }, 'token_expired'],
    ['an exp that passed within the tolerance for nbf', { exp: NOW - 1 }, 'token_expired'],
    ['an exp long ago', { exp: NOW - 9_999 }, 'token_expired'],
    ['no exp', { exp: undefined }, 'token_invalid'],
    ['an exp that is a text', { exp: '99999999999' }, 'token_invalid'],
    ['an nbf beyond the tolerance', { nbf: NOW + 31 }, 'token_invalid'],
    ['no sub', { sub: undefined }, 'token_invalid'],
    ['a sub that is a list', { sub: ['alice'] }, 'token_invalid'],
    ['a jti that is a number', { jti: 7 }, 'token_invalid'],
    ['a jti that is too long', { jti: 'x'.repeat(MAX_TOKEN_ID_LENGTH + 1) }, 'token_invalid'],
    ['an iat that is a text', { iat: '1' }, 'token_invalid'],
  ])('%s is refused', async (_name, claims, code) => {
    const { verify } = await authenticator();
    const { exp, ...rest } = { exp: NOW + 60, sub: 'alice', ...claims };
    expect(await verify(raw({ alg: 'HS256' }, { ...rest, exp }), 'alice')).toMatchObject({ ok: false, code });
  });

  it('an nbf up to 30 s ahead is let pass: issuers have clocks of their own', async () => {
    const { verify } = await authenticator();
    expect(await verify(await token({ nbf: NOW + 30 }), 'alice')).toMatchObject({ ok: true });
  });

  it('an exp that no date holds becomes a whole number that the wire carries', async () => {
    const { verify } = await authenticator();
    expect(await verify(await token({ exp: 1e300 }), 'alice')).toEqual({
      ok: true,
      principal: { user: 'alice', expiresAtMs: Number.MAX_SAFE_INTEGER, tokenId: null, issuedAtMs: null },
    });
    expect(await verify(await token({ exp: NOW + 1.5 }), 'alice')).toMatchObject({
      principal: { expiresAtMs: NOW_MS + 1_500 },
    });
  });

  it('its jti and iat are told, for revocations', async () => {
    const { verify } = await authenticator();
    for (const jti of ['t1', '', 'x'.repeat(MAX_TOKEN_ID_LENGTH)])
      expect(await verify(await token({ jti, iat: NOW - 9.5 }), 'alice')).toMatchObject({
        ok: true,
        principal: { tokenId: jti, issuedAtMs: NOW_MS - 9_500 },
      });
  });

  it('an iat ahead of the tolerance counts as none: it would outlive every revocation of its user', async () => {
    const { verify } = await authenticator();
    expect(await verify(await token({ iat: NOW + 30 }), 'alice')).toMatchObject({
      principal: { issuedAtMs: NOW_MS + 30_000 },
    });
    for (const iat of [NOW + 31, 1e300])
      expect(await verify(await token({ iat }), 'alice')).toMatchObject({ principal: { issuedAtMs: null } });
  });

  it('issuer and audience must match where they are configured', async () => {
    const { verify } = await authenticator({ issuer: 'https://id.example', audience: ['carillon', 'other'] });
    const good = { iss: 'https://id.example', aud: ['x', 'carillon'] };
    expect(await verify(await token(good), 'alice')).toMatchObject({ ok: true });
    for (const wrong of [
      { ...good, iss: 'https://evil.example' },
      { ...good, aud: 'x' },
      { aud: 'carillon' },
      { iss: good.iss },
    ])
      expect(await verify(await token(wrong), 'alice')).toMatchObject({ ok: false, code: 'token_invalid' });
  });

  it.each([
    ['alg none', raw({ alg: 'none' }, { sub: 'alice', exp: NOW + 60 })],
    [
      'alg none without a signature',
      `${raw({ alg: 'none' }, { sub: 'alice', exp: NOW + 60 })
        .split('.')
        .slice(0, 2)
        .join('.')}.`,
    ],
    ['alg NONE', raw({ alg: 'NONE' }, { sub: 'alice', exp: NOW + 60 })],
    ['no alg', raw({ typ: 'JWT' }, { sub: 'alice', exp: NOW + 60 })],
    ['alg HS512 with the same secret', raw({ alg: 'HS512' }, { sub: 'alice', exp: NOW + 60 })],
    ['alg RS256', raw({ alg: 'RS256' }, { sub: 'alice', exp: NOW + 60 })],
    [
      'a critical extension nobody knows',
      raw({ alg: 'HS256', crit: ['x'], x: 1 }, { sub: 'alice', exp: NOW + 60 }),
    ],
    [
      'another secret',
      raw({ alg: 'HS256' }, { sub: 'alice', exp: NOW + 60 }, 'some other secret of 32 bytes!!!'),
    ],
    ['a payload that is a list', raw({ alg: 'HS256' }, '[]')],
    ['a payload that is not JSON', raw({ alg: 'HS256' }, '{')],
    ['a header that is not JSON', raw('{', { sub: 'alice', exp: NOW + 60 })],
    ['nothing', ''],
    ['dots', '...'],
    ['text', 'not a token'],
    ['binary', '\u0000\uffff'],
    ['8193 characters', 'x'.repeat(8193)],
  ])('%s is no good token', async (_name, bad) => {
    const { verify } = await authenticator();
    expect(await verify(bad, 'alice')).toMatchObject({ ok: false, code: 'token_invalid' });
  });

  it('one flipped character of any part is noticed', async () => {
    const { verify } = await authenticator();
    const good = await token({});
    for (const [index, part] of good.split('.').entries()) {
      const parts = good.split('.');
      parts[index] = (part.startsWith('e') ? 'f' : 'e') + part.slice(1);
      expect(await verify(parts.join('.'), 'alice')).toMatchObject({ ok: false, code: 'token_invalid' });
    }
  });

  it('no answer repeats the token', async () => {
    const { verify } = await authenticator();
    for (const bad of [await token({ sub: 'mallory' }), await token({ exp: 1 }), raw({ alg: 'none' }, {})])
      for (const part of bad.split('.'))
        expect(JSON.stringify(await verify(bad, 'alice'))).not.toContain(part);
  });
});

describe('which secrets are taken', () => {
  it('31 bytes are too few, 32 are enough, counted in UTF-8', () => {
    expect(secretProblem('x'.repeat(31))).toMatch(/31 bytes.*32/);
    expect(secretProblem('x'.repeat(32))).toBeUndefined();
    expect(secretProblem('é'.repeat(16))).toBeUndefined();
  });

  it('a public key is no secret: everyone could sign with it', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    expect(secretProblem(pem)).toMatch(/PEM/);
    expect(secretProblem(`\n${pem}`)).toMatch(/PEM/);
  });

  it('no complaint repeats the secret', () => {
    expect(secretProblem('hunter2')).not.toContain('hunter2');
  });
});

describe('tokens made here', () => {
  it("are checked like anybody else's, issuer and audience included", async () => {
    const rules: JwtRules = { issuer: 'https://id.example', audience: ['carillon'] };
    const made = await signToken({ secret: SECRET, user: 'auth0|1', ttlMs: 1_500, ...rules, nowMs: NOW_MS });
    expect(decodeProtectedHeader(made)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const { verify } = await authenticator(rules);
    expect(await verify(made, 'auth0|1')).toEqual({
      ok: true,
      principal: { user: 'auth0|1', expiresAtMs: NOW_MS + 2_000, tokenId: null, issuedAtMs: NOW_MS },
    });
  });
});
