import fc from 'fast-check';
import type { DevicePatch } from '../../src/ports/presence.ts';

/** Which session a step is about: one of those that were created, the newest first, and which of its generations acts. */
export type Whose = { readonly session: number; readonly behind: number };

/** What one node does. */
export type Act =
  | {
      readonly kind: 'create';
      readonly user: string;
      readonly device: string;
      readonly patch: DevicePatch;
      readonly most: number;
    }
  | { readonly kind: 'resume'; readonly session: number; readonly token: number; readonly as: string | null }
  | { readonly kind: 'join' | 'update'; readonly whose: Whose; readonly patch: DevicePatch }
  | { readonly kind: 'confirm' | 'detach' | 'end'; readonly whose: Whose }
  | {
      readonly kind: 'set';
      readonly user: string;
      readonly device: string;
      readonly forMs: number;
      readonly patch: DevicePatch;
    }
  | {
      readonly kind: 'clear';
      readonly user: string;
      readonly device: string;
      readonly dueInMs: number | null;
    }
  | { readonly kind: 'erase'; readonly user: string };

export type Step =
  /** Several acts of one node at once, in this order. */
  | { readonly kind: 'acts'; readonly node: number; readonly acts: readonly Act[] }
  | { readonly kind: 'pass'; readonly ms: number }
  /** A node dies and is swept by the two others at once; it comes back later. */
  | { readonly kind: 'die'; readonly node: number };

export const USERS = ['alice', 'bob', '{"}', 'ün"i\\☃'];
export const NODES = 3;

const user = fc.constantFrom(...USERS);
const device = fc.constantFrom('d1', 'd1', '__proto__', '☃{"}');
const patch: fc.Arbitrary<DevicePatch> = fc.record({
  s: fc.constantFrom(undefined, 'Online', 'Away', 'Busy', 'Offline', 'Invisible'),
  fields: fc.dictionary(
    fc.constantFrom('a', 'p', 'l'),
    fc.constantFrom('', 'x', '"\\/\u0000\u007f☃', '[]{}'),
    {
      noNullPrototype: true,
      maxKeys: 3,
    },
  ),
});
const whose = fc.record({ session: fc.nat(4), behind: fc.constantFrom(0, 0, 0, 1) });

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      user,
      device,
      patch,
      most: fc.constantFrom(2, 64),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('resume' as const),
      session: fc.nat(4),
      token: fc.nat(2),
      as: fc.constantFrom(null, null, null, 'mallory'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), whose, patch }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('update' as const), whose, patch }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('confirm' as const, 'detach' as const, 'detach' as const, 'end' as const),
      whose,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      user,
      device,
      forMs: fc.constantFrom(1_000, 1_000_000),
      patch,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('clear' as const),
      user,
      device,
      dueInMs: fc.constantFrom(null, 0, 10_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('erase' as const), user }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('acts' as const),
      node: fc.nat(NODES - 1),
      acts: fc.array(act, { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(70_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), node: fc.nat(NODES - 1) }) },
);

/** What several nodes do to the sessions and devices of a few users. */
export const histories = fc.array(step, { minLength: 3, maxLength: 25 });
