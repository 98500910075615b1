import { generateKeyPairSync } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { LOGIN_SECRET, loginToken, signed } from './scene/login-token.ts';

const nowS = (): number => Math.floor(Date.now() / 1000);
/** Ten minutes from now, in seconds since the epoch. */
export const soonS = (): number => nowS() + 600;
const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A login token that does not do for a user, and how its login ends. */
export type Forgery = [
  title: string,
  token: (user: string) => Promise<string> | string,
  code: string,
  closeCode: number,
];

export const FORGERIES: readonly Forgery[] = [
  ['one that ran out', (user) => signed({ sub: user, exp: nowS() - 1 }, LOGIN_SECRET), 'token_expired', 4100],
  ['one that ran out in 1970', (user) => signed({ sub: user, exp: 1 }, LOGIN_SECRET), 'token_expired', 4100],
  ['one that never runs out', (user) => signed({ sub: user }, LOGIN_SECRET), 'token_invalid', 4200],
  [
    'one that is not yet valid',
    (user) => signed({ sub: user, nbf: nowS() + 300, exp: soonS() }, LOGIN_SECRET),
    'token_invalid',
    4200,
  ],
  ['one without a user', () => signed({ exp: soonS() }, LOGIN_SECRET), 'token_invalid', 4200],
  ['one of another user', () => loginToken('watched'), 'username_mismatch', 4201],
  ['one of a user in other case', (user) => loginToken(user.toUpperCase()), 'username_mismatch', 4201],
  [
    'one signed with another secret',
    (user) => signed({ sub: user, exp: soonS() }, 'another-secret-of-at-least-32-bytes-of-text'),
    'token_invalid',
    4200,
  ],
  [
    'one signed with the empty start of the secret',
    (user) => signed({ sub: user, exp: soonS() }, LOGIN_SECRET.slice(0, 32)),
    'token_invalid',
    4200,
  ],
  [
    'one signed with HS512 and the right secret',
    (user) => signed({ sub: user, exp: soonS() }, LOGIN_SECRET, 'HS512'),
    'token_invalid',
    4200,
  ],
  [
    'an unsecured one (alg none)',
    (user) => new UnsecuredJWT({ sub: user }).setExpirationTime('10m').encode(),
    'token_invalid',
    4200,
  ],
  ['alg none beside a right signature', reheaded({ alg: 'none' }), 'token_invalid', 4200],
  ['alg nOnE', reheaded({ alg: 'nOnE' }), 'token_invalid', 4200],
  ['no alg at all', reheaded({ typ: 'JWT' }), 'token_invalid', 4200],
  [
    'a critical extension that nobody knows',
    reheaded({ alg: 'HS256', crit: ['x'], x: 1 }),
    'token_invalid',
    4200,
  ],
  [
    "one signed with somebody's own RSA key",
    (user) => signedWithOwnKey('RS256', user),
    'token_invalid',
    4200,
  ],
  [
    "one signed with somebody's own Ed25519 key, the key beside it",
    (user) => signedWithOwnKey('EdDSA', user),
    'token_invalid',
    4200,
  ],
  ['one whose payload was changed after signing', repayloaded, 'token_invalid', 4200],
  [
    'one without its signature',
    async (user) => `${(await loginToken(user)).split('.').slice(0, 2).join('.')}.`,
    'token_invalid',
    4200,
  ],
  [
    'one with half its signature',
    async (user) => (await loginToken(user)).slice(0, -20),
    'token_invalid',
    4200,
  ],
  ['one whose parts are four', async (user) => `${await loginToken(user)}.e30`, 'token_invalid', 4200],
  ['words', () => 'let me in', 'token_invalid', 4200],
  ['dots', () => '..', 'token_invalid', 4200],
  ['a NUL and quotes', () => '\u0000"\'--', 'token_invalid', 4200],
  [
    '8,192 characters',
    () => `${'x'.repeat(4_000)}.${'y'.repeat(4_000)}.${'z'.repeat(190)}`,
    'token_invalid',
    4200,
  ],
];

function reheaded(header: object): (user: string) => Promise<string> {
  return async (user) => {
    const [, payload, signature] = (await loginToken(user)).split('.');
    return `${encoded(header)}.${payload}.${signature}`;
  };
}

async function repayloaded(user: string): Promise<string> {
  const [header, , signature] = (await loginToken('somebody else')).split('.');
  return `${header}.${encoded({ sub: user, exp: soonS() })}.${signature}`;
}

function signedWithOwnKey(alg: 'RS256' | 'EdDSA', user: string): Promise<string> {
  const { privateKey, publicKey } =
    alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
  const jwk = publicKey.export({ format: 'jwk' }) as { kty: string };
  return new SignJWT({ sub: user, exp: soonS() }).setProtectedHeader({ alg, jwk }).sign(privateKey);
}
