import { describe, expect, it } from 'vitest';
import { CLOSES, ERRORS, adviceForClose, isUserId, negotiateVersion } from '../src/index.ts';

describe('codes', () => {
  it('[ERR3] the number of each close gives the same advice as its name', () => {
    for (const [reason, { close, advice }] of Object.entries(CLOSES))
      expect(adviceForClose(close), reason).toBe(advice);
  });

  it('[ERR3] closes that would only repeat themselves mean stop, a dropped line means resume', () => {
    for (const code of [1002, 1003, 1007, 1009, 4299]) expect(adviceForClose(code)).toBe('stop');
    for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 4099])
      expect(adviceForClose(code)).toBe('resume');
    expect(adviceForClose(4150)).toBe('reconnect');
  });

  it('no number stands for two reasons, and every code says what to do', () => {
    const numbers = Object.values(CLOSES).map(({ close }) => close);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const { help } of [...Object.values(ERRORS), ...Object.values(CLOSES)])
      expect(help).toMatch(/^[A-Z].*\.$/);
  });
});

describe('user ids', () => {
  it.each(['a', 'auth0|1', 'a:b', '{braces}', 'a/b', 'ünï', '😀', 'u'.repeat(255)])(
    '[LIM4] %s may be used',
    (id) => {
      expect(isUserId(id)).toBe(true);
    },
  );

  it.each([
    '',
    'u'.repeat(256),
    'a\u0000b',
    'a\nb',
    'a\u007fb',
    'a\u0085b',
    '\ud800',
    'a\udc00',
    '\ud800\ud800',
    7,
    null,
  ])('[LIM4] %j may not', (id) => {
    expect(isUserId(id)).toBe(false);
  });
});

describe('versions', () => {
  it('[VER1] both sides speak the lower of the two newest; who names none speaks 1', () => {
    expect(negotiateVersion(undefined)).toBe(1);
    expect(negotiateVersion(1)).toBe(1);
    expect(negotiateVersion(99)).toBe(1);
    expect(negotiateVersion(3, 2, 5)).toBe(3);
  });

  it('[VER2] a client older than the oldest is not served', () => {
    expect(negotiateVersion(0)).toBeUndefined();
    expect(negotiateVersion(undefined, 2, 5)).toBeUndefined();
  });
});
