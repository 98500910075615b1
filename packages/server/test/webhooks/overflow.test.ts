import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bench, BROKEN, OK, type Posted } from './webhooks-under-test.ts';

const T = Date.UTC(2026, 0, 1, 12);

describe('more events than may wait', () => {
  it('the oldest goes that a later one of its subject supersedes, and nobody is told something false', async () => {
    const one = bench();
    const hooks = await one.begin({ queued: 6, atOnce: 1 });
    one.answer = () => BROKEN;
    hooks.userOnline('first', T);
    await one.settle();
    for (let i = 0; i < 20; i++) {
      hooks.userOnline('alice', T + i);
      hooks.userOffline('alice', T + i);
    }
    hooks.userOnline('bob', T);
    await one.settle();
    expect(hooks.waiting()).toBe(6);
    expect(one.store.events.size, 'what was dropped is not kept either').toBe(6);
    expect(one.results).not.toContain('given_up');
    one.posted.length = 0;
    one.answer = () => OK;
    await one.clock.advance(60_000);
    expect(
      one
        .told()
        .filter((what) => !what.endsWith('alice'))
        .toSorted(),
    ).toEqual(['user.online bob', 'user.online first']);
    expect(one.posted.filter(({ subject }) => subject === 'user alice')).toMatchObject([
      { type: 'user.online', timestamp: new Date(T + 18).toISOString() },
      { type: 'user.offline', timestamp: new Date(T + 18).toISOString() },
      { type: 'user.online', timestamp: new Date(T + 19).toISOString() },
      { type: 'user.offline', timestamp: new Date(T + 19).toISOString() },
    ]);
  });

  it('where none is superseded the one that waits longest is given up, and that is logged', async () => {
    const one = bench();
    const hooks = await one.begin({ queued: 5, atOnce: 1 });
    one.answer = () => BROKEN;
    for (let i = 0; i < 5; i++) hooks.userOnline(`u${i}`, T);
    await one.settle();
    expect(one.results).not.toContain('given_up');
    hooks.userOnline('u5', T);
    hooks.userOnline('u6', T);
    await one.settle();
    expect(hooks.waiting()).toBe(5);
    expect(one.results.filter((result) => result === 'given_up')).toHaveLength(2);
    expect(one.warnings.map(({ event }) => event)).toContain('webhook_given_up');
    one.posted.length = 0;
    one.answer = () => OK;
    await one.clock.advance(60_000);
    expect(one.told().toSorted()).toEqual([2, 3, 4, 5, 6].map((i) => `user.online u${i}`));
    expect(one.store.events.size).toBe(0);
  });

  it('what is in flight is never dropped', async () => {
    const one = bench();
    const hooks = await one.begin({ queued: 2, atOnce: 2 });
    const open: (() => void)[] = [];
    one.answer = () => new Promise((resolve) => open.push(() => resolve(OK)));
    hooks.userOnline('a', T);
    hooks.userOnline('b', T);
    await one.settle();
    for (const user of ['c', 'd', 'e']) hooks.userOnline(user, T);
    await one.settle();
    expect(one.told()).toEqual(['user.online a', 'user.online b']);
    expect([...one.store.events.values()].map(({ subject }) => subject.name).slice(0, 2)).toEqual(['a', 'b']);
    for (const answer of open) answer();
    await one.settle();
    expect(one.results.filter((result) => result === 'delivered')).toHaveLength(2);
  });

  it('what comes to the front because of it is not sent before it is stored', async () => {
    const one = bench();
    const hooks = await one.begin({ queued: 3, atOnce: 1 });
    const writes: (() => void)[] = [];
    const open: (() => void)[] = [];
    one.answer = () => new Promise((resolve) => open.push(() => resolve(OK)));
    hooks.userOnline('first', T);
    hooks.userOnline('alice', T);
    await one.settle();
    one.store.put = () => new Promise((resolve) => writes.push(resolve));
    hooks.userOffline('alice', T);
    hooks.userOnline('bob', T);
    expect(hooks.waiting()).toBe(3);
    open[0]!();
    await one.settle();
    expect(one.told()).toEqual(['user.online first']);
    for (const written of writes) written();
    await one.settle();
    expect(one.told()[1]).toBe('user.offline alice');
  });

  it('what is in flight is not dropped either where a later one supersedes it', async () => {
    const one = bench();
    const hooks = await one.begin({ queued: 3, atOnce: 1 });
    const open: ((answered: typeof OK) => void)[] = [];
    one.answer = () => new Promise((resolve) => open.push(resolve));
    hooks.userOnline('alice', T);
    await one.settle();
    hooks.userOffline('alice', T);
    hooks.userOnline('bob', T);
    hooks.userOnline('alice', T);
    await one.settle();
    expect([...one.store.events.values()].map(({ type }) => type)).toEqual([
      'user.online',
      'user.online',
      'user.online',
    ]);
    for (let i = 0; i < 3; i++) {
      open[i]!(OK);
      await one.settle();
    }
    expect(one.told().toSorted()).toEqual(['user.online alice', 'user.online alice', 'user.online bob']);
  });

  it('those that cannot even be stored yet are bounded too', async () => {
    const one = bench();
    const hooks = await one.begin({ queued: 10 });
    const writes: (() => void)[] = [];
    one.store.put = () => new Promise((resolve) => writes.push(resolve));
    for (let i = 0; i < 100; i++) hooks.userOnline(`u${i}`, T);
    await one.settle();
    expect(hooks.waiting()).toBe(10);
    expect(one.results).toHaveLength(90);
    for (const written of writes) written();
    await one.settle();
    expect(one.told()).toHaveLength(10);
  });
});

