import { adviceForClose, decodeDown, type DownMessage, type Err, type Ok } from '@carillon/protocol';
import { type PositionArgument, positionText } from '../position-argument.ts';
import { knownOf, lose, takeGap, takePublications, takeSignals, type Taken } from './publications.ts';
import type { Phase, TailEffect, TailEvent, TailState, Turn } from './tail-state.ts';

// Why this is no client of the SDK: `sub` shows what a server says of a channel, whatever its kind and without the app's
// contract: positions, gaps with their reasons, what could not be recovered. The SDK is made to mend all that unseen, and
// wants to know the kind. And whoever installs the server needs no client; the packages know each other in one direction.
// It is small because it does one thing: one channel, one session, nothing sent but what keeps these two alive.

/** A socket that is not logged in after this long will not be soon, ms; so is a `sub` without an answer. */
const ANSWER_LIMIT_MS = 15_000;

/** Two heartbeats that did not come, and the half that the server waits for an answer ([HB3]). */
const SILENT_INTERVALS = 2.5;

/** Full jitter up to a bound that begins here, doubles with every attempt, and ends there ([ERR4]), ms. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 20_000;

/** Times that it subscribes anew without a publication between, before it takes another line. */
const MAX_HEALS = 5;

/** One step of the tail: changes the state, and says what is to be done, in this order. */
export function step(state: TailState, event: TailEvent, turn: Turn): readonly TailEffect[] {
  const effects: TailEffect[] = [];
  if (state.phase.name === 'ended') return effects;
  switch (event.type) {
    case 'begin':
      open(state, effects);
      break;
    case 'opened':
      if (event.socket === socketOf(state.phase)) logIn(state, event.token, effects);
      break;
    case 'message':
      if (event.socket === socketOf(state.phase)) takeMessage(state, event.text, effects, turn);
      break;
    case 'closed':
      if (event.socket === socketOf(state.phase)) lineLost(state, event.code, event.detail, effects, turn);
      break;
    case 'alarm':
      takeAlarm(state, effects, turn);
      break;
    case 'interrupt':
      finish(state, effects);
      break;
  }
  return effects;
}

function socketOf(phase: Phase): number | null {
  return 'socket' in phase ? phase.socket : null;
}

function open(state: TailState, effects: TailEffect[]): void {
  state.farewell = null;
  state.refusal = null;
  state.phase = { name: 'loggingIn', socket: ++state.socket };
  effects.push({ do: 'open', socket: state.socket }, { do: 'setAlarm', delayMs: ANSWER_LIMIT_MS });
}

/** A status of `Offline` changes nothing about how the user is seen: every other device counts more ([PRE4]). */
function logIn({ settings, resume }: TailState, token: string, effects: TailEffect[]): void {
  const login = {
    t: 'login',
    username: settings.user,
    token,
    v: 1,
    s: 'Offline',
    ...(resume === null ? {} : { resume }),
  };
  effects.push({ do: 'send', text: JSON.stringify(login) });
}

function takeMessage(state: TailState, text: string, effects: TailEffect[], turn: Turn): void {
  const decoded = decodeDown(text);
  // A server that is newer may send what this version does not know ([VER3]).
  if (!decoded.ok) return;
  if (state.phase.name === 'live') effects.push({ do: 'setAlarm', delayMs: state.silenceMs });
  const { message } = decoded;
  switch (message.t) {
    case 'token':
      state.resume = message.token;
      state.silenceMs = message.hbMs * SILENT_INTERVALS;
      return;
    case 'sync':
      if (state.phase.name === 'loggingIn') subscribe(state, effects);
      return;
    case 'hb':
      if (message.q === undefined) effects.push({ do: 'send', text: '{"t":"hb"}' });
      return;
    case 'ok':
      if (isReply(state, message.i)) subscribed(state, message, effects);
      return;
    case 'err':
      takeError(state, message, effects);
      return;
    case 'bye':
      state.farewell = { code: message.code, advice: message.advice, afterMs: message.afterMs ?? 0 };
      return;
    case 'unsub':
      if (message.c === state.settings.channel && state.phase.name === 'live') again(state, effects, turn);
      return;
    default:
      takeOfChannel(state, message, effects, turn);
  }
}

/** What comes of the channel. While a `sub` is under way nothing counts: its answer begins where the tail stands. */
function takeOfChannel(state: TailState, message: DownMessage, effects: TailEffect[], turn: Turn): void {
  if (state.phase.name !== 'live' || !('c' in message) || message.c !== state.settings.channel) return;
  const taken = ((): Taken => {
    switch (message.t) {
      case 'p':
        return takePublications(state, [message], effects);
      case 'ps':
        return takePublications(state, message.ps, effects);
      case 'sig':
        return takeSignals(state, message, effects);
      case 'gap':
        return takeGap(state, message, effects);
      default:
        return 'on';
    }
  })();
  if (taken === 'again') again(state, effects, turn);
  else if (taken === 'enough') finish(state, effects);
}

function isReply({ phase }: TailState, request: number | undefined): boolean {
  return phase.name === 'subscribing' && phase.request === request;
}

function subscribe(state: TailState, effects: TailEffect[]): void {
  const socket = socketOf(state.phase);
  if (socket === null) return;
  const { settings } = state;
  const request = ++state.lastRequest;
  state.phase = { name: 'subscribing', socket, request };
  effects.push(
    { do: 'send', text: JSON.stringify({ t: 'sub', i: request, c: settings.channel, ...startOf(state) }) },
    { do: 'setAlarm', delayMs: ANSWER_LIMIT_MS },
  );
}

