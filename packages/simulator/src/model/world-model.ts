import type { Line } from '../network/line.ts';
import type { Visibility } from './audience.ts';
import { type Device, type DeviceWrite, type Patch, beginWrite, createDevice } from './devices.ts';
import { UNDER_WAY_MS } from './register.ts';
import { type Outages, createOutages } from './outages.ts';
import { type Roster, createRoster } from './roster.ts';
import { type Session, type Sessions, createSessions } from './sessions.ts';
import { type Windows, createWindows } from './windows.ts';

/** A status set over HTTP. */
export type Lease = {
  readonly user: string;
  readonly device: Device;
  /** Whether it was acknowledged; one that was not may hold the device all the same. */
  certain: boolean;
  /** The nodes that were asked for it: one of them looks after it. */
  readonly nodes: Set<object>;
  /** When it runs out, ms; the time it was asked for and the time it was acknowledged give the span. */
  expiresMs: { least: number; most: number };
};

/**
 * What must be true, told by those who act and by the wire at the server's door. It knows the documented rules and
 * nothing of the server's inside.
 */
export type WorldModel = {
  readonly nowMs: () => number;
  readonly graceMs: number;
  /** When somebody last set the node's wall clock; null for never. */
  wallSetMs: number | null;
  readonly visibility: Visibility;
  readonly roster: Roster;
  readonly sessions: Sessions;
  readonly outages: Outages;
  /** Reasons why a user may be shown coming or going, by user. */
  readonly causes: Windows;
  readonly leases: Map<string, Lease>;
  /** Until then a session may be unknown to the store, which lost everything, ms. */
  forgetfulUntilMs: number;
  /** Users of whose devices too little is known to say what they look like. */
  readonly blurred: Set<string>;
  /** The device that a login with this name joins; its state begins anew where nobody holds it. */
  joinNamed(user: string, name: string, state: Patch, by: object): DeviceWrite;
  /** Devices with a name, for statuses set over HTTP and sessions alike. */
  named(user: string, name: string): Device | undefined;
  /** Somebody lets go of a device: whoever is just joining it may find it gone, and begin it anew. */
  letGo(device: Device): void;
  /** Nothing about the user's devices is known any more but that they are gone. */
  eraseUser(user: string): void;
};

/**
 * How long after the grace a session may end at the latest: a dead line is noticed within 75 s, and a restart lets the
 * grace begin anew, ms.
 */
export const LATE_EXPIRY_MS = 150_000;

/** A disk that refuses delays the end of a session by as much as two graces, ms. */
export const LATE_BY_DISK_MS = 120_000;

/** What a device says that begins without a word. */
const NEW_DEVICE: Patch = { s: 'Online', a: '', p: '', l: '' };

/** A reason may take this long to show, ms: everything on its way there takes its time. */
export const CAUSE_MS = 6_000;

export function createWorldModel(
  nowMs: () => number,
  graceMs: number,
  visibility: Visibility,
  outages: Outages = createOutages(nowMs),
  cutSinceMs?: (line: Line) => number | null,
): WorldModel {
  const sessions = createSessions(nowMs, graceMs, outages, cutSinceMs);
  const devices = new Map<string, Device>();
  const leases = new Map<string, Lease>();

  const keyOf = (user: string, name: string): string => JSON.stringify([user, name]);

  /** Whether somebody else holds the device: for sure, perhaps, or nobody. */
  function heldBy(user: string, device: Device, but: object): 'surely' | 'perhaps' | 'nobody' {
    let perhaps = false;
    for (const session of sessions.of(user)) {
      if (session === but || session.device !== device) continue;
      const surely = session.id !== null && !session.ended && sessions.absentMs(session) < graceMs / 2;
      if (surely) return 'surely';
      if (sessions.abandonedMs(session) < graceMs + LATE_EXPIRY_MS + LATE_BY_DISK_MS) perhaps = true;
    }
    const lease = leases.get(keyOf(user, device.name));
    if (lease !== undefined && lease !== but) {
      if (lease.certain && lease.expiresMs.least > nowMs() + UNDER_WAY_MS && model.wallSetMs === null)
        return 'surely';
      perhaps = true;
    }
    return perhaps ? 'perhaps' : 'nobody';
  }

  function isBeingJoined(device: Device): boolean {
    return sessions
      .of(device.user)
      .some((session) => session.device === device && nowMs() - session.beganMs < UNDER_WAY_MS);
  }

  const model: WorldModel = {
    nowMs,
    graceMs,
    wallSetMs: null,
    visibility,
    roster: createRoster(nowMs),
    sessions,
    outages,
    causes: createWindows(),
    leases,
    forgetfulUntilMs: -Infinity,
    blurred: new Set(),
    joinNamed(user, name, state, by) {
      const key = keyOf(user, name);
      const known = devices.get(key);
      const held = known === undefined ? 'nobody' : heldBy(user, known, by);
      if (known === undefined || held === 'nobody') {
        const device = createDevice(nowMs, user, name, state);
        devices.set(key, device);
        return beginWrite(device, state, by, nowMs());
      }
      // Where the device may have been given up, what the login does not name may have begun anew.
      if (held === 'perhaps') beginWrite(known, { ...NEW_DEVICE, ...state }, {}, nowMs());
      return beginWrite(known, state, by, nowMs());
    },
    letGo(device) {
      if (isBeingJoined(device)) beginWrite(device, NEW_DEVICE, {}, nowMs());
    },
    named: (user, name) => devices.get(keyOf(user, name)),
    eraseUser(user) {
      for (const [key, device] of devices) {
        if (device.user !== user) continue;
        // Whoever logs in at this very time comes after the erasure, as somebody new.
        if (isBeingJoined(device)) beginWrite(device, NEW_DEVICE, {}, nowMs());
        else devices.delete(key);
      }
      for (const [key, lease] of leases) if (lease.user === user) leases.delete(key);
      for (const session of sessions.of(user)) session.ended = true;
    },
  };
  return model;
}

export function leaseKey(user: string, device: string): string {
  return JSON.stringify([user, device]);
}

/** Sessions that hold a device when everything is quiet: nobody is away any more but those who are coming back. */
export function presentSessions({ sessions, graceMs }: WorldModel, user: string): readonly Session[] {
  return sessions
    .of(user)
    .filter((session) => session.id !== null && sessions.abandonedMs(session) < graceMs / 2);
}
