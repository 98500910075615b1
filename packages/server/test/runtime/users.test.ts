import { expect, it } from 'vitest';
import type { Directory } from '../../src/ports/directory.ts';
import { createHarness } from './harness.ts';

it('an HTTP status that is set while its user is being erased is gone with the user', async () => {
  const stored = Promise.withResolvers<void>();
  const h = await createHarness({
    ports: ({ directory }) => ({
      directory: {
        ...directory,
        // A disk that takes its time: the user is known until it has answered.
        async erase(user, at) {
          await stored.promise;
          return directory.erase(user, at);
        },
      } satisfies Directory,
    }),
  });
  await h.node.createUser('alice');
  const erased = h.node.eraseUser('alice');
  await h.clock.settle();
  expect(await h.node.setStatus('alice', 'bot', { s: 'Busy' }, 60_000)).toMatchObject({ ok: true });
  stored.resolve();
  expect(await erased).toMatchObject({ ok: true });
  await h.clock.settle();
  expect((await h.journal.load()).devices).toEqual([]);
  expect(h.node.counts().timers).toBe(0);
  await h.node.createUser('alice');
  expect(await h.node.presenceOf('alice')).toMatchObject({ value: { s: 'Offline' } });
});

it('an export holds what each device says', async () => {
  const h = await createHarness();
  await h.logIn('alice', { device: 'phone', s: 'Away', a: 'Reading' });
  await h.node.setStatus('alice', 'bot', { s: 'Busy', a: 'Building' }, 60_000);
  expect(await h.node.exportUser('alice')).toMatchObject({
    ok: true,
    value: {
      sessions: 1,
      devices: {
        phone: { s: 'Away', fields: { a: 'Reading' } },
        bot: { s: 'Busy', fields: { a: 'Building' } },
      },
    },
  });
});

it('of follows that come at once no more are stored than one user may have', async () => {
  const h = await createHarness({ settings: { followsPerUser: 2 } });
  for (const user of ['b', 'c', 'd']) await h.node.createUser(user);
  const results = await Promise.all(['b', 'c', 'd'].map((other) => h.node.follow('alice', other)));
  expect(results.map((result) => result.ok)).toEqual([true, true, false]);
  expect(results[2]).toMatchObject({ code: 'limit_reached' });
  expect(await h.node.rosterOf('alice')).toEqual({ ok: true, value: ['b', 'c'] });
});

it('an import leaves out what goes beyond the limit of follows', async () => {
  const h = await createHarness({ settings: { followsPerUser: 3 } });
  const edges = Array.from({ length: 10 }, (_, i) => ['fan', `u${i}`] as const);
  expect(await h.node.importEdges(edges)).toEqual({ ok: true, value: { added: 3, users: 4, refused: 7 } });
  expect(await h.node.rosterOf('fan')).toEqual({ ok: true, value: ['u0', 'u1', 'u2'] });
});

it('an import with one invalid id in it stores nothing, whichever of the two it is and however far down', async () => {
  const h = await createHarness();
  const edges = Array.from({ length: 1_200 }, (_, i) => ['fan', `u${i}`] as const);
  for (const wrong of [
    ['fan', 'a\u0007'],
    ['', 'u1'],
  ] as const) {
    const outcome = h.node.importEdges([...edges, wrong]);
    await h.clock.settle();
    expect(await outcome).toMatchObject({ ok: false, code: 'user_id_invalid' });
  }
  expect(await h.node.rosterOf('fan')).toMatchObject({ ok: false, code: 'user_unknown' });
});
