import {
  DEFAULT_PRESENCE_FIELDS,
  MAX_PRESENCE_VALUE_LENGTH,
  RESERVED_FIELD_NAMES,
  STATUSES,
  type Status,
} from '@carillon/protocol';
import type { DevicePatch, PresenceFields } from '../../ports/presence.ts';

/** One presence field an app uses beside the status. */
export type FieldSpec = { readonly name: string; readonly maxLength: number };

/** The longest value of `a`, `p` and `l` unless configured: a line in a friend list, in UTF-16 units. */
export const DEFAULT_FIELD_LENGTH = 128;

/** Fields are bits 1 to 24 of a change mask. */
export const MAX_FIELDS = 24;

export const DEFAULT_FIELDS: readonly FieldSpec[] = DEFAULT_PRESENCE_FIELDS.map((name) => ({
  name,
  maxLength: DEFAULT_FIELD_LENGTH,
}));

/** Why a configuration of fields cannot be used, or undefined. */
export function fieldSpecsProblem(specs: readonly FieldSpec[]): string | undefined {
  if (specs.length > MAX_FIELDS) return `at most ${MAX_FIELDS} presence fields, not ${specs.length}`;
  const seen = new Set<string>();
  for (const { name, maxLength } of specs) {
    if (!/^[a-z][a-zA-Z0-9_]{0,15}$/.test(name))
      return `presence field "${name}": 1 to 16 letters, digits or _, beginning with a lower-case letter`;
    if (RESERVED_FIELD_NAMES.has(name)) return `presence field "${name}": the protocol uses this name`;
    if (seen.has(name)) return `presence field "${name}" is given twice`;
    if (!Number.isSafeInteger(maxLength) || maxLength < 1 || maxLength > MAX_PRESENCE_VALUE_LENGTH) {
      return `presence field "${name}": maxLength from 1 to ${MAX_PRESENCE_VALUE_LENGTH}`;
    }
    seen.add(name);
  }
  return undefined;
}

export type PatchResult =
  | { readonly ok: true; readonly patch: DevicePatch }
  | { readonly ok: false; readonly detail: string };

/** Reads the presence fields out of a message, checking each against its own limit. Others are ignored ([MSG3]). */
export function readPatch(specs: readonly FieldSpec[], message: object): PatchResult {
  const source = message as Readonly<Record<string, unknown>>;
  const fields: Record<string, string> = {};
  for (const { name, maxLength } of specs) {
    if (!Object.hasOwn(source, name)) continue;
    const value = source[name];
    if (typeof value !== 'string') return { ok: false, detail: `${name}: expected a string` };
    if (value.length > maxLength)
      return { ok: false, detail: `${name}: expected at most ${maxLength} characters` };
    if (!value.isWellFormed()) return { ok: false, detail: `${name}: contains a lone surrogate` };
    fields[name] = value;
  }
  if (!Object.hasOwn(source, 's')) return { ok: true, patch: { fields } };
  const status = source['s'];
  if (!isStatus(status)) return { ok: false, detail: `s: expected one of ${STATUSES.join(', ')}` };
  return { ok: true, patch: { s: status, fields } };
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'string' && (STATUSES as readonly string[]).includes(value);
}

/** The later patch over the earlier, as if both had been applied. */
export function mergePatches(earlier: DevicePatch, later: DevicePatch): DevicePatch {
  return { s: later.s ?? earlier.s, fields: { ...earlier.fields, ...later.fields } };
}

/** Applies a patch's fields; an empty string clears. Returns the same object when nothing changes. */
export function patchFields(before: PresenceFields, patch: PresenceFields): PresenceFields {
  let after: Record<string, string> | undefined;
  for (const name in patch) {
    const value = patch[name] as string;
    if ((before[name] ?? '') === value) continue;
    after ??= { ...before };
    if (value === '') delete after[name];
    else after[name] = value;
  }
  return after ?? before;
}
