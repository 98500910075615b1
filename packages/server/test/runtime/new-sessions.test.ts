import { describe, expect, it } from 'vitest';
import { type BareClient, type Harness, createHarness } from './harness.ts';

const LIMIT = { newSessionRate: { perSecond: 1, burst: 5 } };

/** @returns whether it was let in */
async function inAndOut(h: Harness, user: string): Promise<boolean> {
  const client = await h.logIn(user);
  if (client.last('token') === undefined) return false;
  client.send({ t: 'logout' });
  await h.clock.settle();
  return true;
}

function arrivals(client: BareClient): number {
  return client.received.filter(({ t }) => t === 'o').length;
}

describe('[LIM6] sessions that one user begins', () => {
  it('beyond the limit are refused with a time, and friends are told of none of them', async () => {
    const h = await createHarness({ settings: LIMIT, follows: [['bob', 'eve']] });
    const bob = await h.logIn('bob');
    let letIn = 0;
    for (let i = 0; i < 200; i++) if (await inAndOut(h, 'eve')) letIn++;
    expect(letIn).toBe(5);
    expect(arrivals(bob)).toBe(5);
    const refused = await h.logIn('eve', { i: 7 });
    expect(refused.received).toEqual([
      { t: 'err', code: 'rate_limited', m: expect.any(String), i: 7, retryAfterMs: 1_000 },
      { t: 'bye', code: 'rate_limited', advice: 'reconnect', afterMs: 1_000, m: expect.any(String) },
    ]);
    expect(refused.closeCode).toBe(4102);
    expect(h.node.counts()).toMatchObject({ connections: 1, attached: 1, detached: 0 });
    // Ten seconds of trying all the time: one more each second.
    for (let i = 0; i < 100; i++) {
      await h.clock.advance(100);
      if (await inAndOut(h, 'eve')) letIn++;
    }
    expect(letIn).toBe(15);
    expect(arrivals(bob)).toBe(15);
  });

  it('are let in after the time that was named, and others all along', async () => {
    const h = await createHarness({ settings: LIMIT });
    for (let i = 0; i < 5; i++) expect(await inAndOut(h, 'eve')).toBe(true);
    await h.clock.advance(300);
    const { retryAfterMs } = (await h.logIn('eve')).last('err')!;
    expect(retryAfterMs).toBe(700);
    expect(await inAndOut(h, 'bob')).toBe(true);
    await h.clock.advance(699);
    expect(await inAndOut(h, 'eve')).toBe(false);
    await h.clock.advance(1);
    expect(await inAndOut(h, 'eve')).toBe(true);
  });

  it('do not count where a login resumes, also behind a restart of the server', async () => {
    const h = await createHarness({ settings: LIMIT });
    let client = await h.logIn('eve');
    for (let i = 0; i < 50; i++) {
      client.drop();
      if (i % 10 === 9) await h.crash(100);
      client = await h.logIn('eve', { resume: client.last('token')!['token'] });
      expect(client.last('token')).toMatchObject({ resumed: true });
    }
    for (let i = 0; i < 5; i++) expect(await inAndOut(h, 'eve')).toBe(true);
  });

  it('count where a resume fails, for then a session begins', async () => {
    const h = await createHarness({ settings: LIMIT });
    for (let i = 0; i < 5; i++) (await h.logIn('eve', { resume: 'unknown' })).drop();
    const refused = await h.logIn('eve', { resume: 'unknown' });
    expect(refused.received.map(({ t, code }) => [t, code])).toEqual([
      ['err', 'resume_failed'],
      ['err', 'rate_limited'],
      ['bye', 'rate_limited'],
    ]);
  });

  it('make no room for themselves when they are refused', async () => {
    const h = await createHarness({ settings: { ...LIMIT, sessionsPerUser: 2 } });
    for (let i = 0; i < 5; i++) (await h.logIn('eve')).drop();
    expect(h.node.counts()).toMatchObject({ detached: 2 });
    await h.logIn('eve');
    expect(h.node.counts()).toMatchObject({ attached: 0, detached: 2 });
  });
});
