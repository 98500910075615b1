import { createHmac, generateKeyPairSync } from 'node:crypto';
import { MAX_GRANT_LENGTH } from '@carillon/protocol';
import { decodeJwt, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createGrants } from '../../src/auth/grants.ts';
import { createSecretAuthenticator } from '../../src/auth/secret-authenticator.ts';
import { signToken } from '../../src/auth/sign-token.ts';
import type { GrantResult } from '../../src/ports/grants.ts';
import { grantsContract } from '../../src/testing/index.ts';

const SECRET = 'a grant secret of thirty-two byt';
const NOW_MS = Date.UTC(2026, 0, 1);
const NOW = NOW_MS / 1000;

grantsContract('JWT with a secret', () =>
  Promise.resolve({
    grants: createGrants(SECRET),
    reopen: () => Promise.resolve(createGrants(SECRET)),
    foreign: createGrants(`${SECRET}!`),
    close: () => Promise.resolve(),
  }),
);

const CLAIMS = { sub: 'alice', ch: 'chat:lobby', aud: 'carillon:grant', exp: NOW + 60 };

/** A grant as another backend would make it, with nothing but HMAC and JSON. */
function minted(
  claims: object | string,
  header: object | string = { alg: 'HS256' },
  secret = SECRET,
): string {
  const part = (value: object | string): string =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const check = (text: string): Promise<GrantResult> =>
  Promise.resolve(createGrants(SECRET).verify(text, 'alice', 'chat:lobby', NOW_MS));

describe('[CHN7] grants that other backends make', () => {
  it.each([
    ['without a `typ`', minted(CLAIMS)],
    ['with a `typ`', minted(CLAIMS, { alg: 'HS256', typ: 'JWT' })],
    ['with their own claims beside', minted({ ...CLAIMS, iss: 'https://app.example', iat: NOW, jti: 'x' })],
    ['with the audience as a list', minted({ ...CLAIMS, aud: ['carillon:grant'] })],
    ['whose clock is 30 s ahead', minted({ ...CLAIMS, nbf: NOW + 30 })],
  ])('one %s is good', async (_name, text) => {
    expect(await check(text)).toEqual({
      ok: true,
      grant: { user: 'alice', channel: 'chat:lobby', expiresAtMs: NOW_MS + 60_000, role: null },
    });
  });

  const noSignature = `${minted(CLAIMS, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`;

  it.each([
    ['alg none', minted(CLAIMS, { alg: 'none' })],
    ['alg none without a signature', noSignature],
    ['alg NONE', minted(CLAIMS, { alg: 'NONE' })],
    ['no alg', minted(CLAIMS, { typ: 'JWT' })],
    ['alg HS512', minted(CLAIMS, { alg: 'HS512' })],
    ['a critical extension nobody knows', minted(CLAIMS, { alg: 'HS256', crit: ['x'], x: 1 })],
    ['another secret', minted(CLAIMS, { alg: 'HS256' }, 'another secret of thirty-two byte')],
    ['an empty secret', minted(CLAIMS, { alg: 'HS256' }, '')],
    ['no audience', minted({ ...CLAIMS, aud: undefined })],
    ['another audience', minted({ ...CLAIMS, aud: 'carillon' })],
    ['an audience that only begins so', minted({ ...CLAIMS, aud: 'carillon:grants' })],
    ['no end', minted({ ...CLAIMS, exp: undefined })],
    ['an end that is a text', minted({ ...CLAIMS, exp: String(NOW + 60) })],
    ['an end that has just come', minted({ ...CLAIMS, exp: NOW })],
    ['an end within the tolerance for nbf', minted({ ...CLAIMS, exp: NOW - 1 })],
    ['an nbf beyond the tolerance', minted({ ...CLAIMS, nbf: NOW + 31 })],
    ['no user', minted({ ...CLAIMS, sub: undefined })],
    ['a list of users', minted({ ...CLAIMS, sub: ['alice'] })],
    ['no channel', minted({ ...CLAIMS, ch: undefined })],
    ['a list of channels', minted({ ...CLAIMS, ch: ['chat:lobby'] })],
    ['a role that there is not', minted({ ...CLAIMS, role: 'owner' })],
    ['a list of roles', minted({ ...CLAIMS, role: ['write'] })],
    ['a role that is true', minted({ ...CLAIMS, role: true })],
    ['a pattern for a channel', minted({ ...CLAIMS, ch: 'chat:{room}' })],
    ['a payload that is a list', minted('[]')],
    ['a payload that is not JSON', minted('{')],
  ])('one with %s is refused', async (_name, text) => {
    expect(await check(text)).toMatchObject({ ok: false });
  });

  it('one signed by a key of another kind is refused', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const text = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
    expect(await check(text)).toMatchObject({ ok: false });
  });

  it('one is read up to the limit and not beyond', async () => {
    const padded = (length: number): string => {
      const room = length - minted({ ...CLAIMS, pad: '' }).length;
      for (let pad = Math.floor((room * 3) / 4) - 3; ; pad++) {
        const text = minted({ ...CLAIMS, pad: 'x'.repeat(pad) });
        if (text.length >= length) return text;
      }
    };
    const longest = padded(MAX_GRANT_LENGTH);
    expect(longest).toHaveLength(MAX_GRANT_LENGTH);
    expect(await check(longest)).toMatchObject({ ok: true });
    expect(await check(padded(MAX_GRANT_LENGTH + 1))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('longer'),
    });
  });
});

describe('a grant and a login token signed with one secret are never taken for each other', () => {
  const rules = { issuer: null, audience: null };
  const clock = { nowMs: () => NOW_MS };

  it('a grant logs nobody in, even where its audience is one of those configured', async () => {
    const grants = [
      await createGrants(SECRET).sign({
        user: 'alice',
        channel: 'chat:lobby',
        expiresAtMs: NOW_MS + 60_000,
        role: null,
      }),
      minted(CLAIMS),
      minted({ ...CLAIMS, aud: ['app', 'carillon:grant'] }),
    ];
    for (const audience of [null, ['app', 'carillon:grant']]) {
      const { verify } = await createSecretAuthenticator({
        secret: SECRET,
        rules: { ...rules, audience },
        clock,
      });
      for (const grant of grants)
        expect(await verify(grant, 'alice')).toMatchObject({ ok: false, code: 'token_invalid' });
    }
  });

  it('a login token grants nothing, with any audience of its own', async () => {
    for (const audience of [null, ['app'], ['carillon']]) {
      const token = await signToken({
        secret: SECRET,
        user: 'alice',
        ttlMs: 60_000,
        issuer: null,
        audience,
        nowMs: NOW_MS,
      });
      const grant = await createGrants(SECRET).verify(token, 'alice', 'chat:lobby', NOW_MS);
      expect(grant).toMatchObject({ ok: false });
    }
  });

  it('the server writes what docs/authorization.md says', async () => {
    const text = await createGrants(SECRET).sign({
      user: 'auth0|1',
      channel: 'chat:lobby',
      expiresAtMs: NOW_MS + 60_000,
      role: null,
    });
    expect(decodeJwt(text)).toEqual({ ...CLAIMS, sub: 'auth0|1' });
    const ofDocument = {
      user: 'alice',
      channel: 'doc:1',
      expiresAtMs: NOW_MS + 60_000,
      role: 'comment',
    } as const;
    expect(decodeJwt(await createGrants(SECRET).sign(ofDocument))).toEqual({
      ...CLAIMS,
      ch: 'doc:1',
      role: 'comment',
    });
  });
});
