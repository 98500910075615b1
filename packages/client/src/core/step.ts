import type { Err, Ok, Token } from '@carillon/protocol';
import { type ClientState, type LoginPhase, type Phase, connectionOf } from './state.ts';
import type { ConnectionReason, Effect, RefusalCode, TimerName, Turn } from './events.ts';
import type { KeptStatus, StatusPatch } from './own-status.ts';

type Open<T> = { -readonly [K in keyof T]: T[K] };

/**
 * One transition under way: a copy of the state whose parts may be replaced, never changed inside, and the effects so
 * far. It lives for one call of `transition`; outside everything is pure.
 */
export type Step = {
  readonly state: Open<ClientState>;
  readonly effects: Effect[];
  readonly turn: Turn;
  /** The event was the end of the socket: there is nothing left to close. */
  readonly socketGone: boolean;
  /** Null: a client that says nothing of its user. */
  readonly own: OwnPart | null;
};

/**
 * What the own status has to say in a transition of the connection: a part, so that a client without presence need not load it. It
 * alone reads and writes `state.own`.
 */
export type OwnPart = {
  /** The app changes it. */
  set(step: Step, patch: StatusPatch, ticket: number): void;
  /** What an earlier life of the page kept; what was set since is newer. */
  restore(step: Step, earlier: KeptStatus): void;
  /** @returns what a login carries of it */
  login(step: Step): StatusPatch;
  /** The login worked. */
  takeToken(step: Step, phase: LoginPhase, message: Token): void;
  /** A later `token`, with what another session of the device has set. */
  takeNews(step: Step, message: Token): void;
  /** The server does not take a login as it is. @returns whether something that it carried was given up for that */
  mend(step: Step, phase: LoginPhase, refusal: Err): boolean;
  /** The connection is live. */
  tell(step: Step): void;
  takeReply(step: Step, reply: Ok | Err): void;
  /** The `status` timer. */
  onTimer(step: Step): void;
  /** The line goes, and with it what was unanswered. */
  unsend(step: Step): void;
  /** Tells the app that changes it waits for will not be made. `over`: and nothing of it is this client's business any more. */
  abandon(step: Step, code: ConnectionReason, over: boolean): void;
  /** Behind every transition: has it kept where it changed. */
  keep(step: Step, before: ClientState): void;
};

/** The next number: even, for odd request ids are the channels'. */
export function nextId(step: Step): number {
  return (step.state.lastId += 2);
}

export function send(step: Step, socket: number, message: object): void {
  step.effects.push({ do: 'send', socket, text: JSON.stringify(message) });
}

export function isArmed(step: Step, name: TimerName): boolean {
  return step.state.armed.includes(name);
}

/** Sets a timer, in place of the one of that name. Timers count whole milliseconds, so that none fires too soon. */
export function arm(step: Step, name: TimerName, delayMs: number): void {
  if (!isArmed(step, name)) step.state.armed = [...step.state.armed, name];
  step.effects.push({ do: 'setTimer', name, delayMs: Math.ceil(delayMs) });
}

export function disarm(step: Step, name: TimerName): void {
  if (!isArmed(step, name)) return;
  step.state.armed = step.state.armed.filter((other) => other !== name);
  step.effects.push({ do: 'clearTimer', name });
}

/** Settles the app's changes up to a ticket; 0 names none. */
export function settle(step: Step, upTo: number, code: RefusalCode | null, detail = ''): void {
  if (upTo > 0) step.effects.push({ do: 'settle', upTo, code, detail });
}

/** Goes to another phase. Timers belong to the phase that set them. */
export function enter(step: Step, phase: Phase): void {
  for (const name of step.state.armed) step.effects.push({ do: 'clearTimer', name });
  step.state.armed = [];
  step.state.phase = phase;
}

/** Ends a step: the app is told last, when all the rest has been done. */
export function finish(step: Step, before: ClientState): { state: ClientState; effects: readonly Effect[] } {
  // A whole login may be sent before it: what is kept outlives a page that ends in the same instant.
  step.own?.keep(step, before);
  const was = connectionOf(before.phase);
  const is = connectionOf(step.state.phase);
  const same = was.status === is.status && was.reason === is.reason && was.retryInMs === is.retryInMs;
  // Behind a move the app is told of the line that it has now.
  const landed = step.state.phase.name === 'live' && before.phase.name !== 'live';
  if (!same || landed) step.effects.push({ do: 'emitStatus', change: is });
  return { state: step.state, effects: step.effects };
}
