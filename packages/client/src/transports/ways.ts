import type { ClientState, Phase } from '../core/state.ts';
import type { UnderWay } from '../core/channels/channels.ts';
import type { ConnectionReason, Transport } from '../core/events.ts';
import type { FetchLike, Platform, WebSocketConstructor, WebSocketLike } from '../platform.ts';
import type { StorageLike } from '../resume-keeper.ts';

// What every page loads of the ways to a server. The rest comes where it is needed.

/** The ways to a server, the best first. */
export const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'longpoll'];

/** A WebSocket that is not open after this long is given up where there is another way, ms. */
export const OPEN_TIMEOUT_MS = 4_000;

/** A line that is lost sooner was cut early, ms: by what lies between, perhaps. */
export const EARLY_MS = 60_000;

/** So many attempts in a row must fail where WebSocket has worked before anything else is tried: a server that restarts is
 * back within them, and all its clients must not come back by other ways. */
export const DOUBTS = 3;

/** What opens lines for a connection may do to it. */
export type LineKeeper = {
  state(): ClientState;
  /** Tries at once, where the client waits for its next attempt. @param other by another way: an attempt under way is given up */
  hope(other?: boolean): void;
  /** Asks whether the line is there; the echo shows that it is in use, too. */
  ask(): void;
  /** Moves the session to an open line. @returns false where it cannot be done now: the line is the caller's still */
  climb(socket: WebSocketLike): boolean;
};

export type LinesParts = {
  readonly platform: Platform;
  /** The address of WebSocket: `wss://…/ws`. */
  readonly url: string;
  readonly WebSocket: WebSocketConstructor | null;
  readonly fetch: FetchLike | null;
  /** Those that can be used here; at least one. */
  readonly transports: readonly Transport[];
  readonly storage: StorageLike | null;
  readonly line: LineKeeper;
  readonly underWay: () => UnderWay;
};

/** Makes the lines of a connection. */
export type MakeLines = (parts: LinesParts) => Lines;

/** Opens lines. What is needed where WebSocket does not work is loaded where it does not. */
export type Lines = {
  /** Gives the socket to listen to, now or later. @throws what the WebSocket constructor throws */
  dial(give: (socket: WebSocketLike) => void): void;
  /** The connection went from one phase to the next. */
  follow(before: Phase, after: Phase): void;
  /** A better line may be possible now. @param moved the network may be another one */
  wake(moved: boolean): void;
  /** What carries the line that was opened last. */
  transport(): Transport | null;
};

/** The whole of it, for where WebSocket does not work. */
export type Ladder = Lines & {
  /** The first line was lost so, before this was loaded. */
  lost(loss: Loss): void;
};

/** How a line ended that was not meant to. */
export type Loss = {
  /** Whether a login came through. */
  readonly worked: boolean;
  readonly livedMs: number;
  /** For how long nothing had been heard. */
  readonly idleMs: number;
};

const LOST: readonly ConnectionReason[] = ['line_lost', 'line_silent', 'connect_timeout', 'login_timeout'];

/** @returns how a line was lost between two phases; null: it was not, or the server said why */
export function lossOf(before: Phase, after: Phase, nowMs: number): Loss | null {
  if (after.name !== 'waiting' || !LOST.includes(after.reason)) return null;
  switch (before.name) {
    case 'live':
      return { worked: true, livedMs: nowMs - before.sinceMs, idleMs: nowMs - before.heardMs };
    case 'opening':
    case 'authenticating':
      return { worked: false, livedMs: 0, idleMs: 0 };
    default:
      return null;
  }
}

/** What is beside `/ws`: `/sse` and `/poll`. */
export function siblingUrl(url: string, name: string): string {
  return url.replace(/^ws/, 'http').replace(/[^/?]*(?=$|\?)/, name);
}

/** Where it is kept what worked on this network. */
export function memoryKey(url: string): string {
  return `carillon:way:${url}`;
}
