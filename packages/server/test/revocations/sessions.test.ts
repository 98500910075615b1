import { describe, expect, it } from 'vitest';
import type { Revocations } from '../../src/ports/revocations.ts';
import { auth, byes, errors, revocationBench as bench } from './revocation-bench.ts';

describe('a revoked login', () => {
  it('[LOG3] is refused as `token_invalid`, and the connection closed as `revoked` (4208)', async () => {
    const { enter, node } = await bench();
    expect(await node.revoke({ user: 'alice', tokenId: 't1' })).toMatchObject({ ok: true });
    const client = await enter('alice/t1', { i: 7 });
    expect(errors(client)).toEqual([{ t: 'err', code: 'token_invalid', m: 'the login was revoked', i: 7 }]);
    expect(byes(client)).toMatchObject([{ code: 'revoked', advice: 'stop' }]);
    expect(client.closeCode).toBe(4208);
    expect(client.last('token')).toBeUndefined();
    expect(node.counts()).toMatchObject({ attached: 0, detached: 0 });
    expect((await enter('alice/t2')).last('token')).toBeDefined();
    expect((await enter('alice/-')).last('token')).toBeDefined();
  });

  it('of a user is every one that was issued up to then, and those that do not say when', async () => {
    const { enter, node, clock } = await bench();
    await clock.advance(5_000);
    await node.revoke({ user: 'alice' });
    const nowMs = clock.nowMs();
    for (const token of [`alice/t1/${nowMs - 1}`, `alice/-/${nowMs}`, 'alice/t2/-'])
      expect((await enter(token)).closeCode, token).toBe(4208);
    expect((await enter(`alice/t3/${nowMs + 1}`)).closeCode).toBeNull();
    expect((await enter(`watcher/t4/${nowMs - 1}`)).closeCode).toBeNull();
  });

  it('cannot resume the session that it had', async () => {
    const { enter, node, ports } = await bench();
    const client = await enter('alice/t1');
    const resume = client.last('token')?.['token'];
    client.drop();
    // Only remembered, as by another node whose order to end the session has not arrived yet.
    await ports().revocations.revoke({ kind: 'token', tokenId: 't1' }, Number.MAX_SAFE_INTEGER);
    const back = await enter('alice/t1', { resume });
    expect(back.closeCode).toBe(4208);
    expect(back.received.map(({ t }) => t)).toEqual(['err', 'bye']);
    expect(node.counts().attached).toBe(0);
  });

  it('does not disturb a session that goes on under another, though it names its resume token', async () => {
    const { enter, node, clock } = await bench();
    const first = await enter('alice/t1');
    first.drop();
    const live = await enter('alice/t2', { resume: first.last('token')?.['token'] });
    await node.revoke({ user: 'alice', tokenId: 't1' });
    const thief = await enter('alice/t1', { resume: live.last('token')?.['token'] });
    await clock.settle();
    expect(thief.closeCode).toBe(4208);
    expect(live.closeCode).toBeNull();
    expect(node.counts()).toMatchObject({ attached: 1, detached: 0 });
  });

  it('stays refused over a restart, as long as what remembers it does', async () => {
    const kept: { revocations: Revocations | null } = { revocations: null };
    const { crash, enter, node } = await bench((ports) => ({
      revocations: (kept.revocations ??= ports.revocations),
    }));
    await node.revoke({ user: 'alice', tokenId: 't1' });
    await crash(1_000);
    expect((await enter('alice/t1')).closeCode).toBe(4208);
  });
});

