import { MAX_TOKEN_ID_LENGTH } from '../../src/auth/jwt.ts';
import { describe, expect, it } from 'vitest';
import {
  type AuthenticateHook,
  createHookAuthenticator,
  HOOK_TIME_LIMIT_MS,
} from '../../src/auth/hook-authenticator.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';

function bench(authenticate: AuthenticateHook) {
  const clock = createVirtualClock();
  const warnings: object[] = [];
  const auth = createHookAuthenticator({
    authenticate,
    clock,
    telemetry: { warn: (event, detail) => void warnings.push({ event, ...detail }) },
  });
  return { ...auth, clock, warnings };
}

describe('an authenticate hook', () => {
  it('says whom a token speaks for, and until when', async () => {
    const asked: unknown[] = [];
    const { verify, clock } = bench(({ token, username }) => {
      asked.push({ token, username });
      return { user: 'alice', expiresAtMs: clock.nowMs() + 5 };
    });
    expect(await verify('t', 'alice')).toEqual({
      ok: true,
      principal: { user: 'alice', expiresAtMs: clock.nowMs() + 5, tokenId: null, issuedAtMs: null },
    });
    expect(asked).toEqual([{ token: 't', username: 'alice' }]);
  });

  it('may leave the end open', async () => {
    for (const identity of [{ user: 'alice' }, { user: 'alice', expiresAtMs: null }])
      expect(await bench(() => Promise.resolve(identity)).verify('t', 'alice')).toEqual({
        ok: true,
        principal: { user: 'alice', expiresAtMs: null, tokenId: null, issuedAtMs: null },
      });
  });

  it('may say what the token is called and when it was issued, for revocations', async () => {
    const identity = { user: 'alice', tokenId: 'x'.repeat(MAX_TOKEN_ID_LENGTH), issuedAtMs: 5 };
    expect(await bench(() => identity).verify('t', 'alice')).toMatchObject({
      ok: true,
      principal: { tokenId: identity.tokenId, issuedAtMs: 5 },
    });
  });

  it('null refuses the token; another user is a mismatch; a time that passed is expiry', async () => {
    expect(await bench(() => null).verify('t', 'alice')).toMatchObject({ ok: false, code: 'token_invalid' });
    expect(await bench(() => ({ user: 'bob' })).verify('t', 'alice')).toMatchObject({
      code: 'username_mismatch',
    });
    expect(await bench(() => ({ user: 'alice', expiresAtMs: 1 })).verify('t', 'alice')).toMatchObject({
      code: 'token_expired',
    });
  });

  it('a token longer than the wire carries is not shown to the hook', async () => {
    const { verify } = bench(() => {
      throw new Error('asked');
    });
    expect(await verify('x'.repeat(8193), 'alice')).toMatchObject({ code: 'token_invalid' });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('database said no to tok-123');
      },
    ],
    ['rejects', () => Promise.reject(new Error('database said no to tok-123'))],
    ['rejects with no Error', () => Promise.reject('tok-123')],
  ] as [string, AuthenticateHook][])(
    'one that %s is unavailable, and logged without the token',
    async (_name, hook) => {
      const { verify, warnings } = bench(hook);
      expect(await verify('tok-123', 'alice')).toMatchObject({ ok: false, code: 'unavailable' });
      expect(warnings).toHaveLength(1);
      expect(JSON.stringify(warnings)).not.toContain('tok-123');
    },
  );

  it.each([
    ['undefined', undefined],
    ['true', true],
    ['a text', 'alice'],
    ['an object without a user', {}],
    ['a user that is no text', { user: 1 }],
    ['a time that is no whole number', { user: 'alice', expiresAtMs: Number.NaN }],
    ['a token id that is no text', { user: 'alice', tokenId: 7 }],
    ['a token id that is too long', { user: 'alice', tokenId: 'x'.repeat(MAX_TOKEN_ID_LENGTH + 1) }],
    ['a time of issue that is no whole number', { user: 'alice', issuedAtMs: '5' }],
  ])('%s is no answer: unavailable, never a yes', async (_name, value) => {
    const { verify, warnings } = bench(() => value as unknown as null);
    expect(await verify('t', 'alice')).toMatchObject({ ok: false, code: 'unavailable' });
    expect(warnings).toHaveLength(1);
  });

  it('one that hangs is unavailable after 5 s, told so by its signal, and heard no more', async () => {
    const answer = Promise.withResolvers<{ user: string }>();
    let signal: AbortSignal | undefined;
    const { verify, clock, warnings } = bench((request) => {
      signal = request.signal;
      return answer.promise;
    });
    const result = verify('t', 'alice');
    await clock.advance(HOOK_TIME_LIMIT_MS - 1);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await result).toMatchObject({ ok: false, code: 'unavailable' });
    expect(signal?.aborted).toBe(true);
    answer.resolve({ user: 'alice' });
    await clock.settle();
    expect(warnings).toHaveLength(1);
    expect(HOOK_TIME_LIMIT_MS).toBe(5_000);
  });

  it('leaves no timer behind once it has answered', async () => {
    const { verify, clock } = bench(() => null);
    await verify('t', 'alice');
    expect(clock.timers).toBe(0);
  });
});
