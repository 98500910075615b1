import type { PresenceRecord } from '../../ports/presence.ts';
import type { Edge } from '../../ports/directory.ts';
import { type ChangeMask, TRANSITION } from '../outbox/frame.ts';
import type { FieldSpec } from './fields.ts';

/** What a viewer may see of a friend, as bits: bit 0 the status, bit n+1 the n-th field, SEE_LAST_SEEN last seen. */
export type ViewMask = number;

export const SEE_STATUS: ViewMask = 1;
export const SEE_LAST_SEEN: ViewMask = 1 << 25;

export const fieldBit = (index: number): number => 1 << (index + 1);

/** Who may see a part of a user's presence. */
export type AudienceRule = 'followers' | 'close';

/** Decides per viewer: true or false for everything, or the parts that may be seen (`status`, `lastSeen`, field names). */
export type AudienceHook = (ask: {
  readonly owner: string;
  readonly viewer: string;
  readonly close: boolean;
}) => boolean | readonly string[];

export type Audience =
  | { readonly kind: 'rules'; readonly rules: Readonly<Record<string, AudienceRule>> }
  | { readonly kind: 'hook'; readonly decide: AudienceHook };

/** Everyone who follows sees everything. */
export const OPEN_AUDIENCE: Audience = { kind: 'rules', rules: {} };

/** @returns the parts that viewer may see; parts without a rule are for all followers */
export function viewMask(
  specs: readonly FieldSpec[],
  audience: Audience,
  edge: Edge,
  viewer: string,
): ViewMask {
  switch (audience.kind) {
    case 'rules':
      return maskOf(specs, (part) => (audience.rules[part] ?? 'followers') === 'followers' || edge.close);
    case 'hook': {
      const answer = audience.decide({ owner: edge.user, viewer, close: edge.close });
      if (answer === true) return maskOf(specs, () => true);
      if (answer === false) return 0;
      if (!Array.isArray(answer)) {
        // An async hook: its own failure would otherwise be nobody's, and end the process.
        Promise.resolve(answer).catch(() => undefined);
        throw new TypeError('the audience hook must answer at once: true, false or a list');
      }
      return maskOf(specs, (part) => answer.includes(part));
    }
  }
}

function maskOf(specs: readonly FieldSpec[], sees: (part: string) => boolean): ViewMask {
  // Whoever may not see the status sees someone who is always offline: fields and last seen would tell otherwise.
  if (!sees('status')) return 0;
  let mask = SEE_STATUS;
  if (sees('lastSeen')) mask |= SEE_LAST_SEEN;
  specs.forEach((spec, index) => {
    if (sees(spec.name)) mask |= fieldBit(index);
  });
  return mask;
}

/** What others could notice between two records of one user. */
export function changeBetween(
  specs: readonly FieldSpec[],
  before: PresenceRecord,
  after: PresenceRecord,
): ChangeMask {
  const wasOffline = before.s === 'Offline';
  if (wasOffline !== (after.s === 'Offline')) return TRANSITION;
  if (wasOffline) return 0;
  let change = before.s === after.s ? 0 : SEE_STATUS;
  for (let i = 0; i < specs.length; i++) {
    const name = (specs[i] as FieldSpec).name;
    if (before.fields[name] !== after.fields[name]) change |= fieldBit(i);
  }
  return change;
}
