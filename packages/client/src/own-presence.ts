import { type Status, STATUSES } from '@carillon/protocol';
import { CarillonError } from './carillon-error.ts';
import type { StatusPatch } from './core/own-status.ts';

/** The user's own presence, or part of it: the status and the presence fields by the server's names. */
export type OwnPresence<Field extends string> = {
  readonly status?: Status;
} & { readonly [F in Field]?: string };

/**
 * The wire's names for a change.
 *
 * @param lengths the most characters of each presence field
 * @returns the change, or what is wrong with it
 */
export function toWire<Field extends string>(
  change: OwnPresence<Field>,
  lengths: ReadonlyMap<string, number>,
): StatusPatch | CarillonError {
  const patch: Record<string, string> = {};
  for (const [name, value] of Object.entries<unknown>(change)) {
    if (value === undefined) continue;
    const most = lengths.get(name);
    if (name === 'status') {
      if (!(STATUSES as readonly unknown[]).includes(value)) return wrong(name);
      patch['s'] = value as string;
    } else if (most === undefined) return wrong(name);
    else if (typeof value !== 'string' || value.length > most) {
      return wrong(`${name}: at most ${most} characters`);
    } else patch[name] = value;
  }
  return patch;
}

function wrong(detail: string): CarillonError {
  return new CarillonError('bad_message', detail);
}

/** The change in the app's names; cleared fields are left out. */
export function fromWire<Field extends string>(patch: StatusPatch): OwnPresence<Field> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(patch))
    if (value !== '') own[name === 's' ? 'status' : name] = value;
  return own as OwnPresence<Field>;
}
