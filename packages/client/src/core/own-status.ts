import type { StatusPatch } from './events.ts';

/**
 * What the user wants to be seen as. The client keeps it, because a server that lost the session has forgotten it.
 * A field's newest value wins; at most one change is on its way, later ones are merged behind it.
 */
export type OwnStatus = {
  /** What the server acknowledged. */
  readonly confirmed: StatusPatch;
  /** What it was not told yet, or not on this connection. */
  readonly pending: StatusPatch;
  /** The newest ticket in `pending`; 0 for none. */
  readonly upTo: number;
  readonly sent: { readonly request: number; readonly patch: StatusPatch; readonly upTo: number } | null;
};

export const NO_OWN_STATUS: OwnStatus = { confirmed: {}, pending: {}, upTo: 0, sent: null };

/** Statuses in which others see the user offline. */
const HIDDEN: readonly (string | undefined)[] = ['Invisible', 'Offline'];

export function want(own: OwnStatus, patch: StatusPatch, ticket: number): OwnStatus {
  return { ...own, pending: { ...own.pending, ...patch }, upTo: ticket };
}

/** All that the user wants, acknowledged or not. */
export function wanted(own: OwnStatus): StatusPatch {
  return { ...own.confirmed, ...own.sent?.patch, ...own.pending };
}

export function hasPending(own: OwnStatus): boolean {
  return Object.keys(own.pending).length > 0;
}

/** Moves what is pending onto the wire under a request id. */
export function markSent(own: OwnStatus, request: number): OwnStatus {
  return { ...own, pending: {}, upTo: 0, sent: { request, patch: own.pending, upTo: own.upTo } };
}

/** The change on its way was carried out. */
export function confirm(own: OwnStatus): OwnStatus {
  return { ...own, confirmed: { ...own.confirmed, ...own.sent?.patch }, sent: null };
}

/** The change on its way was refused, for good: what was acknowledged before stands. */
export function refuse(own: OwnStatus): OwnStatus {
  return { ...own, sent: null };
}

/** The change on its way has to be told again: its reply was lost with the line, or the server wants it later. */
export function unsend(own: OwnStatus): OwnStatus {
  if (own.sent === null) return own;
  return {
    ...own,
    pending: { ...own.sent.patch, ...own.pending },
    upTo: Math.max(own.sent.upTo, own.upTo),
    sent: null,
  };
}

/**
 * What a login carries of the own status. A new session is told everything. One that resumes is told what it does not
 * know yet; an acknowledged status is left out, for another session of the same device may have changed it since.
 * Unless it hides the user: if the resume fails, the new session must not show them even for a moment.
 */
export function carriedByLogin(own: OwnStatus, resuming: boolean): StatusPatch {
  const patch: Record<string, string> = {};
  const source = resuming ? own.pending : wanted(own);
  for (const name in source) if (source[name]) patch[name] = source[name];
  const s = wanted(own)['s'];
  if (s !== undefined && HIDDEN.includes(s)) patch['s'] = s;
  return patch;
}

/** A new session began: it knows what its login carried, and must be told the rest. */
export function afterNewSession(own: OwnStatus, carried: StatusPatch): OwnStatus {
  const pending: Record<string, string> = {};
  const all = wanted(own);
  for (const name in all) if (all[name] && all[name] !== carried[name]) pending[name] = all[name];
  return { confirmed: carried, pending, upTo: own.upTo, sent: null };
}
