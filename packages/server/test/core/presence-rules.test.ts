import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aggregate,
  newDevice,
  nextRecord,
  offlineRecord,
  patchDevice,
} from '../../src/core/presence/aggregate.ts';
import { newPace, offer, take } from '../../src/core/presence/device-pace.ts';
import {
  DEFAULT_FIELDS,
  fieldSpecsProblem,
  mergePatches,
  readPatch,
} from '../../src/core/presence/fields.ts';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import { viewMask } from '../../src/core/presence/visibility.ts';

const device = (s: 'Online' | 'Away' | 'Busy' | 'Offline' | 'Invisible', changedAt: number, fields = {}) => ({
  s,
  changedAt,
  fields,
});

describe('one user over several devices', () => {
  it('[PRE4] the order of devices does not matter', () => {
    const anyDevice = fc.record({
      s: fc.constantFrom('Online', 'Away', 'Busy', 'Offline', 'Invisible'),
      changedAt: fc.nat(),
      fields: fc.constantFrom({}, { a: 'x' }, { p: 'y' }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(anyDevice, { maxLength: 6, selector: (one) => one.changedAt }),
        (devices) => {
          expect(aggregate(devices.toReversed())).toEqual(aggregate(devices));
        },
      ),
    );
  });

  it('[PRE4] among equals the one that says what it does is shown, then the latest', () => {
    expect(aggregate([device('Online', 9), device('Online', 1, { a: 'Coding' })]).fields).toEqual({
      a: 'Coding',
    });
    expect(aggregate([device('Online', 1, { a: 'old' }), device('Online', 2, { a: 'new' })]).fields).toEqual({
      a: 'new',
    });
    expect(aggregate([device('Away', 9, { a: 'x' }), device('Busy', 1)])).toEqual({ s: 'Busy', fields: {} });
  });

  it('[PRE5] invisible is the very state of someone without devices', () => {
    expect(aggregate([device('Invisible', 1, { a: 'x' }), device('Busy', 2)])).toBe(aggregate([]));
  });

  it('a patch that changes nothing gives the same device back', () => {
    const one = newDevice({ fields: { a: 'x', p: '' } }, 1);
    expect(one).toEqual({ s: 'Online', fields: { a: 'x' }, changedAt: 1 });
    expect(patchDevice(one, { s: 'Online', fields: { a: 'x', l: '' } }, 2)).toBe(one);
    expect(patchDevice(one, { fields: { a: '' } }, 2)).toEqual({ s: 'Online', fields: {}, changedAt: 2 });
  });

  it('versions rise even when the clock stands or steps back', () => {
    const first = nextRecord(offlineRecord('bob', null), { s: 'Online', fields: {} }, 100, 1);
    const second = nextRecord(first!, { s: 'Busy', fields: {} }, 50, 1);
    expect([first?.version, second?.version]).toEqual([100, 101]);
    expect(nextRecord(second!, { s: 'Busy', fields: {} }, 999, 1)).toBeNull();
  });

  it('stamps never repeat and never step back', () => {
    const stamps = createStampSource(5_000_000);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 10_000 })), (times) => {
        for (const ms of times) {
          const before = stamps.last();
          expect(stamps.next(ms)).toBeGreaterThan(before);
        }
      }),
    );
  });
});

describe('the pace of one device', () => {
  it('[PRE3] whatever the timing, what goes out adds up to what was said, at most once an interval', () => {
    const changes = fc.array(fc.record({ afterMs: fc.nat({ max: 120 }), a: fc.string({ maxLength: 2 }) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(changes, fc.nat({ max: 100 }), (list, intervalMs) => {
        const pace = newPace();
        const out: { atMs: number; a: string | undefined }[] = [];
        let nowMs = 1000;
        let dueMs: number | null = null;
        const run = (untilMs: number): void => {
          if (dueMs === null || dueMs > untilMs) return;
          const patch = take(pace, dueMs, intervalMs);
          if (patch !== null) out.push({ atMs: dueMs, a: patch.fields['a'] });
          dueMs = null;
        };
        for (const { afterMs, a } of list) {
          nowMs += afterMs;
          run(nowMs);
          const decision = offer(pace, { fields: { a } }, nowMs, intervalMs);
          if (decision.kind === 'apply') out.push({ atMs: nowMs, a: decision.patch.fields['a'] });
          if (decision.kind === 'wait') dueMs = nowMs + decision.delayMs;
        }
        run(Infinity);
        expect(out.at(-1)?.a).toBe(list.at(-1)?.a);
        for (let i = 1; i < out.length; i++)
          expect(out[i]!.atMs - out[i - 1]!.atMs).toBeGreaterThanOrEqual(intervalMs);
      }),
    );
  });

  it('the later of two merged patches wins, field by field', () => {
    expect(mergePatches({ s: 'Busy', fields: { a: '1', p: '1' } }, { fields: { a: '2' } })).toEqual({
      s: 'Busy',
      fields: { a: '2', p: '1' },
    });
  });
});

describe('presence fields', () => {
  it('[PRE7] each has its own limit, at the edge of which it passes', () => {
    expect(readPatch(DEFAULT_FIELDS, { a: 'x'.repeat(128) })).toMatchObject({ ok: true });
    expect(readPatch(DEFAULT_FIELDS, { a: 'x'.repeat(129) })).toMatchObject({ ok: false });
    expect(readPatch([{ name: 'mood', maxLength: 2 }], { mood: 'ok', a: 7 })).toEqual({
      ok: true,
      patch: { fields: { mood: 'ok' } },
    });
    expect(readPatch(DEFAULT_FIELDS, { s: 'Sleeping' })).toMatchObject({ ok: false });
  });

  it.each([
    ['t', 1],
    ['username', 1],
    ['__proto__', 1],
    ['Upper', 1],
    ['a b', 1],
    ['x'.repeat(17), 1],
    ['a', 0],
    ['a', 1025],
  ])('a field named %s of %i characters cannot be configured', (name, maxLength) => {
    expect(fieldSpecsProblem([{ name, maxLength }])).toBeDefined();
  });

  it('fields of different names and the largest length can', () => {
    expect(fieldSpecsProblem([{ name: 'mood', maxLength: 1024 }, ...DEFAULT_FIELDS])).toBeUndefined();
    expect(fieldSpecsProblem([...DEFAULT_FIELDS, ...DEFAULT_FIELDS])).toContain('twice');
  });
});

describe('audiences', () => {
  const stranger = { user: 'bob', close: false };
  const close = { user: 'bob', close: true };
  const rules = { kind: 'rules', rules: { status: 'close', p: 'close' } } as const;

  it('[PRE6] whoever may not see the status sees nothing else either', () => {
    expect(viewMask(DEFAULT_FIELDS, rules, stranger, 'alice')).toBe(0);
    expect(viewMask(DEFAULT_FIELDS, rules, close, 'alice')).not.toBe(0);
  });

  it('[PRE6] a hook decides per viewer, by parts or for everything', () => {
    const hook = (answer: boolean | readonly string[]) =>
      viewMask(DEFAULT_FIELDS, { kind: 'hook', decide: () => answer }, stranger, 'alice');
    expect(hook(false)).toBe(0);
    expect(hook(['a'])).toBe(0);
    expect(hook(['status', 'a'])).toBe(0b11);
    expect(hook(true)).toBe(hook(['status', 'lastSeen', 'a', 'p', 'l']));
  });
});
