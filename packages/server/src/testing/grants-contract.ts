import { ROLES } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Grant, Grants, GrantResult } from '../ports/grants.ts';

export type GrantsSubject = {
  readonly grants: Grants;
  /** What a restart makes of it. */
  reopen(): Promise<Grants>;
  /** Grants of another server, which this one must not believe. */
  readonly foreign: Grants;
  close(): Promise<void>;
};

const NOW_MS = Date.UTC(2026, 0, 1);
const GRANT: Grant = { user: 'alice', channel: 'chat:lobby', expiresAtMs: NOW_MS + 60_123, role: null };

/** What every `Grants` must do. */
export function grantsContract(name: string, open: () => Promise<GrantsSubject>): void {
  describe(`Grants: ${name}`, () => {
    let subject: GrantsSubject;
    const check = async (text: string, asked: Partial<Grant> = {}, nowMs = NOW_MS): Promise<GrantResult> =>
      subject.grants.verify(text, asked.user ?? GRANT.user, asked.channel ?? GRANT.channel, nowMs);
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject.close());

    it('[CHN7] a grant is good for its user and channel, to the millisecond of its end', async () => {
      const text = await subject.grants.sign(GRANT);
      expect(await check(text)).toEqual({ ok: true, grant: GRANT });
      expect(await check(text, {}, GRANT.expiresAtMs - 1)).toEqual({ ok: true, grant: GRANT });
      expect(await check(text, {}, GRANT.expiresAtMs)).toMatchObject({ ok: false });
      expect(await check(text, {}, GRANT.expiresAtMs + 86_400_000)).toMatchObject({ ok: false });
    });

    it('[CHN7] ids with all kinds of characters come back as they were', async () => {
      for (const [user, channel] of [
        ['auth0|{a}:b/💚"\\', 'chat:%F0%9F%92%9A'],
        ['__proto__', 'x'],
        ['u'.repeat(255), 'c'.repeat(255)],
        ['💚'.repeat(127), 'chat:é'],
      ] as const) {
        const grant = { user, channel, expiresAtMs: NOW_MS + 1, role: null };
        expect(await check(await subject.grants.sign(grant), grant)).toEqual({ ok: true, grant });
      }
    });

    it('[DOC5] a grant for a document carries its role', async () => {
      for (const role of ROLES) {
        const grant = { ...GRANT, role };
        expect(await check(await subject.grants.sign(grant))).toEqual({ ok: true, grant });
      }
    });

    it('[CHN7] a grant of another user or channel is refused', async () => {
      const text = await subject.grants.sign(GRANT);
      for (const asked of [
        { user: 'bob' },
        { user: 'Alice' },
        { user: '' },
        { channel: 'chat:other' },
        { channel: 'chat:lobby2' },
        { channel: '' },
      ])
        expect(await check(text, asked), JSON.stringify(asked)).toMatchObject({ ok: false });
    });

    it('[CHN7] a grant that somebody else signed is refused', async () => {
      expect(await check(await subject.foreign.sign(GRANT))).toMatchObject({ ok: false });
    });

    it('[CHN7] a grant with any one character changed is refused, and so is any text', async () => {
      const text = await subject.grants.sign(GRANT);
      for (let i = 0; i < text.length; i++) {
        // Not by one: the last characters of base64url carry bits that nobody reads.
        const changed = `${text.slice(0, i)}${text[i] === 'A' ? 'z' : 'A'}${text.slice(i + 1)}`;
        expect(await check(changed), `character ${i}`).toMatchObject({ ok: false });
      }
      for (const nothing of ['', '.', '..', 'null', text.slice(0, -2), `${text}.`, '💚'])
        expect(await check(nothing), nothing).toMatchObject({ ok: false });
    });

    it('what was signed before a restart is good after it', async () => {
      const text = await subject.grants.sign(GRANT);
      const after = await subject.reopen();
      expect(await after.verify(text, GRANT.user, GRANT.channel, NOW_MS)).toEqual({ ok: true, grant: GRANT });
    });

    it('says what was wrong without repeating the grant', async () => {
      const text = await subject.grants.sign(GRANT);
      const refused = await check(text, { user: 'bob' });
      const signature = text.slice(-20);
      expect(refused.ok ? '' : refused.detail).not.toContain(signature);
      expect(refused.ok ? '' : refused.detail).not.toBe('');
    });
  });
}
