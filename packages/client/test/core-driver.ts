import { expect } from 'vitest';
import {
  type ClientEvent,
  type ClientState,
  type ConnectionChange,
  type CoreSettings,
  type Effect,
  type Friends,
  type KeptStatus,
  type TimerName,
  createFriends,
  initialState,
  ownStatus,
  transition,
} from '../src/core/index.ts';

/** What the core settled of `setStatus` calls. */
export type Settled = { readonly upTo: number; readonly code: string | null };

/**
 * Drives the core under a virtual clock, and holds it to its contract at every step: never two sockets, timers as the
 * state says, nothing sent to a socket that is not open.
 */
export type CoreDriver = {
  readonly state: ClientState;
  readonly friends: Friends<'a' | 'p' | 'l'>;
  readonly nowMs: number;
  /** The socket that the core holds, or null. */
  readonly socket: number | null;
  readonly timers: ReadonlyMap<TimerName, number>;
  readonly statuses: ConnectionChange[];
  /** Every message sent and not yet looked at. */
  readonly sent: Record<string, unknown>[];
  readonly settled: Settled[];
  /** The resume token as kept outside. */
  readonly stored: string | null;
  /** The own status as kept outside. */
  readonly keptOwn: KeptStatus | null;
  /** Fetches that are unanswered. */
  readonly fetches: number[];
  /** What was handed on to the channels. */
  readonly forwarded: object[];
  readonly sockets: number;
  dispatch(event: ClientEvent): readonly Effect[];
  /** Lets time pass, firing timers on the way. */
  advance(ms: number): void;
  /** The machine sleeps: time passes and no timer fires until it wakes. `monotonic`: whether that clock ran on. `only` these timers fire. */
  sleep(ms: number, monotonic: boolean, only?: readonly TimerName[]): void;
  /** A better line is opened beside, and the core told of it. @returns whether it took it */
  climb(): boolean;
  open(): void;
  receive(message: object | string): void;
  close(code?: number): void;
  giveToken(token?: string): void;
  /** Answers the fetch of this number. */
  giveFetched(fetch: number): void;
  /** Whether the friends were forgotten since this was last asked. */
  clearedPresence(): boolean;
  /** The last status told, with what came with it. */
  connection(): ConnectionChange | undefined;
  /** Takes the messages sent since the last look. */
  takeSent(): Record<string, unknown>[];
};

export type DriverOptions = Partial<CoreSettings> & {
  /** What `turn.random` is, event by event; 0.5 unless given. */
  readonly random?: () => number;
};

export const EPOCH_MS = 1_763_715_600_000;

