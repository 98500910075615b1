import { describe, expect, it } from 'vitest';
import { createMemoryRevocations } from '../../src/adapters/memory/revocations.ts';
import { MAX_REVOCATIONS } from '../../src/core/session/revocation-list.ts';
import { revocationsContract } from '../../src/testing/index.ts';

revocationsContract('memory', () => {
  const clock = { nowMs: 0 };
  const revocations = createMemoryRevocations(() => clock.nowMs);
  return Promise.resolve({ revocations, clock, close: () => Promise.resolve() });
});

describe('a full list of revocations', () => {
  it('refuses one more rather than forget one, and takes it once others are over', async () => {
    let nowMs = 0;
    const revocations = createMemoryRevocations(() => nowMs);
    for (let i = 0; i < MAX_REVOCATIONS; i++)
      void revocations.revoke({ kind: 'token', tokenId: String(i) }, i === 0 ? 1_000 : 2_000);
    const more = (): Promise<void> => revocations.revoke({ kind: 'token', tokenId: 'more' }, 2_000);
    await expect(more()).rejects.toMatchObject({ code: 'unavailable' });
    expect(revocations.isRevoked('x', '1', null)).toBe(true);
    expect(revocations.isRevoked('x', 'more', null)).toBe(false);
    nowMs = 1_000;
    await more();
    expect(revocations.isRevoked('x', 'more', null)).toBe(true);
    expect(revocations.isRevoked('x', '1', null)).toBe(true);
    await expect(revocations.revoke({ kind: 'token', tokenId: 'again' }, 2_000)).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});
