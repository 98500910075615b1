import { type Err, type Login, type Logout, type Token, PROTOCOL_VERSION } from '@carillon/protocol';
import { serverWindowMs } from './backoff.ts';
import type { ConnectionReason } from './events.ts';
import { dropLine, forgetSession, halt, rest, retryLater } from './line.ts';
import type { LivePhase, LoginPhase } from './state.ts';
import { type Step, arm, enter, nextId, send } from './step.ts';

/** From the open socket to the sync, ms. */
export const LOGIN_TIMEOUT_MS = 10_000;

/** A logout that is not answered after this long is left to the grace, ms. */
export const LEAVE_TIMEOUT_MS = 5_000;

/** A server that names no interval asks as often as PROTOCOL.md says, ms. */
const DEFAULT_HEARTBEAT_MS = 30_000;

/** @param moving from a line that was live: the app sees none of it */
export function sendLogin(step: Step, socket: number, moving = false): void {
  const { settings, resume, credential, own } = step.state;
  const request = nextId(step);
  const carried = step.own?.login(step) ?? {};
  const login: Login = {
    t: 'login',
    username: settings.username,
    token: credential?.token ?? '',
    v: PROTOCOL_VERSION,
    i: request,
    device: settings.device ?? undefined,
    resume: resume?.token,
    at: resume?.at ?? undefined,
    ...carried,
  };
  enter(step, { name: 'authenticating', socket, request, carried, upTo: own.upTo, granted: null, moving });
  arm(step, 'attempt', LOGIN_TIMEOUT_MS);
  send(step, socket, login);
}

/** Moves the session to the line that stands open beside: the server ends the older one, whichever it hears of first. */
export function climb(step: Step): void {
  dropLine(step);
  const socket = nextId(step);
  step.effects.push({ do: 'adoptSocket', socket });
  sendLogin(step, socket, true);
}

/** The login worked. The connection counts once the sync is here too. */
export function takeToken(step: Step, phase: LoginPhase, message: Token): void {
  const { credential, resume } = step.state;
  const serverAheadMs = message.at / 1000 - step.turn.nowMs;
  // The stamp speaks of the sync that follows: until that is here, the friends are only known up to the older one,
  // and to a new session no older stamp means anything.
  keepResumeToken(step, message.token, message.resumed ? (resume?.at ?? null) : null);
  step.state.session = message.session;
  step.state.refusals = 0;
  if (credential !== null)
    step.state.credential = {
      token: credential.token,
      goodUntilMs: deadline(message.exp, serverAheadMs),
      proven: true,
    };
  step.own?.takeToken(step, phase, message);
  const hbMs = message.hbMs > 0 ? message.hbMs : DEFAULT_HEARTBEAT_MS;
  step.state.phase = { ...phase, granted: { at: message.at, hbMs, graceMs: message.graceMs, serverAheadMs } };
}

/**
 * When a login token runs out, by `nowMs`: its remaining life is counted from the server's clock, for a client whose own
 * is ahead would renew it for ever, and one that is behind never.
 *
 * @param exp ms since the epoch, by the server
 */
export function deadline(exp: number | undefined, serverAheadMs: number): number | null {
  return exp === undefined ? null : exp - serverAheadMs;
}

/** Keeps the newest resume token; the one before is let go only now that this one is here ([RES2]). */
export function keepResumeToken(step: Step, token: string, at: number | null): void {
  step.state.resume = { token, at };
  step.effects.push({ do: 'saveResume', token });
}

/** The sync after a token: the friends are known up to its stamp, and the connection is there. */
export function goLive(
  step: Step,
  phase: LoginPhase,
  granted: NonNullable<LoginPhase['granted']>,
): LivePhase {
  const { nowMs, wallMs } = step.turn;
  if (step.state.resume !== null) step.state.resume = { ...step.state.resume, at: granted.at };
  const live: LivePhase = {
    name: 'live',
    socket: phase.socket,
    sinceMs: nowMs,
    hbMs: granted.hbMs,
    graceMs: granted.graceMs,
    heardMs: nowMs,
    serverAheadMs: granted.serverAheadMs,
    tick: { nowMs, wallMs, delayMs: 0 },
    probe: null,
    renewal: null,
  };
  enter(step, live);
  return live;
}

/** An `err` while logging in. Where it ends the login a `bye` or a close follows and gives the advice ([ERR2]). */
export function takeLoginError(step: Step, phase: LoginPhase, message: Err): void {
  if (message.code === 'resume_failed') {
    // The server begins a new session and sends everything; the stamp belongs to the one that is gone.
    return forgetSession(step);
  }
  if (message.i !== phase.request) return;
  if (message.retryAfterMs !== undefined)
    return retryLater(step, message.code as ConnectionReason, serverWindowMs(message.retryAfterMs));
  if (message.code === 'bad_message') mendLogin(step, phase, message);
}

/** The server does not take the login as it is. Leaves out what is most likely wrong with it; what is left is tried. */
function mendLogin(step: Step, phase: LoginPhase, refusal: Err): void {
  if (step.own?.mend(step, phase, refusal) !== true) {
    if (step.state.resume === null) return halt(step, 'bad_message');
    forgetSession(step);
  }
  retryLater(step, 'bad_message');
}

/** Ends the session, at the server too where there is a line to say so on; else its grace ends it. */
export function leave(step: Step): void {
  const { phase } = step.state;
  // At once, and not when the logout is answered: what the app sets from here on is for the session after this one.
  step.own?.abandon(step, 'logged_out', true);
  if (phase.name === 'leaving') return;
  // Behind a login that is being checked a message waits ([LOG2]): the session must not begin and stay for its grace.
  if (phase.name !== 'live' && phase.name !== 'authenticating') return endSession(step);
  const request = nextId(step);
  enter(step, {
    name: 'leaving',
    socket: phase.socket,
    request,
    wasLive: phase.name === 'live' || phase.moving,
  });
  arm(step, 'leave', LEAVE_TIMEOUT_MS);
  const logout: Logout = { t: 'logout', i: request };
  send(step, phase.socket, logout);
}

/** Forgets everything about the session, the friends included; its own status was forgotten when it was left. */
export function endSession(step: Step): void {
  rest(step);
  forgetSession(step);
  step.state.credential = null;
  step.effects.push({ do: 'clearPresence' });
}