type Step =
  | { readonly kind: 'turn'; readonly user: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'receiver'; readonly mood: 'ok' | 'refuses' | 'takes and fails' | 'hangs' }
  | { readonly kind: 'restart' | 'kill' };

const USERS = 4;

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('turn' as const), user: fc.nat(USERS - 1) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('receiver' as const),
        mood: fc.constantFrom(
          'ok' as const,
          'refuses' as const,
          'takes and fails' as const,
          'hangs' as const,
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'kill' as const) }) },
  ),
  { minLength: 1, maxLength: 60 },
);

describe('whatever happens', () => {
  it.each([
    ['with room for all', 1_000],
    ['with hardly any room', USERS + 2],
  ])(
    '%s, of each subject no event overtakes an earlier one, and the last that arrives is true',
    async (_name, queued) => {
      await fc.assert(
        fc.asyncProperty(steps, async (script) => {
          const one = bench();
          const settings = { queued, atOnce: 2, maxAgeMs: Number.MAX_SAFE_INTEGER / 2, timeoutMs: 10_000 };
          const taken: Posted[] = [];
          const told = new Map<string, string[]>();
          let mood: Extract<Step, { kind: 'receiver' }>['mood'] = 'ok';
          one.answer = (posted) => {
            if (mood === 'refuses') return BROKEN;
            if (mood === 'hangs')
              return new Promise((resolve) =>
                one.clock.setTimer(settings.timeoutMs, () =>
                  resolve({ kind: 'failed', problem: 'no answer' }),
                ),
              );
            taken.push(posted);
            return mood === 'ok' ? OK : BROKEN;
          };
          let hooks = await one.begin(settings);
          for (const step of script) {
            switch (step.kind) {
              case 'turn': {
                const user = `u${step.user}`;
                const type = one.online.delete(user) ? 'user.offline' : 'user.online';
                if (type === 'user.online') one.online.add(user);
                told.set(user, [...(told.get(user) ?? []), type]);
                hooks.emit({ type, user, atMs: one.clock.nowMs() });
                break;
              }
              case 'pass':
                await one.clock.advance(step.ms);
                break;
              case 'receiver':
                mood = step.mood;
                break;
              case 'restart':
                await one.settle();
                await Promise.all([hooks.close(), one.clock.advance(5_000)]);
                hooks = await one.begin(settings);
                break;
              case 'kill':
                one.kill();
                hooks = await one.begin(settings);
                break;
            }
          }
          mood = 'ok';
          for (let minute = 0; minute < 5; minute++) {
            await one.settle();
            await one.clock.advance(60_000);
          }
          await one.settle();

          expect(hooks.waiting()).toBe(0);
          expect(one.store.events.size).toBe(0);
          expect(one.results).not.toContain('given_up');
          for (const [user, types] of told) {
            const arrived = taken.filter(({ subject }) => subject === `user ${user}`);
            const ids = arrived.map(({ id }) => Number(id.slice('evt_'.length)));
            expect(ids, user).toEqual(ids.toSorted((a, b) => a - b));
            expect(arrived.at(-1)?.type, user).toBe(types.at(-1));
            const once = arrived.filter(({ id }, i) => id !== arrived[i - 1]?.id);
            // Where all have room each arrives, in the order in which they happened.
            if (queued === 1_000)
              expect(
                once.map(({ type }) => type),
                user,
              ).toEqual(types);
          }
        }),
        { numRuns: 150 },
      );
    },
    60_000,
  );
});
