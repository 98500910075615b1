import { expect, it } from 'vitest';
import { createMemoryJournal } from '../../src/adapters/memory/journal.ts';
import { createMemorySessions } from '../../src/adapters/memory/sessions.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import { type BareClient, createHarness } from './harness.ts';

const GRACE_MS = 60_000;

/** A journal that may be told to let sessions wait, and to refuse or take then all that waited. */
function stallingJournal() {
  const journal = createMemoryJournal();
  let stalled: PromiseWithResolvers<void> | null = null;
  return {
    journal: {
      ...journal,
      async putSession(session) {
        if (stalled !== null) await stalled.promise;
        return journal.putSession(session);
      },
    } satisfies Journal,
    stall() {
      stalled = Promise.withResolvers();
      // Whoever waits is told; nobody may be waiting.
      stalled.promise.catch(() => undefined);
    },
    refuse() {
      stalled?.reject(storeUnavailable('the disk is full'));
      stalled = null;
    },
    take() {
      stalled?.resolve();
      stalled = null;
    },
  };
}

async function scene() {
  const disk = stallingJournal();
  const h = await createHarness({
    follows: [['bob', 'alice']],
    ports: () => ({ sessions: createMemorySessions({ journal: disk.journal, graceMs: GRACE_MS }) }),
  });
  const bob = await h.logIn('bob', { v: 1 });
  const alice = await h.logIn('alice');
  const resume = alice.last('token')?.['token'] as string;
  bob.take();
  alice.drop();
  await h.clock.settle();
  return { disk, h, bob, resume, resuming: () => h.logIn('alice', { resume }) };
}

async function beat({ h, bob }: Awaited<ReturnType<typeof scene>>, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    await h.clock.advance(Math.min(left, 10_000));
    bob.send({ t: 'hb' });
  }
  await h.clock.settle();
}

const withoutBeats = (client: BareClient) => client.take().filter(({ t }) => t !== 'hb');

it('[RES6] two resumes of one token, both refused by the journal: the session ends when its grace does', async () => {
  const s = await scene();
  s.disk.stall();
  const first = await s.resuming();
  first.drop();
  const second = await s.resuming();
  s.disk.refuse();
  await s.h.clock.settle();
  expect(second.last('err')).toMatchObject({ code: 'unavailable' });
  await beat(s, GRACE_MS + 1_000);
  expect(withoutBeats(s.bob)).toEqual([expect.objectContaining({ t: 'x', id: 'alice' })]);
  expect(s.h.node.counts()).toMatchObject({ attached: 1, detached: 0 });
});

it('[RES6] the grace ends while a resume waits for the journal, which refuses it: the session ends with it', async () => {
  const s = await scene();
  await beat(s, GRACE_MS - 2_000);
  s.disk.stall();
  const late = await s.resuming();
  await beat(s, 4_000);
  expect(withoutBeats(s.bob)).toEqual([]);
  s.disk.refuse();
  await s.h.clock.settle();
  expect(late.closeCode).not.toBeNull();
  await beat(s, GRACE_MS + 1_000);
  expect(withoutBeats(s.bob)).toEqual([expect.objectContaining({ t: 'x', id: 'alice' })]);
  expect(s.h.node.counts()).toMatchObject({ attached: 1, detached: 0 });
});

it('[RES1] the grace ends while a resume waits for the journal, which takes it: the session goes on', async () => {
  const s = await scene();
  await beat(s, GRACE_MS - 2_000);
  s.disk.stall();
  const late = await s.resuming();
  await beat(s, 4_000);
  s.disk.take();
  await s.h.clock.settle();
  expect(late.last('token')).toMatchObject({ resumed: true });
  expect(s.h.node.counts()).toMatchObject({ attached: 2, detached: 0 });
  late.drop();
  await beat(s, GRACE_MS + 1_000);
  expect(withoutBeats(s.bob)).toEqual([expect.objectContaining({ t: 'x', id: 'alice' })]);
});

it('[RES6] after a refused resume the token that was presented is still good, until the grace ends', async () => {
  const s = await scene();
  s.disk.stall();
  await s.resuming();
  await s.resuming();
  s.disk.refuse();
  await s.h.clock.settle();
  const again = await s.resuming();
  expect(again.last('token')).toMatchObject({ resumed: true });
  expect(withoutBeats(s.bob)).toEqual([]);
});

it('an erasure while a resume waits for the journal ends the session, and the resume finds none', async () => {
  const s = await scene();
  s.disk.stall();
  const late = await s.resuming();
  const erased = s.h.node.eraseUser('alice');
  await s.h.clock.settle();
  s.disk.take();
  await s.h.clock.settle();
  await erased;
  expect(late.received[0]).toMatchObject({ t: 'err', code: 'resume_failed' });
  late.drop();
  await beat(s, GRACE_MS + 1_000);
  expect(s.h.node.counts()).toMatchObject({ attached: 1, detached: 0 });
});
