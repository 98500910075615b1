import type { Advice } from '@carillon/protocol';
import type { PositionArgument } from '../position-argument.ts';

export type TailSettings = {
  readonly channel: string;
  readonly user: string;
  /** Begin behind this position; null: see `last`. */
  readonly from: PositionArgument | null;
  /** Begin with the last so many; null: with what is published from now on. */
  readonly last: number | null;
  /** End after so many; null: never. */
  readonly count: number | null;
  /** Whether a login token that ran out can be replaced. */
  readonly renewable: boolean;
};

/** Where the tail stands in the channel. */
export type Place =
  /** Not subscribed yet, or on a signal, which has no positions. */
  | { readonly name: 'start' }
  /**
   * Subscribed with the last so many, and none has come yet: the first says where it begins. It lies no further than right
   * behind `floor`, the top at that time.
   */
  | { readonly name: 'open'; readonly floor: PositionArgument }
  /** Everything up to here was printed, or reported as missing ([REC4]). */
  | { readonly name: 'at'; readonly position: PositionArgument };

export type Phase =
  /** From the opening of the socket to the `sync`. */
  | { readonly name: 'loggingIn'; readonly socket: number }
  | { readonly name: 'subscribing'; readonly socket: number; readonly request: number }
  /** The server cannot take the `sub` at the moment; the socket stays. */
  | { readonly name: 'paused'; readonly socket: number }
  | { readonly name: 'live'; readonly socket: number }
  /** For the next attempt to connect. */
  | { readonly name: 'waiting' }
  | { readonly name: 'ended' };

/** What a server said before it closed a connection. */
export type Farewell = { readonly code: string; readonly advice: Advice; readonly afterMs: number };

/** Worked on in place: what runs for each publication copies nothing. */
export type TailState = {
  readonly settings: TailSettings;
  phase: Phase;
  place: Place;
  /** Resume token of the session; null before the first login. */
  resume: string | null;
  /** How long the line may be silent, ms. */
  silenceMs: number;
  farewell: Farewell | null;
  /** What the server refused last: why it closed the connection, where it did not say. */
  refusal: string | null;
  lastRequest: number;
  printed: number;
  /** Publications are missing in what was printed. */
  incomplete: boolean;
  /** Attempts to connect that failed in a row. */
  failures: number;
  /** Times in a row that it subscribed anew without a publication between. */
  heals: number;
  /** Whether it was ever subscribed. Until then a server that cannot be reached is a mistake in the command. */
  begun: boolean;
  socket: number;
};

export type TailEvent =
  | { readonly type: 'begin' }
  /** The socket is open, and there is a login token. */
  | { readonly type: 'opened'; readonly socket: number; readonly token: string }
  | { readonly type: 'message'; readonly socket: number; readonly text: string }
  /** `detail`: why there is no socket, where it never opened. */
  | {
      readonly type: 'closed';
      readonly socket: number;
      readonly code: number;
      readonly detail: string | null;
    }
  | { readonly type: 'alarm' }
  /** The user wants no more. */
  | { readonly type: 'interrupt' };

export type TailEffect =
  /** Mints a token and opens a socket: report `opened` or `closed`. */
  | { readonly do: 'open'; readonly socket: number }
  | { readonly do: 'send'; readonly text: string }
  /** Gives up the socket; it reports nothing any more. */
  | { readonly do: 'close' }
  /** Replaces the one that runs; on time, report `alarm`. */
  | { readonly do: 'setAlarm'; readonly delayMs: number }
  /** A line of output. */
  | { readonly do: 'print'; readonly line: string }
  /** A line for people. */
  | { readonly do: 'tell'; readonly line: string }
  | { readonly do: 'end'; readonly failed: boolean };

/** What a step may look at beside the state. */
export type Turn = {
  /** Uniform in [0, 1). */
  readonly random: number;
};

export function newTail(settings: TailSettings): TailState {
  return {
    settings,
    phase: { name: 'waiting' },
    place: settings.from === null ? { name: 'start' } : { name: 'at', position: settings.from },
    resume: null,
    silenceMs: DEFAULT_SILENCE_MS,
    farewell: null,
    refusal: null,
    lastRequest: 0,
    printed: 0,
    incomplete: false,
    failures: 0,
    heals: 0,
    begun: false,
    socket: 0,
  };
}

/** A line is given up after so long without a message, unless the server names another interval ([HB1], [HB3]). */
const DEFAULT_SILENCE_MS = 75_000;
