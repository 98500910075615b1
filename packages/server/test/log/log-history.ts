import fc from 'fast-check';
import type { Retention } from '../../src/ports/log.ts';

/** One append of a random history. Names and positions are filled in when it runs. */
export type AppendStep = {
  readonly channel: number;
  readonly key: number;
  readonly units: number;
  readonly deletes: boolean;
  readonly version: number | null;
  readonly ttlMs: number | null;
  readonly expect: 'nothing' | 'top' | 'below' | 'elsewhere' | 'start';
  /** Left out where there is a lane. */
  readonly once: { readonly id: number; readonly print: number } | null;
  /** `step` is added to the highest number that the channel's queue was ever sent under. */
  readonly lane: { readonly user: number; readonly queue: number; readonly step: number } | null;
  readonly count: number;
  readonly maxUnits: number;
};

export type Step =
  /** Appends that are made in one turn. */
  | { readonly kind: 'append'; readonly appends: readonly AppendStep[] }
  | { readonly kind: 'pass'; readonly ms: number }
  /** A reader goes on from where it is. */
  | { readonly kind: 'read'; readonly reader: number }
  /** Somebody who joined a map asks for the next page, or for what came since. */
  | { readonly kind: 'page'; readonly joiner: number; readonly limit: number }
  | {
      readonly kind: 'history';
      readonly channel: number;
      readonly from: number | null;
      readonly reverse: boolean;
      readonly limit: number;
      readonly sinceMs: number | null;
    }
  | { readonly kind: 'expire'; readonly limit: number }
  | { readonly kind: 'forget'; readonly channel: number }
  | { readonly kind: 'restart' };

/** Streams come first, then maps. */
export const STREAMS = 2;
export const CHANNELS = 4;
export const READERS = 4;
export const JOINERS = 2;
/** Short enough that lanes end within a history, and few enough that there is one too many. */
export const LANE_LIMITS = { laneMs: 700, lanesPerUser: 3 };

/** Ages are the channel's own: a log may drop what ran out, and need not bring it back when it is kept for longer. */
export type Kept = Pick<Retention, 'ageMs' | 'keys' | 'onceMs'>;

const appendStep: fc.Arbitrary<AppendStep> = fc.record({
  channel: fc.nat(CHANNELS - 1),
  key: fc.nat(4),
  units: fc.integer({ min: 1, max: 12 }),
  deletes: fc.boolean(),
  version: fc.option(fc.nat(5)),
  ttlMs: fc.option(fc.integer({ min: 1, max: 300 })),
  expect: fc.oneof(
    { weight: 6, arbitrary: fc.constant('nothing' as const) },
    { weight: 3, arbitrary: fc.constantFrom('top' as const, 'below', 'elsewhere', 'start') },
  ),
  once: fc.option(fc.record({ id: fc.nat(3), print: fc.nat(1) })),
  lane: fc.option(
    fc.record({ user: fc.nat(1), queue: fc.nat(3), step: fc.constantFrom(1, 1, 1, 2, 5, 0, 0, -1, -3) }),
  ),
  // Now and then the retention is another than it was.
  count: fc.oneof(fc.constant(8), fc.constant(8), fc.nat(10)),
  maxUnits: fc.oneof(fc.constant(60), fc.constant(60), fc.nat(80)),
});

/** @param restarts whether the log is ended and opened again now and then, which takes it a tenth of a second */
export function stepsOf(restarts: boolean): fc.Arbitrary<readonly Step[]> {
  return fc.array(
    fc.oneof(
      {
        weight: 36,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          appends: fc.array(appendStep, { minLength: 1, maxLength: 5 }),
        }),
      },
      { weight: 12, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(400) }) },
      {
        weight: 18,
        arbitrary: fc.record({ kind: fc.constant('read' as const), reader: fc.nat(READERS - 1) }),
      },
      {
        weight: 15,
        arbitrary: fc.record({
          kind: fc.constant('page' as const),
          joiner: fc.nat(JOINERS - 1),
          limit: fc.integer({ min: 1, max: 3 }),
        }),
      },
      {
        weight: 9,
        arbitrary: fc.record({
          kind: fc.constant('history' as const),
          channel: fc.nat(CHANNELS - 1),
          from: fc.option(fc.nat(40)),
          reverse: fc.boolean(),
          limit: fc.integer({ min: 1, max: 12 }),
          sinceMs: fc.option(fc.nat(400)),
        }),
      },
      {
        weight: 9,
        arbitrary: fc.record({
          kind: fc.constant('expire' as const),
          limit: fc.integer({ min: 1, max: 5 }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('forget' as const), channel: fc.nat(CHANNELS - 1) }),
      },
      ...(restarts ? [{ weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) }] : []),
    ),
    { minLength: 1, maxLength: 60, size: 'max' },
  );
}

export const keptOfEach: fc.Arbitrary<readonly Kept[]> = fc.array(
  fc.record({
    ageMs: fc.constantFrom(300, 1_000, Infinity),
    keys: fc.integer({ min: 1, max: 5 }),
    onceMs: fc.constantFrom(400, 1_000, 5_000),
  }),
  { minLength: CHANNELS, maxLength: CHANNELS },
);
