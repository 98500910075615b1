import { STATUSES } from '@carillon/protocol';

/** Part of the client's own presence: `s` for the status, fields by the server's names; an empty string clears. */
export type StatusPatch = Readonly<Record<string, string>>;

/**
 * What the user wants to be seen as. The client keeps it, because a server that lost the session has forgotten it.
 * A field's newest value wins; at most one change is on its way, later ones are merged behind it.
 */
export type OwnStatus = {
  /** What the server acknowledged, or said that it has. */
  readonly confirmed: StatusPatch;
  /** What it was not told yet, or not on this connection. */
  readonly pending: StatusPatch;
  /** The newest ticket in `pending`; 0 for none. */
  readonly upTo: number;
  readonly sent: { readonly request: number; readonly patch: StatusPatch; readonly upTo: number } | null;
};

/** The part of it that outlives a page. */
export type KeptStatus = Pick<OwnStatus, 'confirmed' | 'pending'>;

export const NO_OWN_STATUS: OwnStatus = { confirmed: {}, pending: {}, upTo: 0, sent: null };

/** Statuses in which others see the user offline. */
const HIDDEN: readonly (string | undefined)[] = ['Invisible', 'Offline'];

/** The status of a device that nobody has said anything about. */
const STATUS_AT_FIRST = 'Online';

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

/**
 * The change on its way was refused, for good: what was acknowledged before stands. A status that went with refused
 * fields is told again by itself: whoever chose to be hidden must not be shown for a field's sake.
 */
export function refuse(own: OwnStatus): OwnStatus {
  const { s, ...fields } = own.sent?.patch ?? {};
  const again = s !== undefined && Object.keys(fields).length > 0;
  return { ...own, sent: null, pending: again ? { s, ...own.pending } : own.pending };
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
 * Gives up what was not told. A status that hides the user stays wanted: whatever connects again must not show them,
 * whether or not the app looked at the refusal.
 */
export function abandon(own: OwnStatus): OwnStatus {
  const s = own.pending['s'];
  return { ...own, pending: s !== undefined && HIDDEN.includes(s) ? { s } : {}, upTo: 0 };
}

/**
 * What a login carries of the own status. A new session on a device of its own is told everything. One that resumes, or
 * whose device others share, is told what the server does not know yet: another session may have changed the rest since.
 * A status that hides the user goes with every login: if the resume fails, the new session must not show them even for a
 * moment.
 *
 * @param alone whether the login begins a device that no other session can have changed
 */
export function carriedByLogin(own: OwnStatus, alone: boolean): StatusPatch {
  const patch: Record<string, string> = {};
  const source = alone ? wanted(own) : own.pending;
  for (const name in source) if (source[name]) patch[name] = source[name];
  const s = wanted(own)['s'];
  if (s !== undefined && HIDDEN.includes(s)) patch['s'] = s;
  return patch;
}

export type LoginOutcome = {
  /** What the login carried. */
  readonly carried: StatusPatch;
  /** The device's state behind the login, by the server; null from one that does not say. */
  readonly told: StatusPatch | null;
  readonly resumed: boolean;
  /** Whether other sessions may have this device. */
  readonly shared: boolean;
};

/**
 * A login worked. What the server says that the device has is acknowledged, whoever set it; what this client wants
 * otherwise, and has not told, is told now. A new session is told what the one before was acknowledged, except where
 * another session of the device has had its say: there the last to arrive wins.
 */
export function afterLogin(own: OwnStatus, { carried, told, resumed, shared }: LoginOutcome): OwnStatus {
  if (resumed && told === null) return own;
  const restated = !resumed && (!shared || told === null || isAsAtFirst(told, carried));
  const wants: StatusPatch = restated ? { ...own.confirmed, ...own.pending } : own.pending;
  const pending: Record<string, string> = {};
  for (const [name, value] of Object.entries(wants))
    if (value !== (told === null ? carried[name] : (told[name] ?? ''))) pending[name] = value;
  return { confirmed: told ?? carried, pending, upTo: own.upTo, sent: null };
}

/** Whether nobody but this login has said anything about a device. */
function isAsAtFirst(told: StatusPatch, carried: StatusPatch): boolean {
  return Object.entries(told).every(
    ([name, value]) => value === (carried[name] ?? (name === 's' ? STATUS_AT_FIRST : '')),
  );
}

/**
 * The server refused a login, most likely for the value of a field. Gives up the fields that it carried: those that were
 * never acknowledged if there are any, else those that were. Never the status.
 *
 * @param upTo the newest ticket among what the login carried
 * @returns null where it carried no field; `refused`: whether changes that wait are among what was given up
 */
export function withoutCarriedFields(
  own: OwnStatus,
  carried: StatusPatch,
  upTo: number,
): { readonly own: OwnStatus; readonly refused: boolean } | null {
  const names = Object.keys(carried).filter((name) => name !== 's');
  const untold = names.filter((name) => own.pending[name] === carried[name]);
  if (untold.length > 0) {
    const pending = without(own.pending, untold);
    return { own: { ...own, pending, upTo: own.upTo > upTo ? own.upTo : 0 }, refused: true };
  }
  return names.length === 0
    ? null
    : { own: { ...own, confirmed: without(own.confirmed, names) }, refused: false };
}

function without(patch: StatusPatch, names: readonly string[]): StatusPatch {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => !names.includes(name)));
}

/** What of the own status should outlive the page. */
export function kept(own: OwnStatus): KeptStatus {
  return { confirmed: own.confirmed, pending: { ...own.sent?.patch, ...own.pending } };
}

/** Takes up what an earlier life of the page kept; what was set since is newer. */
export function restore(own: OwnStatus, earlier: KeptStatus, fields: readonly string[]): OwnStatus {
  return {
    ...own,
    confirmed: { ...known(earlier.confirmed, fields), ...own.confirmed },
    pending: { ...known(earlier.pending, fields), ...own.pending },
  };
}

/** The part of a message, or of what was kept, that is a presence: the status and the fields, empty ones left out. */
export function presenceIn(message: object, fields: readonly string[]): StatusPatch {
  return Object.fromEntries(Object.entries(known(message, fields)).filter(([, value]) => value !== ''));
}

function known(patch: object, fields: readonly string[]): StatusPatch {
  const isKnown = ([name, value]: [string, unknown]): boolean =>
    name === 's'
      ? (STATUSES as readonly unknown[]).includes(value)
      : fields.includes(name) && typeof value === 'string';
  return Object.fromEntries(Object.entries(patch).filter(isKnown));
}