/** What a `sub` begins with. */
function startOf({ place, settings }: TailState): object {
  switch (place.name) {
    case 'start':
      return settings.last === null ? {} : { last: settings.last };
    case 'open': {
      const { epoch, offset } = beforeLast(place.floor, settings.last);
      return { e: epoch, o: offset };
    }
    case 'at':
      return { e: place.position.epoch, o: place.position.offset };
  }
}

/** Where the last so many of a channel begin that is at this top. */
function beforeLast({ epoch, offset }: PositionArgument, last: number | null): PositionArgument {
  return { epoch, offset: Math.max(0, offset - (last ?? 0)) };
}

function subscribed(state: TailState, { e, o, rec, why }: Ok, effects: TailEffect[]): void {
  const { phase, place, settings } = state;
  if (phase.name !== 'subscribing') return;
  state.phase = { name: 'live', socket: phase.socket };
  state.begun = true;
  state.failures = 0;
  effects.push({ do: 'setAlarm', delayMs: state.silenceMs });
  // A signal has no positions.
  if (e === undefined || o === undefined) return;
  const top = { epoch: e, offset: o };
  switch (place.name) {
    case 'at':
      if (rec === true) return;
      lose(state, why ?? 'epoch', place.position, top, effects);
      state.place = { name: 'at', position: top };
      return;
    case 'open': {
      // The line dropped before the first of the last so many came. They and all since are behind one position.
      const begins = beforeLast(place.floor, settings.last);
      if (rec === true) {
        state.place = { name: 'at', position: begins };
        return;
      }
      if (top.epoch !== place.floor.epoch) {
        lose(state, why ?? 'epoch', place.floor, top, effects);
        state.place = { name: 'at', position: top };
        return;
      }
      // Fewer are kept. Where something was published since, that must not be missed for what was before.
      state.place =
        top.offset === place.floor.offset ? { name: 'start' } : { name: 'at', position: place.floor };
      return subscribe(state, effects);
    }
    case 'start':
      state.place = settings.last === null ? { name: 'at', position: top } : { name: 'open', floor: top };
  }
}

function takeError(state: TailState, { i, code, m, retryAfterMs }: Err, effects: TailEffect[]): void {
  const reason = `${code}: ${m}`;
  // Of a resume that failed nothing follows: the login goes on with a new session ([RES4]).
  if (state.phase.name === 'loggingIn' && code !== 'resume_failed') state.refusal = reason;
  if (!isReply(state, i) || state.phase.name !== 'subscribing') return;
  if (retryAfterMs === undefined) return fail(state, reason, effects);
  state.phase = { name: 'paused', socket: state.phase.socket };
  effects.push({ do: 'setAlarm', delayMs: retryAfterMs });
}

/** Subscribes anew, from the last position. */
function again(state: TailState, effects: TailEffect[], turn: Turn): void {
  if (state.heals++ < MAX_HEALS) return subscribe(state, effects);
  state.heals = 0;
  drop(state, 'what comes does not fit together', effects, turn);
}

function takeAlarm(state: TailState, effects: TailEffect[], turn: Turn): void {
  switch (state.phase.name) {
    case 'waiting':
      return open(state, effects);
    case 'paused':
      return subscribe(state, effects);
    case 'loggingIn':
    case 'subscribing':
      return drop(state, 'the server does not answer', effects, turn);
    case 'live':
      return drop(state, 'the line is silent', effects, turn);
    case 'ended':
  }
}

/** Gives the line up and takes another one. */
function drop(state: TailState, reason: string, effects: TailEffect[], turn: Turn): void {
  effects.push({ do: 'close' });
  comeBack(state, reason, 0, effects, turn);
}

function lineLost(
  state: TailState,
  closeCode: number,
  detail: string | null,
  effects: TailEffect[],
  turn: Turn,
): void {
  const { farewell, refusal, settings } = state;
  const advice = farewell?.advice ?? adviceForClose(closeCode);
  const reason = detail ?? refusal ?? farewell?.code ?? `the line was lost (${closeCode})`;
  const ranOut = closeCode === TOKEN_EXPIRED && !settings.renewable;
  if (advice === 'stop' || ranOut) return fail(state, reason, effects);
  comeBack(state, reason, farewell?.afterMs ?? 0, effects, turn);
}

/** The close code of `token_expired`. */
const TOKEN_EXPIRED = 4100;

function comeBack(
  state: TailState,
  reason: string,
  afterMs: number,
  effects: TailEffect[],
  turn: Turn,
): void {
  if (!state.begun) return fail(state, reason, effects);
  const boundMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(state.failures, 5));
  state.failures++;
  state.phase = { name: 'waiting' };
  effects.push(
    { do: 'tell', line: `${reason}; trying again` },
    { do: 'setAlarm', delayMs: afterMs + Math.floor(turn.random * boundMs) },
  );
}

function fail(state: TailState, reason: string, effects: TailEffect[]): void {
  effects.push({ do: 'tell', line: reason });
  end(state, true, effects);
}

function finish(state: TailState, effects: TailEffect[]): void {
  // The session need not wait for a client that does not come back ([LOG7]).
  if (state.phase.name === 'live') effects.push({ do: 'send', text: '{"t":"logout"}' });
  end(state, false, effects);
}

function end(state: TailState, failed: boolean, effects: TailEffect[]): void {
  const position = knownOf(state);
  if (position !== null && state.begun)
    effects.push({ do: 'tell', line: `position ${positionText(position)}` });
  state.phase = { name: 'ended' };
  effects.push({ do: 'close' }, { do: 'end', failed });
}
