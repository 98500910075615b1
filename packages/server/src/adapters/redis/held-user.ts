import type { ActingSession } from '../../ports/presence.ts';
import type { SessionRecord } from '../../ports/sessions.ts';

/** A device as this node knows it. */
export type HeldDevice = {
  readonly name: string;
  /** What it says, as scripts answer it; null where that is not known, for the answer did not come. */
  state: string | null;
  /** This node's sessions that hold it, with their generations. Most have one. */
  sessions: readonly ActingSession[];
  /** Until when an HTTP status that this node looks after holds it, ms since the epoch. */
  leaseUntilMs: number | null;
};

/**
 * What this node holds of one user. Lists, not maps: nearly all have one entry, and there is one of these for each user. They
 * are replaced, not pushed to: one that is pushed to grows by sixteen entries at once.
 */
export type HeldUser = {
  readonly user: string;
  sessions: readonly SessionRecord[];
  devices: readonly HeldDevice[];
  /** The visible record as this node last knew it, JSON text. */
  record: string | null;
  /** Calls about the user that are under way, or of which it is not known what became of them. */
  calls: number;
  /** Whether the node's index lists the user; a promise while that is being said. */
  noted: boolean | Promise<void>;
};

const NONE: readonly never[] = Object.freeze([]);

/** The user is shown no more, and has no devices. */
export function forgetDevices(held: HeldUser): void {
  held.devices = NONE;
  held.record = null;
}

/** Nothing is held of the user any more. */
export function forgetHeld(held: HeldUser): void {
  held.sessions = NONE;
  forgetDevices(held);
}

export function newHeldUser(user: string): HeldUser {
  return { user, sessions: NONE, devices: NONE, record: null, calls: 0, noted: false };
}

function plus<T>(list: readonly T[], item: T): readonly T[] {
  return list.length === 0 ? [item] : [...list, item];
}

function without<T>(list: readonly T[], isIt: (item: T) => boolean): readonly T[] {
  const rest = list.filter((item) => !isIt(item));
  return rest.length === 0 ? NONE : rest;
}

/** Whether nothing ties the user to this node. */
export function isEmpty({ sessions, devices }: HeldUser): boolean {
  return sessions.length === 0 && devices.length === 0;
}

export function heldDevice(held: HeldUser, name: string): HeldDevice | undefined {
  return held.devices.find((device) => device.name === name);
}

/**
 * Notes that a device is held.
 *
 * @param state null: it is not known
 * @param by a session, or until when an HTTP status holds it
 */
export function holdDevice(
  held: HeldUser,
  name: string,
  state: string | null,
  by: ActingSession | { readonly leaseUntilMs: number },
): void {
  let device = heldDevice(held, name);
  if (device === undefined) {
    device = { name, state, sessions: NONE, leaseUntilMs: null };
    held.devices = plus(held.devices, device);
  }
  if (state !== null) device.state = state;
  if ('leaseUntilMs' in by) {
    device.leaseUntilMs = by.leaseUntilMs;
    return;
  }
  const { session, generation } = by;
  device.sessions = plus(
    without(device.sessions, (holder) => holder.session === session),
    { session, generation },
  );
}

/** Takes the hold of a session (null: of the HTTP status) off a device, and the device away with its last. */
export function releaseDevice(held: HeldUser, name: string, session: string | null): void {
  const device = heldDevice(held, name);
  if (device === undefined) return;
  if (session === null) device.leaseUntilMs = null;
  else device.sessions = without(device.sessions, (holder) => holder.session === session);
  if (device.sessions.length > 0 || device.leaseUntilMs !== null) return;
  held.devices = without(held.devices, (other) => other === device);
}

/** Puts a session in the place of an older generation of it. */
export function holdSession(held: HeldUser, record: SessionRecord): void {
  const before = held.sessions.find(({ id }) => id === record.id);
  // Two resumes may be answered in either order: the later generation has it.
  if (before !== undefined && before.generation > record.generation) return;
  held.sessions = plus(
    without(held.sessions, ({ id }) => id === record.id),
    record,
  );
}

/** Takes a session away, with its hold on devices. */
export function releaseSession(held: HeldUser, id: string): void {
  held.sessions = without(held.sessions, (session) => session.id === id);
  for (const { name } of held.devices) releaseDevice(held, name, id);
}
