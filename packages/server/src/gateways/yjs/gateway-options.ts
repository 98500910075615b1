import { channelName } from '@carillon/protocol';
import type { Door } from '../../gate/door.ts';
import type { Upgrades } from '../../gate/upgrades.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import type { Rate } from './paced-line.ts';

/** Which document of the contract a name stands for: the pattern has one parameter, which is the name. */
export type DocumentNames = {
  readonly pattern: string;
  readonly parameter: string;
  /** The largest update that such a document takes. */
  readonly updateBytes: number;
};

export type YjsGatewayOptions = {
  readonly upgrades: Upgrades;
  readonly door: Door;
  readonly node: Pick<RealtimeNode, 'open'>;
  readonly clock: Clock;
  readonly names: DocumentNames;
  /** What a connection may send. */
  readonly rate: Rate;
  readonly messageBytes: number;
  /** A connection that does not log in for this long is closed. */
  readonly loginTimeoutMs: number;
};

/** @returns null where no document could be called so */
export function documentChannel(name: string, { pattern, parameter }: DocumentNames): string | null {
  const channel = channelName(pattern, { [parameter]: name });
  return channel.ok ? channel.name : null;
}

/** What stands around an update, and an awareness state beside it. */
const BESIDE_UPDATE_BYTES = 64 * 1024;

/** How large a message of a client may be. */
export function largestMessage({ names }: YjsGatewayOptions): number {
  return names.updateBytes + BESIDE_UPDATE_BYTES;
}

/**
 * How long the text of a message may be that goes up on a line: no longer than a client's own, nor than what may be sent at
 * once, as it is counted by its size.
 */
export function messageUnits({ messageBytes, rate }: YjsGatewayOptions): number {
  return Math.max(4_096, Math.min(messageBytes, (rate.burst - BURST_LEFT) * 1_024));
}

const BURST_LEFT = 8;
