import { createHmac } from 'node:crypto';
import { type CryptoKey, exportSPKI, importJWK, UnsecuredJWT } from 'jose';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createJwksAuthenticator, jwksUrlProblem } from '../../src/auth/jwks-authenticator.ts';
import { MAX_KEY_SET_BYTES } from '../../src/auth/key-fetch.ts';
import { FETCH_BURST, FETCH_COOL_DOWN_MS, KEYS_FRESH_MS, KEYS_USABLE_MS } from '../../src/auth/key-set.ts';
import type { Authenticator } from '../../src/ports/auth.ts';
import { createVirtualClock, type VirtualClock } from '../runtime/virtual-clock.ts';
import { type KeyServer, newKey, type SigningKey, sign, startKeyServer } from './key-server.ts';

type Warning = { readonly event: string; readonly detail: Readonly<Record<string, unknown>> };
type Bench = { readonly auth: Authenticator; readonly clock: VirtualClock; readonly warnings: Warning[] };

let rs: SigningKey;
let es: SigningKey;
let ed: SigningKey;
const servers: KeyServer[] = [];

beforeAll(async () => {
  [rs, es, ed] = await Promise.all([newKey('RS256', 'rs'), newKey('ES256', 'es'), newKey('EdDSA', 'ed')]);
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function keyServer(...keys: readonly SigningKey[]): Promise<KeyServer> {
  const server = await startKeyServer(...keys.map(({ jwk }) => jwk));
  servers.push(server);
  return server;
}

function bench(server: KeyServer, fetchTimeLimitMs = 5_000): Bench {
  const clock = createVirtualClock();
  const warnings: Warning[] = [];
  const auth = createJwksAuthenticator({
    url: server.url,
    rules: { issuer: null, audience: null },
    clock,
    telemetry: { warn: (event, detail) => void warnings.push({ event, detail }) },
    fetchTimeLimitMs,
  });
  return { auth, clock, warnings };
}

const good = { ok: true, principal: { user: 'alice' } };
const invalid = { ok: false, code: 'token_invalid' };
const unavailable = { ok: false, code: 'unavailable' };

describe('login tokens of an identity provider', () => {
  it('RS256, ES256 and EdDSA are taken, each by its key id, with one fetch', async () => {
    const server = await keyServer(rs, es, ed);
    const { auth, clock } = bench(server);
    for (const key of [rs, es, ed])
      expect(await auth.verify(await sign(key, clock.nowMs()), 'alice')).toMatchObject(good);
    expect(server.requests).toBe(1);
  });

  it('a hundred logins at once fetch the keys once', async () => {
    const server = await keyServer(rs);
    const { auth, clock } = bench(server);
    const token = await sign(rs, clock.nowMs());
    const results = await Promise.all(Array.from({ length: 100 }, () => auth.verify(token, 'alice')));
    for (const result of results) expect(result).toMatchObject(good);
    expect(server.requests).toBe(1);
  });

  it('expiry and user are checked as with a secret', async () => {
    const { auth, clock } = bench(await keyServer(es));
    const now = clock.nowMs() / 1000;
    expect(await auth.verify(await sign(es, clock.nowMs(), { exp: now }), 'alice')).toMatchObject({
      code: 'token_expired',
    });
    expect(await auth.verify(await sign(es, clock.nowMs()), 'bob')).toMatchObject({
      code: 'username_mismatch',
    });
  });

  it('a published key used as an HS256 secret is refused', async () => {
    const { auth, clock } = bench(await keyServer(rs));
    const pem = await exportSPKI((await importJWK(rs.jwk, 'RS256', { extractable: true })) as CryptoKey);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const kid of ['rs', undefined]) {
      const input = `${part({ alg: 'HS256', kid })}.${part({ sub: 'alice', exp: clock.nowMs() / 1000 + 60 })}`;
      for (const secret of [pem, pem.trim(), JSON.stringify(rs.jwk), rs.jwk.n ?? '']) {
        const forged = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
        expect(await auth.verify(forged, 'alice')).toMatchObject(invalid);
      }
    }
  });

  it('a shared secret that is published by mistake signs nothing', async () => {
    const server = await keyServer();
    server.publish({ kty: 'oct', kid: 'oct', alg: 'HS256', k: Buffer.alloc(32).toString('base64url') });
    const { auth, clock } = bench(server);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const input = `${part({ alg: 'HS256', kid: 'oct' })}.${part({ sub: 'alice', exp: clock.nowMs() / 1000 + 60 })}`;
    const forged = `${input}.${createHmac('sha256', Buffer.alloc(32)).update(input).digest('base64url')}`;
    expect(await auth.verify(forged, 'alice')).toMatchObject(invalid);
  });

  it('none, other algorithms and the signature of a foreign key with a known id are refused', async () => {
    const { auth, clock } = bench(await keyServer(rs));
    const none = new UnsecuredJWT({ sub: 'alice' }).setExpirationTime(clock.nowMs() / 1000 + 60).encode();
    expect(await auth.verify(none, 'alice')).toMatchObject(invalid);
    const ps = { ...(await newKey('PS256', 'rs')), kid: 'rs' };
    expect(await auth.verify(await sign(ps, clock.nowMs()), 'alice')).toMatchObject(invalid);
    const foreign = { ...(await newKey('RS256', 'rs')), kid: 'rs' };
    expect(await auth.verify(await sign(foreign, clock.nowMs()), 'alice')).toMatchObject(invalid);
    expect(await auth.verify('garbage', 'alice')).toMatchObject(invalid);
  });
});

describe('keys that change', () => {
  it('a new key is fetched when the first token names it, and the old one goes with the next fetch', async () => {
    const server = await keyServer(rs);
    const { auth, clock } = bench(server);
    expect(await auth.verify(await sign(rs, clock.nowMs()), 'alice')).toMatchObject(good);
    const next = await newKey('RS256', 'next');
    server.publish(next.jwk);
    expect(await auth.verify(await sign(next, clock.nowMs()), 'alice')).toMatchObject(good);
    expect(server.requests).toBe(2);
    expect(await auth.verify(await sign(rs, clock.nowMs()), 'alice')).toMatchObject(invalid);
  });

  it('a removed key ends once the cached ones are old, without a login waiting for the fetch', async () => {
    const server = await keyServer(rs, es);
    const { auth, clock } = bench(server);
    const token = await sign(rs, clock.nowMs(), { exp: clock.nowMs() / 1000 + 99_999 });
    expect(await auth.verify(token, 'alice')).toMatchObject(good);
    server.publish(es.jwk);
    await clock.advance(KEYS_FRESH_MS + 1);
    const asked = Promise.withResolvers<void>();
    server.answer((response) => {
      response.end(JSON.stringify({ keys: [es.jwk] }), asked.resolve);
    });
    expect(await auth.verify(token, 'alice')).toMatchObject(good);
    await asked.promise;
    await expect.poll(() => auth.verify(token, 'alice')).toMatchObject(invalid);
  });

  it('an unknown key id is refused after a fetch of its own', async () => {
    const server = await keyServer(rs);
    const { auth, clock } = bench(server);
    const stranger = await newKey('RS256', 'stranger');
    expect(await auth.verify(await sign(stranger, clock.nowMs()), 'alice')).toMatchObject(invalid);
    expect(server.requests).toBe(1);
  });

  it('made-up key ids cost the key server a few fetches and then one each cool-down; nobody is called forged unchecked', async () => {
    const server = await keyServer(rs);
    const { auth, clock } = bench(server);
    const stranger = await newKey('ES256', 'x');
    const results: unknown[] = [];
    for (let i = 0; i < 50; i++) {
      const token = await sign({ ...stranger, kid: `made-up-${i}` }, clock.nowMs());
      results.push(await auth.verify(token, 'alice'));
    }
    expect(server.requests).toBe(FETCH_BURST);
    expect(results.slice(0, FETCH_BURST)).toEqual(
      Array.from({ length: FETCH_BURST }, () => expect.objectContaining(invalid)),
    );
    expect(results.slice(FETCH_BURST)).toEqual(
      Array.from({ length: 50 - FETCH_BURST }, () => expect.objectContaining(unavailable)),
    );
    // Known keys are not touched by it.
    expect(await auth.verify(await sign(rs, clock.nowMs()), 'alice')).toMatchObject(good);
    await clock.advance(FETCH_COOL_DOWN_MS);
    for (let i = 0; i < 5; i++)
      await auth.verify(await sign({ ...stranger, kid: `again-${i}` }, clock.nowMs()), 'alice');
    expect(server.requests).toBe(FETCH_BURST + 1);
  });

  it('two keys that fit a token without a key id are not tried in turn', async () => {
    const { auth, clock } = bench(await keyServer(rs, await newKey('RS256', 'other')));
    const { kid: _kid, ...withoutId } = rs;
    const token = await sign({ ...withoutId, kid: undefined as unknown as string }, clock.nowMs());
    expect(await auth.verify(token, 'alice')).toMatchObject({
      ...invalid,
      detail: expect.stringContaining('kid'),
    });
  });
});

describe('a key server in trouble', () => {
  it('down from the start: unavailable, and good again by itself', async () => {
    const server = await keyServer(rs);
    const { auth, clock, warnings } = bench(server);
    server.answer((response) => void response.writeHead(500).end());
    const token = await sign(rs, clock.nowMs());
    expect(await auth.verify(token, 'alice')).toMatchObject(unavailable);
    expect(warnings).toEqual([
      {
        event: 'keys_unreachable',
        detail: { url: server.url.origin + '/keys', problem: 'the key server answered 500', cached: false },
      },
    ]);
    server.publish(rs.jwk);
    expect(await auth.verify(token, 'alice')).toMatchObject(good);
  });

  it('gone: cached keys go on working, unknown ones are unavailable', async () => {
    const server = await keyServer(rs);
    const { auth, clock } = bench(server);
    const token = await sign(rs, clock.nowMs(), { exp: clock.nowMs() / 1000 + 99_999 });
    expect(await auth.verify(token, 'alice')).toMatchObject(good);
    await server.close();
    const next = await newKey('RS256', 'next');
    expect(await auth.verify(await sign(next, clock.nowMs()), 'alice')).toMatchObject(unavailable);
    await clock.advance(10 * KEYS_FRESH_MS);
    expect(await auth.verify(token, 'alice')).toMatchObject(good);
  });

  it('gone for a day: the cached keys end, and are good again once it answers', async () => {
    const server = await keyServer(rs);
    const { auth, clock } = bench(server);
    const token = await sign(rs, clock.nowMs(), { exp: clock.nowMs() / 1000 + 999_999 });
    expect(await auth.verify(token, 'alice')).toMatchObject(good);
    server.answer((response) => void response.writeHead(500).end());
    await clock.advance(KEYS_USABLE_MS);
    expect(await auth.verify(token, 'alice')).toMatchObject(good);
    await clock.advance(1);
    expect(await auth.verify(token, 'alice')).toMatchObject(unavailable);
    server.publish(rs.jwk);
    await clock.advance(FETCH_COOL_DOWN_MS);
    expect(await auth.verify(token, 'alice')).toMatchObject(good);
  });

  it('hanging: unavailable when the time limit of the fetch is over', async () => {
    const server = await keyServer(rs);
    server.answer(() => undefined);
    const { auth, clock, warnings } = bench(server, 20);
    expect(await auth.verify(await sign(rs, clock.nowMs()), 'alice')).toMatchObject(unavailable);
    expect(warnings[0]?.detail['problem']).toBe('the key server did not answer within 20 ms');
  });

  it('hanging in the middle of the body: the same', async () => {
    const server = await keyServer(rs);
    server.answer((response) => void response.write('{"keys":['));
    const { auth, clock } = bench(server, 50);
    expect(await auth.verify(await sign(rs, clock.nowMs()), 'alice')).toMatchObject(unavailable);
  });

  it.each([
    ['not JSON', '<html>'],
    ['JSON of another kind', '{"keys":"no"}'],
    ['a list', '[]'],
    ['nothing', ''],
    ['more than the bound', `{"keys":[],"x":"${'x'.repeat(MAX_KEY_SET_BYTES)}"}`],
  ])('%s instead of keys: unavailable', async (_name, body) => {
    const server = await keyServer(rs);
    server.answer((response) => void response.end(body));
    const { auth, clock } = bench(server);
    expect(await auth.verify(await sign(rs, clock.nowMs()), 'alice')).toMatchObject(unavailable);
  });

  it('a redirect is not followed', async () => {
    const elsewhere = await keyServer(rs);
    const server = await keyServer();
    server.answer((response) => void response.writeHead(302, { location: elsewhere.url.href }).end());
    const { auth, clock } = bench(server);
    expect(await auth.verify(await sign(rs, clock.nowMs()), 'alice')).toMatchObject(unavailable);
    expect(elsewhere.requests).toBe(0);
  });

  it("a key that cannot be used is the provider's fault, not the token's", async () => {
    const server = await keyServer();
    server.publish({ kty: 'RSA', kid: 'rs', alg: 'RS256', n: 'AQAB', e: 'AQAB' });
    const { auth, clock } = bench(server);
    expect(await auth.verify(await sign(rs, clock.nowMs()), 'alice')).toMatchObject(unavailable);
  });

  it('no warning carries the query of the address', async () => {
    const server = await keyServer();
    server.answer((response) => void response.destroy());
    const { auth, clock, warnings } = bench(server);
    await auth.verify(await sign(rs, clock.nowMs()), 'alice');
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).not.toContain('hush');
  });
});

describe('where keys may come from', () => {
  it.each(['https://id.example/keys', 'http://127.0.0.1:1/k', 'http://localhost/k', 'http://[::1]:9/k'])(
    '%s',
    (url) => {
      expect(jwksUrlProblem(url)).toBeUndefined();
    },
  );
  it.each([
    'http://id.example/keys',
    'http://127.0.0.1.evil.example/',
    'ftp://id.example/',
    'file:///etc/passwd',
    'nothing',
  ])('not %s', (url) => {
    expect(jwksUrlProblem(url)).toBeTypeOf('string');
  });
});
