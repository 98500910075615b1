import {
  type Bye,
  type DownMessage,
  type Err,
  type Ok,
  MAX_RESUME_TOKEN_LENGTH,
  adviceForClose,
} from '@carillon/protocol';
import type {
  ChannelMessage,
  ClientEvent,
  ConnectionReason,
  Effect,
  PresenceMessage,
  TimerName,
  Turn,
} from './events.ts';
import { attempt, comeBack, followAdvice, open, rest, retryLater, socketOf } from './line.ts';
import { onWatch, probe, settleIn, takeHeartbeat } from './live.ts';
import {
  climb,
  endSession,
  goLive,
  keepResumeToken,
  leave,
  sendLogin,
  takeLoginError,
  takeToken,
} from './login.ts';
import type { KeptStatus } from './own-status.ts';
import { reasonForClose } from './protocol-closes.ts';
import { onRenewalDue, retryRenewal, sendRenewal, takeRenewalReply } from './renewal.ts';
import type { ClientState } from './state.ts';
import { type OwnPart, type Step, finish } from './step.ts';

/**
 * The client's decisions: what the next state is and what must be done. Pure: the same state, event and turn give the
 * same answer, and nothing handed in is changed. Never throws, whatever the event carries.
 *
 * @param own `ownStatus`; null: a client that says nothing of its user
 */
export function transition(
  state: ClientState,
  event: ClientEvent,
  turn: Turn,
  own: OwnPart | null,
): { readonly state: ClientState; readonly effects: readonly Effect[] } {
  const step: Step = {
    state: { ...state },
    effects: [],
    turn,
    socketGone: event.type === 'socketClosed',
    own,
  };
  handle(step, event);
  return finish(step, state);
}

function handle(step: Step, event: ClientEvent): void {
  const { phase } = step.state;
  switch (event.type) {
    case 'start':
      return onStart(step, event.resume, event.own ?? null);
    case 'stop':
      return phase.name === 'leaving' ? endSession(step) : rest(step);
    case 'logout':
      return leave(step);
    case 'socketOpened':
      if (phase.name === 'opening' && phase.socket === event.socket) sendLogin(step, phase.socket);
      return;
    case 'socketMessage':
      if (socketOf(phase) === event.socket) onMessage(step, event.text);
      return;
    case 'socketClosed':
      if (socketOf(phase) === event.socket) onClosed(step, event.code);
      return;
    case 'timer':
      return onTimer(step, event.name);
    case 'tokenReady':
      return onToken(step, event.fetch, event.token);
    case 'tokenFailed':
      return onToken(step, event.fetch, null);
    case 'visible':
      return phase.name === 'stopped' ? comeBack(step, phase.reason) : onHope(step);
    case 'networkOnline':
      return onHope(step);
    case 'networkOffline':
      // What the system says of the network is often wrong (a loopback server, a second interface): ask the line.
      if (phase.name === 'live') probe(step, phase);
      return;
    case 'climb':
      return phase.name === 'live' ? climb(step) : undefined;
    case 'replyMissing':
      return phase.name === 'live' ? retryLater(step, 'reply_missing') : undefined;
    case 'setStatus':
      return step.own?.set(step, event.patch, event.ticket);
  }
}

function onStart(step: Step, resume: string | null, own: KeptStatus | null): void {
  const { phase } = step.state;
  if (phase.name === 'waiting') return onHope(step);
  if (phase.name === 'leaving') endSession(step);
  else if (phase.name !== 'idle' && phase.name !== 'stopped') return;
  if (own !== null) step.own?.restore(step, own);
  if (resume !== null && step.state.resume === null) {
    // What a server would not even read cannot be a session's.
    if (resume.length > MAX_RESUME_TOKEN_LENGTH) step.effects.push({ do: 'clearResume' });
    else step.state.resume = { token: resume, at: null };
  }
  step.state.failures = 0;
  step.state.refusals = 0;
  attempt(step);
}

/** Something makes it likely that the network is there, or has changed. */
function onHope(step: Step): void {
  const { phase } = step.state;
  if (phase.name === 'live') return probe(step, phase);
  // A window that the server asked for stands, whoever looks at the page.
  if (phase.name === 'waiting' && step.turn.nowMs >= phase.notBeforeMs) attempt(step);
}

