import type { UnderWay } from '../core/channels/channels.ts';
import type { ClientEvent } from '../core/events.ts';
import type { Platform } from '../platform.ts';
import type { LineKeeper, Lines } from '../transports/ways.ts';

/** Makes the lines of one tab. @param line what they may do to the connection @param underWay what a change of the line would cost */
export type LinesOn = (line: LineKeeper, underWay: () => UnderWay) => Lines;

/** What sharing needs of a client. */
export type TabSharingParts = {
  readonly platform: Platform;
  readonly url: string;
  readonly username: string;
  readonly device: string | null;
  readonly fields: readonly string[];
  readonly line: LineKeeper;
  readonly underWay: () => UnderWay;
  readonly make: LinesOn;
};

/** Lines that are shared: a client opens them as it would its own. */
export type SharedLines = Lines & {
  /** Of every event of the connection, behind its transition. */
  hear(event: ClientEvent): void;
};

/** Made by `shareTabs` of `@carillon/client/tabs`. @returns null where nothing can be shared */
export type TabSharing = (parts: TabSharingParts) => SharedLines | null;
