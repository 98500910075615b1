import type { ActingSession } from '../../ports/presence.ts';
import type { SessionRecord } from '../../ports/sessions.ts';

/** A device as this node knows it. */
export type HeldDevice = {
  readonly name: string;
  /** What it says, as scripts answer it; null where that is not known, for the answer did not come. */
  state: string | null;
  /** This node's sessions that hold it, with their generations. Most have one. */
  readonly sessions: ActingSession[];
  /** Until when an HTTP status that this node looks after holds it, ms since the epoch. */
  leaseUntilMs: number | null;
};

/** What this node holds of one user. Lists, not maps: nearly all have one entry, and there is one of these for each user. */
export type HeldUser = {
  readonly user: string;
  readonly sessions: SessionRecord[];
  readonly devices: HeldDevice[];
  /** The visible record as this node last knew it, JSON text. */
  record: string | null;
  /** Calls about the user that are under way, or of which it is not known what became of them. */
  calls: number;
  /** Whether the node's index lists the user; a promise while that is being said. */
  noted: boolean | Promise<void>;
};

export function newHeldUser(user: string): HeldUser {
  return { user, sessions: [], devices: [], record: null, calls: 0, noted: false };
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
    device = { name, state, sessions: [], leaseUntilMs: null };
    held.devices.push(device);
  }
  if (state !== null) device.state = state;
  if ('leaseUntilMs' in by) {
    device.leaseUntilMs = by.leaseUntilMs;
    return;
  }
  const at = device.sessions.findIndex(({ session }) => session === by.session);
  if (at < 0) device.sessions.push(by);
  else device.sessions[at] = by;
}

/** Takes the hold of a session (null: of the HTTP status) off a device, and the device away with its last. */
export function releaseDevice(held: HeldUser, name: string, session: string | null): void {
  const device = heldDevice(held, name);
  if (device === undefined) return;
  if (session === null) device.leaseUntilMs = null;
  else {
    const at = device.sessions.findIndex((holder) => holder.session === session);
    if (at >= 0) device.sessions.splice(at, 1);
  }
  if (device.sessions.length > 0 || device.leaseUntilMs !== null) return;
  held.devices.splice(held.devices.indexOf(device), 1);
}

/** Puts a session in the place of an older generation of it. */
export function holdSession({ sessions }: HeldUser, record: SessionRecord): void {
  const at = sessions.findIndex(({ id }) => id === record.id);
  if (at < 0) {
    sessions.push(record);
    return;
  }
  // Two resumes may be answered in either order: the later generation has it.
  const before = sessions[at];
  if (before !== undefined && before.generation <= record.generation) sessions[at] = record;
}

/** Takes a session away, with its hold on devices. */
export function releaseSession(held: HeldUser, id: string): void {
  const at = held.sessions.findIndex((session) => session.id === id);
  if (at >= 0) held.sessions.splice(at, 1);
  for (const { name } of [...held.devices]) releaseDevice(held, name, id);
}
