import type { PageChannels } from '../channels/page-channels.ts';
import type { Line } from '../network/line.ts';

/** A friend as a client shows them. */
export type SeenFriend = {
  readonly s: string;
  /** The presence fields that are not empty. */
  readonly fields: Readonly<Record<string, string>>;
  /** Last seen, ms since the epoch; null while online, and where it is not shown. */
  readonly ts: number | null;
};

/** What a user says of themselves: `s` and fields; an empty string clears. */
export type OwnPatch = Readonly<Record<string, string>>;

/** Somebody at a device. */
export type SimClient = {
  readonly name: string;
  readonly user: string;
  /** The device name it logs in with, or null. */
  readonly device: string | null;
  readonly kind: 'sdk' | 'bare';
  /** Whether it means to be connected; false before it came, after it left, and where the server told it to stop. */
  readonly wants: boolean;
  /** Whether it has its token and its sync, on a line it believes in. */
  readonly connected: boolean;
  readonly line: Line | null;
  /** The newest resume token, where one is kept. */
  readonly resume: string | null;
  /** Status changes that were neither acknowledged nor refused. */
  readonly unsettled: number;
  /** What this client's user set since the page was loaded, newest value by name. */
  readonly said: OwnPatch;
  /** Null where the run is not about channels, and for clients that know none. */
  readonly channels: PageChannels | null;
  come(): void;
  /** Closes the connection; the session is left to its grace. */
  leave(): void;
  /** Moves to another line that it opens beside, where the client knows how and is connected. */
  climb(): void;
  /** Ends the session where the client knows how, then stays away. */
  logOut(): void;
  /** The page is loaded anew: only the stored resume token is left. */
  reload(): void;
  set(patch: OwnPatch): void;
  friends(): ReadonlyMap<string, SeenFriend>;
};
