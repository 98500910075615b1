import { describe, expect, it } from 'vitest';
import type { ClientEvent, ClientState, Phase } from '../src/core/index.ts';
import { type CoreDriver, connected, driveCore, tokenMessage } from './core-driver.ts';

type Name = Phase['name'];

/** One driver in each phase. */
const PHASES: Record<Name, () => CoreDriver> = {
  idle: () => driveCore(),
  stopped() {
    const driver = connected();
    driver.close(4200 + 4);
    return driver;
  },
  fetching() {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    return driver;
  },
  opening() {
    const driver = PHASES.fetching();
    driver.giveToken();
    return driver;
  },
  authenticating() {
    const driver = PHASES.opening();
    driver.open();
    return driver;
  },
  live: () => connected(),
  leaving() {
    const driver = connected();
    driver.dispatch({ type: 'logout' });
    return driver;
  },
  waiting() {
    const driver = connected();
    driver.close();
    return driver;
  },
};

const socketOf = (state: ClientState): number => ('socket' in state.phase ? state.phase.socket : 99);
const fetchOf = (state: ClientState): number => ('fetch' in state.phase ? state.phase.fetch : 99);

type Make = (state: ClientState) => ClientEvent;
const EVENTS = {
  start: () => ({ type: 'start', resume: null }),
  stop: () => ({ type: 'stop' }),
  logout: () => ({ type: 'logout' }),
  socketOpened: (state) => ({ type: 'socketOpened', socket: socketOf(state) }),
  'socketClosed 1006': (state) => ({ type: 'socketClosed', socket: socketOf(state), code: 1006 }),
  'socketClosed 4204': (state) => ({ type: 'socketClosed', socket: socketOf(state), code: 4204 }),
  'socketClosed of an older socket': () => ({ type: 'socketClosed', socket: 0, code: 1006 }),
  'message token': (state) => ({
    type: 'socketMessage',
    socket: socketOf(state),
    text: JSON.stringify(tokenMessage()),
  }),
  'message bye stop': (state) => ({
    type: 'socketMessage',
    socket: socketOf(state),
    text: '{"t":"bye","code":"logged_out","advice":"stop"}',
  }),
  'message of an older socket': () => ({
    type: 'socketMessage',
    socket: 0,
    text: '{"t":"bye","code":"logged_out","advice":"stop"}',
  }),
  'message not JSON': (state) => ({ type: 'socketMessage', socket: socketOf(state), text: '<html>' }),
  'timer attempt': () => ({ type: 'timer', name: 'attempt' }),
  'timer retry': () => ({ type: 'timer', name: 'retry' }),
  'timer watch': () => ({ type: 'timer', name: 'watch' }),
  'timer probe': () => ({ type: 'timer', name: 'probe' }),
  'timer refresh': () => ({ type: 'timer', name: 'refresh' }),
  'timer status': () => ({ type: 'timer', name: 'status' }),
  'timer leave': () => ({ type: 'timer', name: 'leave' }),
  tokenReady: (state) => ({ type: 'tokenReady', fetch: fetchOf(state), token: 'jwt' }),
  tokenFailed: (state) => ({ type: 'tokenFailed', fetch: fetchOf(state) }),
  networkOnline: () => ({ type: 'networkOnline' }),
  networkOffline: () => ({ type: 'networkOffline' }),
  visible: () => ({ type: 'visible' }),
  replyMissing: () => ({ type: 'replyMissing' }),
  setStatus: () => ({ type: 'setStatus', patch: { s: 'Busy' }, ticket: 1 }),
} as const satisfies Record<string, Make>;

/** What each event makes of each phase; a phase that is not named stays. */
const TABLE: Record<keyof typeof EVENTS, Partial<Record<Name, Name>>> = {
  // A start that comes while leaving, or while waiting, is an attempt at once; the login token at hand is used again.
  start: { idle: 'fetching', stopped: 'fetching', leaving: 'fetching', waiting: 'opening' },
  stop: {
    stopped: 'idle',
    fetching: 'idle',
    opening: 'idle',
    authenticating: 'idle',
    live: 'idle',
    leaving: 'idle',
    waiting: 'idle',
  },
  logout: {
    stopped: 'idle',
    fetching: 'idle',
    opening: 'idle',
    authenticating: 'leaving',
    live: 'leaving',
    waiting: 'idle',
  },
  socketOpened: { opening: 'authenticating' },
  'socketClosed 1006': { opening: 'waiting', authenticating: 'waiting', live: 'waiting', leaving: 'idle' },
  'socketClosed 4204': { opening: 'stopped', authenticating: 'stopped', live: 'stopped', leaving: 'idle' },
  'socketClosed of an older socket': {},
  'message token': {},
  'message bye stop': { opening: 'stopped', authenticating: 'stopped', live: 'stopped', leaving: 'idle' },
  'message of an older socket': {},
  'message not JSON': {},
  'timer attempt': { fetching: 'waiting', opening: 'waiting', authenticating: 'waiting' },
  'timer retry': { waiting: 'opening' },
  'timer watch': {},
  'timer probe': {},
  'timer refresh': {},
  'timer status': {},
  'timer leave': { leaving: 'idle' },
  tokenReady: { fetching: 'opening' },
  tokenFailed: { fetching: 'waiting' },
  networkOnline: { waiting: 'opening' },
  networkOffline: {},
  visible: { waiting: 'opening', stopped: 'waiting' },
  replyMissing: { live: 'waiting' },
  setStatus: {},
};

describe('every event in every phase', () => {
  for (const [eventName, targets] of Object.entries(TABLE) as [
    keyof typeof EVENTS,
    Partial<Record<Name, Name>>,
  ][]) {
    for (const from of Object.keys(PHASES) as Name[]) {
      const to = targets[from] ?? from;
      it(`${eventName}: ${from} -> ${to}`, () => {
        const driver = PHASES[from]();
        expect(driver.state.phase.name).toBe(from);
        const event: ClientEvent = EVENTS[eventName](driver.state);
        // The driver that reports the end of a socket, or fires a timer, has none any more.
        if (event.type === 'socketClosed' && event.socket === driver.socket) driver.close(event.code);
        else if (event.type === 'timer' && driver.timers.has(event.name))
          driver.advance(driver.timers.get(event.name)! - driver.nowMs);
        else driver.dispatch(event);
        expect(driver.state.phase.name).toBe(to);
      });
    }
  }

  it('tells the app nothing but connecting, connected and disconnected', () => {
    for (const make of Object.values(PHASES)) {
      for (const change of make().statuses)
        expect(['connecting', 'connected', 'disconnected']).toContain(change.status);
    }
  });
});
