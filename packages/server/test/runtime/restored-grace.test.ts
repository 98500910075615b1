import { expect, it } from 'vitest';
import { createHarness } from './harness.ts';

const PEOPLE = 500;

it('[RES6] after a crash the sessions share timers, and each still ends when its own grace does', async () => {
  const names = Array.from({ length: PEOPLE }, (_, i) => `user-${i}`);
  const h = await createHarness();
  for (const name of names) await h.logIn(name);
  const early = await h.logIn('early');
  early.drop();
  await h.clock.advance(10_000);
  await h.crash(3_600_000);
  const { detached, timers } = h.node.counts();
  expect(detached).toBe(PEOPLE + 1);
  expect(timers).toBe(2);
  await h.clock.advance(50_100);
  expect(h.node.counts()).toMatchObject({ detached: PEOPLE, timers: 1 });
  await h.clock.advance(9_800);
  expect(h.node.counts()).toMatchObject({ detached: PEOPLE });
  await h.clock.advance(200);
  expect(h.node.counts()).toMatchObject({ detached: 0, timers: 0 });
});
