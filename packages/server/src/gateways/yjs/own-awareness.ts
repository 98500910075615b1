import type { Err, Ok } from '@carillon/protocol';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { PacedLine } from './paced-line.ts';
import type { AwarenessEntry } from './y-messages.ts';

/** When a refusal does not say when to try again, ms. */
const RETRY_MS = 1_000;

/** What others have of a client: ids beyond so many are not remembered while its own is not known. */
const MAX_TOLD = 10_000;

/**
 * Where one client is, on its way to the server. Clients of y-websocket repeat what they are sent of others; the one that is its own is the
 * first that it names before it could have heard of it. Of what follows faster than it may be sent only the latest goes.
 */
export type OwnAwareness = {
  /** Null until it has shown which is its own. */
  readonly client: number | null;
  heard(entries: readonly AwarenessEntry[]): void;
  /** The client was told of another: this is not its own. */
  told(client: number): void;
  open(): void;
  hold(): void;
  stop(): void;
};

export type AwarenessEvents = {
  /** The client has shown which id is its own. MUST be named to the server before its state is taken. */
  named(client: number): void;
  refused(code: string, detail: string): void;
};

export function createOwnAwareness(
  channel: string,
  line: PacedLine,
  /** How long the text of a message may be. */
  messageUnits: number,
  clock: Pick<Clock, 'setTimer'>,
  events: AwarenessEvents,
): OwnAwareness {
  let client: number | null = null;
  let others: Set<number> | null = new Set();
  let latest: AwarenessEntry | null = null;
  let isOpen = false;
  let isAsked = false;
  let timer: Timer | null = null;

  function ownOf(entries: readonly AwarenessEntry[]): AwarenessEntry | undefined {
    if (client !== null) return entries.find((entry) => entry.client === client);
    const unheard = entries.filter((entry) => others?.has(entry.client) !== true);
    const only = unheard[0];
    if (only === undefined || unheard.length > 1) return undefined;
    client = only.client;
    others = null;
    events.named(client);
    return only;
  }

  function pump(): void {
    if (!isOpen || isAsked || timer !== null || latest === null) return;
    const { client: cl, clock: n, state } = latest;
    latest = null;
    const d = stateOf(state);
    if (d === undefined) return events.refused('bad_message', 'an awareness state is a JSON object');
    const units = state.length + ENVELOPE_UNITS;
    if (units > messageUnits) return events.refused('too_large', `an awareness state of ${state.length}`);
    isAsked = true;
    const message = { t: 'aw', c: channel, cl, n, ...(d === null ? {} : { d }) } as const;
    line.ask(message, units, (answer) => answered({ client: cl, clock: n, state }, answer));
  }

  function answered(entry: AwarenessEntry, answer: Ok | Err | null): void {
    isAsked = false;
    if (answer?.t === 'err') refused(entry, answer);
    pump();
  }

  function refused(entry: AwarenessEntry, { code, m, retryAfterMs }: Err): void {
    if (retryAfterMs === undefined && code !== 'unavailable' && code !== 'rate_limited')
      return events.refused(code, m);
    // Unless there is a newer one: the last that a client says counts until it says another.
    latest ??= entry;
    timer = clock.setTimer(retryAfterMs ?? RETRY_MS, () => {
      timer = null;
      pump();
    });
  }

  return {
    get client() {
      return client;
    },
    heard(entries) {
      const own = ownOf(entries);
      if (own === undefined) return;
      latest = own;
      pump();
    },
    told(other) {
      if (others === null || others.size > MAX_TOLD) return;
      others.add(other);
    },
    open() {
      isOpen = true;
      pump();
    },
    hold() {
      isOpen = false;
    },
    stop() {
      isOpen = false;
      latest = null;
      timer?.cancel();
    },
  };
}

/** @returns undefined where it is neither an object nor null */
function stateOf(text: string): Readonly<Record<string, unknown>> | null | undefined {
  try {
    const state: unknown = JSON.parse(text);
    if (typeof state !== 'object' || Array.isArray(state)) return undefined;
    return state as Readonly<Record<string, unknown>> | null;
  } catch {
    // No JSON.
    return undefined;
  }
}

/** What stands around a state in its message, in UTF-16 units. */
const ENVELOPE_UNITS = 700;