describe('open sessions of a revoked login', () => {
  it('end at once: those of the token, with `bye` and 4208, and friends see it without the grace', async () => {
    const { enter, node, clock } = await bench();
    const watcher = await enter('watcher/w1');
    const [one, same, other] = [await enter('alice/t1'), await enter('alice/t1'), await enter('alice/t2')];
    other.send({ t: 'statusUpdate', s: 'Busy' });
    await clock.settle();
    await node.revoke({ user: 'alice', tokenId: 't1' });
    await clock.settle();
    for (const client of [one, same]) {
      expect(byes(client)).toMatchObject([{ code: 'revoked', advice: 'stop' }]);
      expect(client.closeCode).toBe(4208);
    }
    expect(other.closeCode).toBeNull();
    expect(node.counts()).toMatchObject({ attached: 2, detached: 0 });
    watcher.take();
    await node.revoke({ user: 'alice' });
    await clock.settle();
    expect(other.closeCode).toBe(4208);
    expect(watcher.take()).toMatchObject([{ t: 'x', id: 'alice' }]);
    expect(watcher.closeCode).toBeNull();
    expect(node.counts()).toMatchObject({ attached: 1, detached: 0 });
  });

  it('end in their grace too', async () => {
    const { enter, node, clock } = await bench();
    const watcher = await enter('watcher/w1');
    const client = await enter('alice/t1');
    const resume = client.last('token')?.['token'];
    client.drop();
    await clock.settle();
    expect(node.counts().detached).toBe(1);
    watcher.take();
    await node.revoke({ user: 'alice', tokenId: 't1' });
    await clock.settle();
    expect(node.counts().detached).toBe(0);
    expect(watcher.take()).toMatchObject([{ t: 'x', id: 'alice' }]);
    const back = await enter('alice/t2', { resume });
    expect(errors(back)).toMatchObject([{ code: 'resume_failed' }]);
  });

  it('end by the token that they were resumed with, not by the one they began with', async () => {
    const { enter, node, clock } = await bench();
    const first = await enter('alice/t1');
    first.drop();
    const second = await enter('alice/t2', { resume: first.last('token')?.['token'] });
    expect(second.last('token')).toMatchObject({ resumed: true });
    await node.revoke({ user: 'alice', tokenId: 't1' });
    await clock.settle();
    expect(second.closeCode).toBeNull();
    await node.revoke({ user: 'alice', tokenId: 't2' });
    await clock.settle();
    expect(second.closeCode).toBe(4208);
  });

  it('[LOG5] a revoked token does not refresh one; a good one does, and counts from then on', async () => {
    const { enter, node, clock } = await bench();
    const client = await enter('alice/t1');
    await node.revoke({ user: 'alice', tokenId: 't2' });
    client.send({ t: 'auth', token: 'alice/t2', i: 1 });
    await clock.settle();
    expect(errors(client)).toEqual([{ t: 'err', code: 'token_invalid', m: 'the login was revoked', i: 1 }]);
    expect(client.closeCode).toBeNull();
    client.send({ t: 'auth', token: 'alice/t3', i: 2 });
    await clock.settle();
    expect(client.last('ok')).toEqual({ t: 'ok', i: 2 });
    await node.revoke({ user: 'alice', tokenId: 't1' });
    await clock.settle();
    expect(client.closeCode).toBeNull();
    await node.revoke({ user: 'alice', tokenId: 't3' });
    await clock.settle();
    expect(client.closeCode).toBe(4208);
  });
});

describe('a revocation while a login is under way', () => {
  it.each(['while the token is checked', 'while the session is stored', 'while the session is resumed'])(
    '(%s) leaves no session',
    async (when) => {
      const hold = Promise.withResolvers<void>();
      let holding = false;
      const pass = async (): Promise<void> => {
        if (holding) await hold.promise;
      };
      const { enter, node, clock } = await bench(({ sessions }) => ({
        auth: {
          async verify(token, username) {
            if (when.includes('token')) await pass();
            return auth.verify(token, username);
          },
        },
        sessions: {
          ...sessions,
          async create(session, most) {
            if (when.includes('stored')) await pass();
            return sessions.create(session, most);
          },
          async resume(request) {
            if (when.includes('resumed')) await pass();
            return sessions.resume(request);
          },
        },
      }));
      const before = await enter('alice/t0');
      const resume = before.last('token')?.['token'];
      before.drop();
      await clock.settle();
      holding = true;
      const client = await enter('alice/t1', when.includes('resumed') ? { resume } : {});
      expect(client.last('token')).toBeUndefined();
      await node.revoke({ user: 'alice', tokenId: 't1' });
      hold.resolve();
      await clock.settle();
      expect(client.last('token')).toBeUndefined();
      expect(client.closeCode).toBe(4208);
      await clock.advance(1);
      // Of the one that dropped before, nothing was revoked, unless it was the one to be resumed.
      expect(node.counts()).toMatchObject({ attached: 0, detached: when.includes('resumed') ? 0 : 1 });
    },
  );
});
