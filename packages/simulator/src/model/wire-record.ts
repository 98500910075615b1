import type { Login } from '@carillon/protocol';
import type { Line } from '../network/line.ts';
import { type DeviceWrite, type Patch, PARTS } from './devices.ts';
import type { Session } from './sessions.ts';

/** What the wire has shown of one connection. */
export type WireRecord = {
  readonly line: Line;
  login: Login | null;
  /** When the login was sent, ms. */
  loginMs: number;
  /** The login's own patch on its way. */
  loginWrite: DeviceWrite | null;
  session: Session | null;
  /** The token went out; then also the sync. */
  hasToken: boolean;
  hasSync: boolean;
  /** When the sync went out, ms. */
  syncedMs: number;
  /** Requests that are not answered yet, with what they write. */
  readonly requests: Map<number, DeviceWrite | null>;
  /** Status changes that came before the token went out. */
  readonly queued: { readonly patch: Patch; readonly request: number | undefined }[];
  /** When the server last asked whether the client is there, or went live, ms. */
  askedMs: number;
  /** When a message was last refused, ms: which one it was is not said to whoever names no request. */
  refusedMs: number;
};

export function newRecord(line: Line): WireRecord {
  return {
    line,
    login: null,
    loginMs: -Infinity,
    loginWrite: null,
    session: null,
    hasToken: false,
    hasSync: false,
    syncedMs: -Infinity,
    requests: new Map(),
    queued: [],
    askedMs: -Infinity,
    refusedMs: -Infinity,
  };
}

/** The parts of a device's state that a message names. */
export function patchOf(message: Readonly<Record<string, unknown>>): Patch {
  const patch: Record<string, string> = {};
  for (const part of PARTS) {
    const value = message[part];
    if (typeof value === 'string') patch[part] = value;
  }
  return patch;
}