function onClosed(step: Step, code: number): void {
  const { phase } = step.state;
  if (phase.name === 'leaving') return endSession(step);
  followAdvice(step, adviceForClose(code), reasonForClose(code));
}

function onTimer(step: Step, name: TimerName): void {
  const { phase, armed } = step.state;
  if (!armed.includes(name)) return;
  step.state.armed = armed.filter((other) => other !== name);
  switch (name) {
    case 'retry':
      return attempt(step);
    case 'attempt':
      return retryLater(step, ATTEMPT_TIMEOUTS[phase.name] ?? 'connect_timeout');
    case 'leave':
      return endSession(step);
    case 'status':
      return step.own?.onTimer(step);
    case 'watch':
      return phase.name === 'live' ? onWatch(step, phase) : undefined;
    case 'probe':
      return retryLater(step, 'line_silent');
    case 'refresh':
      return phase.name === 'live' ? onRenewalDue(step, phase) : undefined;
  }
}

const ATTEMPT_TIMEOUTS: Readonly<Record<string, ConnectionReason>> = {
  fetching: 'token_failed',
  authenticating: 'login_timeout',
};

function onToken(step: Step, fetch: number, token: string | null): void {
  const { phase } = step.state;
  if (phase.name === 'fetching' && phase.fetch === fetch) {
    if (token === null) return retryLater(step, 'token_failed');
    step.state.credential = { token, goodUntilMs: null, proven: false };
    return open(step);
  }
  if (phase.name === 'live' && phase.renewal?.step === 'fetching' && phase.renewal.fetch === fetch) {
    if (token === null) return retryRenewal(step, phase);
    sendRenewal(step, phase, token);
  }
}

function onMessage(step: Step, text: string): void {
  if (step.state.phase.name === 'live') step.state.phase = { ...step.state.phase, heardMs: step.turn.nowMs };
  const message = parse(text);
  if (message === null) return;
  switch (message.t) {
    case 'u':
    case 'o':
    case 'x':
    case 'sync':
      return onPresence(step, message);
    case 'hb': {
      const { phase } = step.state;
      if (phase.name === 'live' || phase.name === 'authenticating') takeHeartbeat(step, phase, message);
      return;
    }
    case 'token': {
      const { phase, resume } = step.state;
      if (phase.name === 'authenticating') takeToken(step, phase, message);
      else if (phase.name === 'live') {
        keepResumeToken(step, message.token, resume?.at ?? null);
        step.own?.takeNews(step, message);
      }
      return;
    }
    case 'ok':
    case 'err':
      return onReply(step, message);
    case 'bye':
      return onBye(step, message);
    default:
      return forward(step, message);
  }
}

/** What only the channels may have a use for. A newer server may send what nobody here knows ([MSG3]). */
function forward(step: Step, message: ChannelMessage): void {
  if (step.state.phase.name === 'live') step.effects.push({ do: 'channelMessage', message });
}

function onPresence(step: Step, message: PresenceMessage): void {
  const { phase } = step.state;
  if (phase.name === 'leaving') return;
  step.effects.push({ do: 'presence', message });
  if (message.t !== 'sync' || phase.name !== 'authenticating' || phase.granted === null) return;
  settleIn(step, goLive(step, phase, phase.granted));
}

function onReply(step: Step, reply: Ok | Err): void {
  const { phase } = step.state;
  if (phase.name === 'leaving') {
    if (reply.i === phase.request) endSession(step);
  } else if (phase.name === 'live') {
    // An `err` that names no request may be meant for any ([LIM1]).
    if (reply.i === undefined || reply.i % 2 === 1) return forward(step, reply);
    if (!takeRenewalReply(step, phase, reply)) step.own?.takeReply(step, reply);
  } else if (phase.name === 'authenticating' && reply.t === 'err') {
    takeLoginError(step, phase, reply);
  }
}

function onBye(step: Step, message: Bye): void {
  if (step.state.phase.name === 'leaving') return endSession(step);
  // A server newer than this client may name a reason that it does not know: the advice is what counts.
  followAdvice(step, message.advice, message.code as ConnectionReason, message.afterMs);
}

/** The SDK trusts its server's shapes; what is no message at all is passed over. */
function parse(text: string): DownMessage | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as DownMessage) : null;
  } catch {
    // Not JSON: a proxy's page, perhaps. The heartbeat tells whether the line is of use.
    return null;
  }
}
