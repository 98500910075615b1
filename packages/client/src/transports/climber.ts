import type { Platform, WebSocketLike } from '../platform.ts';
import type { LineKeeper, LinesParts } from './ways.ts';

/** Between looks for a better way, ms: the first, and the longest. */
export const FIRST_LOOK_MS = 30_000;
export const LONGEST_LOOK_MS = 10 * 60_000;

/** A better line must stand, and the session be on it, within this, ms: a server closes one without a login after 10 s. */
const LOOK_TIMEOUT_MS = 8_000;

/** For so long the session waits for the answers to what it asked, ms; for those to calls, as long as the line stands. */
const PATIENCE_MS = 3_000;

/** Asked on a line before anything else: the echo shows that messages pass, both ways. Odd, so none of the core's own. */
const QUESTION = '{"t":"hb","q":1}';

export type ClimberParts = {
  readonly platform: Platform;
  readonly line: LineKeeper;
  readonly underWay: LinesParts['underWay'];
  /** Opens a line of a better way. */
  readonly open: (rung: number) => WebSocketLike;
  /** The session is moving to it. */
  readonly onMoving: (rung: number) => void;
};

/** Looks for better ways beside the line that there is. */
export type Climber = {
  /** The connection lives on this rung. */
  start(rung: number): void;
  stop(): void;
  /** The connection made a transition. */
  look(): void;
  /** @param moved the network may be another one: what was learned of it counts no more */
  wake(moved: boolean): void;
  /** What was climbed to did not last. */
  slipped(): void;
};

type Trial = { readonly rung: number; readonly socket: WebSocketLike; readySinceMs: number | null };

export function createClimber(parts: ClimberParts): Climber {
  const { platform, line } = parts;
  let from = 0;
  let pauseMs = FIRST_LOOK_MS;
  let lookedAtMs = 0;
  let trial: Trial | null = null;
  let cancel: (() => void) | null = null;

  function set(delayMs: number, run: () => void): void {
    cancel?.();
    cancel = platform.setTimer(delayMs, run);
  }

  /** Half of the pause is chance: the clients of one proxy must not look in one instant. */
  function rest(): void {
    set(Math.ceil(pauseMs * (0.75 + platform.random() / 2)), begin);
  }

  function begin(): void {
    lookedAtMs = platform.nowMs();
    attempt(0);
  }

  function attempt(rung: number): void {
    if (rung >= from) {
      pauseMs = Math.min(pauseMs * 2, LONGEST_LOOK_MS);
      return rest();
    }
    let socket: WebSocketLike;
    try {
      socket = parts.open(rung);
    } catch {
      // A policy of the page, which the first attempt has reported.
      return attempt(rung + 1);
    }
    const current: Trial = { rung, socket, readySinceMs: null };
    trial = current;
    set(LOOK_TIMEOUT_MS, () => over(current));
    socket.addEventListener('open', () => trial === current && socket.send(QUESTION));
    socket.addEventListener('message', ({ data }) => {
      if (trial !== current || typeof data !== 'string' || !data.includes('"q":1')) return;
      current.readySinceMs = platform.nowMs();
      move();
    });
    socket.addEventListener('close', () => over(current));
    socket.addEventListener('error', () => {});
  }

  function over(ended: Trial): void {
    if (trial !== ended) return;
    trial = null;
    ended.socket.close();
    // It stood, and there was no moment to use it: that says nothing against it.
    if (ended.readySinceMs !== null) return rest();
    attempt(ended.rung + 1);
  }

  /** Moves where nothing is lost by it. */
  function move(): void {
    const { phase, own } = line.state();
    if (trial === null || trial.readySinceMs === null || phase.name !== 'live') return;
    const what = parts.underWay();
    const busy = what !== null || own.sent !== null || phase.renewal !== null;
    if (what === 'call' || (busy && platform.nowMs() - trial.readySinceMs < PATIENCE_MS)) return;
    const { rung, socket } = trial;
    trial = null;
    cancel?.();
    if (line.climb(socket)) parts.onMoving(rung);
    else socket.close();
  }

  return {
    start(rung) {
      from = rung;
      if (trial === null && rung > 0) rest();
    },
    stop() {
      cancel?.();
      cancel = null;
      const left = trial;
      trial = null;
      left?.socket.close();
    },
    // Behind the transition: it may be at work still.
    look() {
      if (trial !== null && trial.readySinceMs !== null) platform.later(move);
    },
    wake(moved) {
      if (moved) pauseMs = FIRST_LOOK_MS;
      const soon = moved || platform.nowMs() - lookedAtMs >= FIRST_LOOK_MS;
      if (from > 0 && trial === null && soon && line.state().phase.name === 'live') begin();
    },
    slipped() {
      pauseMs = Math.min(pauseMs * 2, LONGEST_LOOK_MS);
    },
  };
}