export function driveCore(options: DriverOptions = {}): CoreDriver {
  const { random = () => 0.5, ...settings } = options;
  let state = initialState({ username: 'alice', device: null, renewable: true, ...settings });
  let nowMs = 1000;
  let wallMs = EPOCH_MS;
  let socket: number | null = null;
  let isOpen = false;
  let stored: string | null = null;
  let keptOwn: KeptStatus | null = null;
  let sockets = 0;
  let beside = false;
  let cleared = false;
  let sent: Record<string, unknown>[] = [];
  const timers = new Map<TimerName, number>();
  const statuses: ConnectionChange[] = [];
  const settled: Settled[] = [];
  const fetches: number[] = [];
  const forwarded: object[] = [];
  const friends = createFriends(['a', 'p', 'l']);

  function dispatch(event: ClientEvent): readonly Effect[] {
    if (event.type === 'socketOpened' && event.socket === socket) isOpen = true;
    const result = transition(deepFreeze(state), event, { nowMs, wallMs, random: random() }, ownStatus);
    state = result.state;
    for (const effect of result.effects) perform(effect);
    expect([...timers.keys()].toSorted(), 'timers that run are those the state names').toEqual(
      [...state.armed].toSorted(),
    );
    const holds = 'socket' in state.phase ? state.phase.socket : null;
    expect(socket, 'the open socket is the one the phase holds').toBe(holds);
    return result.effects;
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'openSocket':
        expect(socket, 'never two sockets').toBeNull();
        socket = effect.socket;
        isOpen = false;
        sockets++;
        return;
      case 'adoptSocket':
        expect(socket, 'never two sockets').toBeNull();
        expect(beside, 'a better line stands open').toBe(true);
        beside = false;
        socket = effect.socket;
        isOpen = true;
        sockets++;
        return;
      case 'closeSocket':
        expect(effect.socket, 'closes the socket it has').toBe(socket);
        socket = null;
        return;
      case 'send':
        expect(effect.socket, 'sends on the socket it has').toBe(socket);
        expect(isOpen, 'sends on an open socket').toBe(true);
        sent.push(JSON.parse(effect.text) as Record<string, unknown>);
        return;
      case 'setTimer':
        expect(effect.delayMs, 'a delay is a number from 0').toBeGreaterThanOrEqual(0);
        expect(Number.isInteger(effect.delayMs), 'of whole milliseconds').toBe(true);
        timers.set(effect.name, nowMs + effect.delayMs);
        return;
      case 'clearTimer':
        expect(timers.delete(effect.name), 'clears a timer that runs').toBe(true);
        return;
      case 'fetchToken':
        fetches.push(effect.fetch);
        return;
      case 'emitStatus':
        statuses.push(effect.change);
        return;
      case 'presence':
        friends.apply(effect.message);
        return;
      case 'clearPresence':
        friends.clear();
        cleared = true;
        return;
      case 'channelMessage':
        forwarded.push(effect.message);
        return;
      case 'saveResume':
        stored = effect.token;
        return;
      case 'clearResume':
        stored = null;
        return;
      case 'saveOwn':
        keptOwn = effect.own;
        return;
      case 'settle':
        settled.push({ upTo: effect.upTo, code: effect.code });
    }
  }

  function due(byMs: number): TimerName | undefined {
    let first: TimerName | undefined;
    for (const [name, atMs] of timers) {
      if (atMs <= byMs && (first === undefined || atMs < (timers.get(first) ?? Infinity))) first = name;
    }
    return first;
  }

  function fire(name: TimerName): void {
    timers.delete(name);
    dispatch({ type: 'timer', name });
  }

  return {
    get state() {
      return state;
    },
    get nowMs() {
      return nowMs;
    },
    get socket() {
      return socket;
    },
    get stored() {
      return stored;
    },
    get keptOwn() {
      return keptOwn;
    },
    get sockets() {
      return sockets;
    },
    get sent() {
      return sent;
    },
    friends,
    timers,
    statuses,
    settled,
    fetches,
    forwarded,
    dispatch,
    advance(ms) {
      const untilMs = nowMs + ms;
      for (let name = due(untilMs); name !== undefined; name = due(untilMs)) {
        const atMs = Math.max(timers.get(name) ?? 0, nowMs);
        wallMs += atMs - nowMs;
        nowMs = atMs;
        fire(name);
      }
      wallMs += untilMs - nowMs;
      nowMs = untilMs;
    },
    sleep(ms, monotonic, only) {
      wallMs += ms;
      if (monotonic) nowMs += ms;
      const names = monotonic
        ? [...timers].filter(([, atMs]) => atMs <= nowMs).map(([name]) => name)
        : [...timers.keys()];
      // One that is set anew meanwhile fires in its own time.
      const set = new Map(timers);
      for (const name of names)
        if (timers.get(name) === set.get(name) && (only?.includes(name) ?? true)) fire(name);
    },
    climb() {
      beside = true;
      dispatch({ type: 'climb' });
      const taken = !beside;
      beside = false;
      return taken;
    },
    open() {
      expect(socket).not.toBeNull();
      dispatch({ type: 'socketOpened', socket: socket! });
    },
    receive(message) {
      expect(socket).not.toBeNull();
      const text = typeof message === 'string' ? message : JSON.stringify(message);
      dispatch({ type: 'socketMessage', socket: socket!, text });
    },
    close(code = 1006) {
      expect(socket).not.toBeNull();
      const closed = socket!;
      socket = null;
      dispatch({ type: 'socketClosed', socket: closed, code });
    },
    giveToken(token = 'jwt-1') {
      const fetch = fetches.shift();
      expect(fetch, 'a token was asked for').toBeDefined();
      dispatch({ type: 'tokenReady', fetch: fetch!, token });
    },
    giveFetched(fetch) {
      fetches.splice(fetches.indexOf(fetch), 1);
      dispatch({ type: 'tokenReady', fetch, token: 'jwt' });
    },
    clearedPresence() {
      const was = cleared;
      cleared = false;
      return was;
    },
    connection: () => statuses.at(-1),
    takeSent() {
      const taken = sent;
      sent = [];
      return taken;
    },
  };
}

/** A `token` message as a server sends it, but for the own state that it tells ([LOG8]). */
export function tokenMessage(over: object = {}): object {
  return {
    t: 'token',
    token: 'resume-1',
    session: 's_1',
    v: 1,
    resumed: false,
    at: 1000,
    graceMs: 60_000,
    hbMs: 30_000,
    ...over,
  };
}

export const SYNC = {
  t: 'sync',
  users: [
    { username: 'bob', s: 'Online', a: 'Coding' },
    { username: 'carol', s: 'Offline', ts: 7 },
  ],
};

/** The stamp of a server whose clock says the same as the client's at first. */
export const AT = EPOCH_MS * 1000;

/** From nothing to connected. */
export function connected(options: DriverOptions = {}, token: object = {}): CoreDriver {
  const driver = driveCore(options);
  driver.dispatch({ type: 'start', resume: null });
  driver.giveToken();
  logIn(driver, token);
  return driver;
}

/** Takes an opening socket through the login. */
export function logIn(driver: CoreDriver, token: object = {}): Record<string, unknown> {
  driver.open();
  const login = driver.takeSent().find((message) => message['t'] === 'login');
  expect(login, 'a login was sent').toBeDefined();
  driver.receive(tokenMessage(token));
  driver.receive(SYNC);
  expect(driver.connection()?.status).toBe('connected');
  return login!;
}

/** Lets time pass on a line that lives: the server is heard from every 20 s. */
export function passTime(driver: CoreDriver, ms: number): void {
  for (let leftMs = ms; leftMs > 0; leftMs -= 20_000) {
    driver.advance(Math.min(leftMs, 20_000));
    driver.receive({ t: 'hb' });
  }
}

/** What is handed to a pure function may not be changed by it. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
