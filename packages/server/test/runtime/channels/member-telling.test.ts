import { describe, expect, it } from 'vitest';
import { createMemberTelling } from '../../../src/runtime/channels/member-telling.ts';
import { silentTelemetry } from '../../../src/adapters/memory/silent-telemetry.ts';
import { createVirtualClock } from '../virtual-clock.ts';

/** A list that answers when the test says so. */
function scene() {
  const clock = createVirtualClock();
  const warnings: unknown[] = [];
  const telemetry = {
    ...silentTelemetry,
    warn: (event: string, detail: object) => void warnings.push([event, detail]),
  };
  const telling = createMemberTelling({ clock, telemetry });
  const told: string[] = [];
  const waiting: { resolve(): void; reject(error: Error): void }[] = [];
  const state = { mode: 'answers' as 'answers' | 'refuses' | 'waits' };
  const tell = (about: string) => (present: boolean) => {
    told.push(`${about} ${present ? 'in' : 'out'}`);
    if (state.mode === 'answers') return Promise.resolve();
    if (state.mode === 'refuses') return Promise.reject(new Error('away'));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.push({ resolve, reject });
    return promise;
  };
  return {
    clock,
    telling,
    told,
    waiting,
    warnings,
    state,
    set: (about: string, present: boolean) => telling.set(about, present, tell(about)),
  };
}

describe('telling the list', () => {
  it('a leave that overtakes its join is told behind it', async () => {
    const { clock, set, state, telling, told, waiting } = scene();
    state.mode = 'waits';
    set('ann', true);
    set('ann', false);
    expect(told).toEqual(['ann in']);
    waiting.shift()?.resolve();
    await clock.settle();
    expect(told).toEqual(['ann in', 'ann out']);
    waiting.shift()?.resolve();
    await clock.settle();
    expect(telling.size).toBe(0);
  });

  it('who came back meanwhile is not told twice', async () => {
    const { clock, set, state, telling, told, waiting } = scene();
    state.mode = 'waits';
    for (const present of [true, false, true]) set('ann', present);
    waiting.shift()?.resolve();
    await clock.settle();
    expect(told).toEqual(['ann in']);
    expect(telling.size).toBe(0);
  });

  it('what was refused is told again, with what holds then, behind pauses that grow up to ten seconds', async () => {
    const { clock, set, state, telling, told, warnings } = scene();
    state.mode = 'refuses';
    set('ann', true);
    await clock.settle();
    set('ann', false);
    for (const [pauseMs, times] of [
      [1_000, 2],
      [2_000, 3],
      [4_000, 4],
      [8_000, 5],
      [10_000, 6],
      [10_000, 7],
    ] as const) {
      await clock.advance(pauseMs - 1);
      expect(told).toHaveLength(times - 1);
      await clock.advance(1);
      expect(told).toHaveLength(times);
    }
    expect(new Set(told.slice(1))).toEqual(new Set(['ann out']));
    expect(warnings).toHaveLength(7);
    state.mode = 'answers';
    await clock.advance(10_000);
    expect(told).toHaveLength(8);
    expect(telling).toMatchObject({ size: 0, timers: 0 });
  });

  it('a join whose answer was lost is taken back by the leave', async () => {
    const { clock, set, state, told, waiting } = scene();
    state.mode = 'waits';
    set('ann', true);
    set('ann', false);
    waiting.shift()?.reject(new Error('the line broke'));
    state.mode = 'answers';
    await clock.advance(1_000);
    expect(told).toEqual(['ann in', 'ann out']);
  });

  it('a list that was away is told a hundred at a time, and everything', async () => {
    const { clock, set, state, telling, told, waiting } = scene();
    state.mode = 'refuses';
    for (let i = 0; i < 250; i++) set(`u${i}`, true);
    await clock.settle();
    told.length = 0;
    state.mode = 'waits';
    await clock.advance(1_000);
    expect(told).toHaveLength(100);
    state.mode = 'answers';
    await clock.advance(60_000);
    expect(told).toHaveLength(100);
    for (const { resolve } of waiting) resolve();
    await clock.advance(1);
    expect(new Set(told).size).toBe(250);
    expect(telling).toMatchObject({ size: 0, timers: 0 });
  });

  it('one that is refused for ever does not keep the others from their turn', async () => {
    const { clock, set, state, telling, told } = scene();
    state.mode = 'refuses';
    for (let i = 0; i < 100; i++) set(`never ${i}`, true);
    set('ann', true);
    await clock.settle();
    told.length = 0;
    await clock.advance(3_000);
    expect(told).toContain('ann in');
    telling.stop();
    expect(telling).toMatchObject({ size: 0, timers: 0 });
    await clock.advance(60_000);
    expect(clock.timers).toBe(0);
  });

  it('a list in process is told at once, and nothing is kept', () => {
    const { telling } = scene();
    const told: boolean[] = [];
    telling.set('ann', true, (present) => void told.push(present));
    expect(told).toEqual([true]);
    expect(telling).toMatchObject({ size: 0, timers: 0 });
  });
});
