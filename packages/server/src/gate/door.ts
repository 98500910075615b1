import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '@carillon/protocol';
import { createKeyedRate } from '../runtime/keyed-rate.ts';
import type { NodeState } from '../runtime/node-api.ts';
import { countedAddress, peerAddress, trustedProxies } from './peer-address.ts';

export type DoorLimits = {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly connectsPerSecond: number;
  readonly connectBurst: number;
  readonly lineBytes: number;
  readonly lineBytesPerSecond: number;
  readonly lineBytesBurst: number;
};

/** What a request of a line costs at least, bytes: its headers and its answer are work too. */
export const LEAST_LINE_COST = 1_024;

export type DoorOptions = {
  /** Origins of pages that may connect; `*` for all. A client without an origin is no page, and needs a token anyway. */
  readonly origins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly limits: DoorLimits;
  readonly state: () => NodeState;
  /** A clock that never steps back. */
  readonly monotonicMs: () => number;
};

/** Who wants a connection, or why they get none. `retryAfterMs` where the refusal knows better than its code. */
export type Knock =
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly code: ErrorCode; readonly retryAfterMs?: number };

/** What all gateways ask before they open a connection, and count it at: one limit for all transports. */
export type Door = {
  /** Connections that are open, of all transports. */
  readonly connections: number;
  /** Origins that are known only once the server listens. */
  allow(origins: readonly string[]): void;
  /** Whether a page of this origin may talk to the server; undefined: it is no page. */
  admitsOrigin(origin: string | undefined): boolean;
  /** Whether the one who asks may open a connection now. What is let in MUST `enter`, or counts against the rate for nothing. */
  knock(request: IncomingMessage): Knock;
  /**
   * Counts a request of a line, whose body has so many bytes, against what its address may send.
   *
   * @returns 0: it may; else in how many ms, and it cost nothing
   */
  weigh(request: IncomingMessage, bytes: number): number;
  /** Counts a connection. @returns its id: no other connection of the node has it, whatever the transport */
  enter(address: string): number;
  leave(address: string): void;
};

export function createDoor({ limits, state, monotonicMs, ...options }: DoorOptions): Door {
  const isTrusted = trustedProxies(options.trustedProxies);
  const origins = new Set(options.origins);
  const perAddress = new Map<string, number>();
  const connects = createKeyedRate({
    perSecond: limits.connectsPerSecond,
    // After a restart everybody of an address comes back at once.
    burst: Math.max(limits.connectBurst, limits.connectionsPerAddress),
  });
  const lineBytes = createKeyedRate({
    perSecond: limits.lineBytesPerSecond,
    // The largest request must be let in some time.
    burst: Math.max(limits.lineBytesBurst, limits.lineBytes, LEAST_LINE_COST),
  });
  let connections = 0;
  let nextId = 0;

  const addressOf = ({ headers, socket }: IncomingMessage): string =>
    peerAddress(socket.remoteAddress, headers['x-forwarded-for'], isTrusted);

  function admitsOrigin(origin: string | undefined): boolean {
    return origin === undefined || origins.has('*') || origins.has(origin);
  }

  return {
    get connections() {
      return connections;
    },
    allow(more) {
      for (const origin of more) origins.add(origin);
    },
    admitsOrigin,
    knock(request) {
      const address = addressOf(request);
      if (!admitsOrigin(request.headers.origin)) return { ok: false, code: 'origin_refused' };
      if (state() !== 'ready' || connections >= limits.connections) return { ok: false, code: 'unavailable' };
      const counted = countedAddress(address);
      if ((perAddress.get(counted) ?? 0) >= limits.connectionsPerAddress)
        return { ok: false, code: 'too_many_connections' };
      // Last, so that only what would get in counts: whoever is sent away to come back loses nothing by it.
      const retryAfterMs = connects.take(counted, monotonicMs());
      return retryAfterMs > 0 ? { ok: false, code: 'rate_limited', retryAfterMs } : { ok: true, address };
    },
    weigh: (request, bytes) =>
      lineBytes.take(countedAddress(addressOf(request)), monotonicMs(), Math.max(bytes, LEAST_LINE_COST)),
    enter(address) {
      connections++;
      const counted = countedAddress(address);
      perAddress.set(counted, (perAddress.get(counted) ?? 0) + 1);
      return ++nextId;
    },
    leave(address) {
      connections--;
      const counted = countedAddress(address);
      const left = (perAddress.get(counted) ?? 1) - 1;
      if (left === 0) perAddress.delete(counted);
      else perAddress.set(counted, left);
    },
  };
}
