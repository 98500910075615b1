import { step } from '../../src/cli/tail/tail.ts';
import {
  newTail,
  type TailEffect,
  type TailEvent,
  type TailSettings,
  type TailState,
} from '../../src/cli/tail/tail-state.ts';

/** A tail whose line, clock and terminal are the test's. Frames are literal JSON. */
export type TailDriver = {
  readonly state: TailState;
  /** Lines of output. */
  readonly printed: string[];
  /** Lines for people. */
  readonly told: string[];
  /** Both, in their order. */
  readonly all: string[];
  /** Null while it goes on. */
  readonly end: { readonly failed: boolean; readonly incomplete: boolean } | null;
  /** The socket that it wants or has; null: none. */
  readonly socket: number | null;
  /** How long until its alarm, ms; null where it has not set it since this was last asked. */
  readonly alarmMs: number | null;
  /** What it sent since the last time, parsed. */
  sent(): Record<string, unknown>[];
  dispatch(event: TailEvent): void;
  /** Frames of the server, on the present socket. */
  receive(...frames: object[]): void;
  opened(): void;
  closed(code: number, detail?: string): void;
  /** The line is there, and the server let it in. */
  logIn(): void;
};

export const SETTINGS: TailSettings = {
  channel: 'chat:1',
  user: 'auth0|1',
  from: null,
  last: null,
  count: null,
  renewable: true,
};

export const TOKEN = {
  t: 'token',
  token: 'resume-1',
  session: 's_1',
  v: 1,
  resumed: false,
  at: 1,
  graceMs: 60_000,
  hbMs: 30_000,
};

export function driveTail(settings: Partial<TailSettings> = {}, random = 0.5): TailDriver {
  const state = newTail({ ...SETTINGS, ...settings });
  const printed: string[] = [];
  const told: string[] = [];
  const all: string[] = [];
  let sent: Record<string, unknown>[] = [];
  let socket: number | null = null;
  let alarmMs: number | null = null;
  let end: TailDriver['end'] = null;

  function carryOut(effect: TailEffect): void {
    switch (effect.do) {
      case 'open':
        socket = effect.socket;
        return;
      case 'send':
        sent.push(JSON.parse(effect.text) as Record<string, unknown>);
        return;
      case 'close':
        socket = null;
        return;
      case 'setAlarm':
        alarmMs = effect.delayMs;
        return;
      case 'print':
        printed.push(effect.line);
        all.push(effect.line);
        return;
      case 'tell':
        told.push(effect.line);
        all.push(effect.line);
        return;
      case 'end':
        end = { failed: effect.failed, incomplete: state.incomplete };
    }
  }

  const driver: TailDriver = {
    state,
    printed,
    told,
    all,
    get end() {
      return end;
    },
    get socket() {
      return socket;
    },
    get alarmMs() {
      const set = alarmMs;
      alarmMs = null;
      return set;
    },
    sent() {
      const taken = sent;
      sent = [];
      return taken;
    },
    dispatch(event) {
      for (const effect of step(state, event, { random })) carryOut(effect);
    },
    receive(...frames) {
      for (const frame of frames) {
        if (socket === null) return;
        driver.dispatch({ type: 'message', socket, text: JSON.stringify(frame) });
      }
    },
    opened() {
      if (socket !== null) driver.dispatch({ type: 'opened', socket, token: 'jwt' });
    },
    closed(code, detail) {
      const gone = socket;
      socket = null;
      if (gone !== null) driver.dispatch({ type: 'closed', socket: gone, code, detail: detail ?? null });
    },
    logIn() {
      driver.opened();
      driver.receive(TOKEN, { t: 'sync', users: [] });
    },
  };
  driver.dispatch({ type: 'begin' });
  return driver;
}

export const ok = (i: number, more: object = {}): object => ({ t: 'ok', i, e: 'e1', o: 5, ...more });
export const publication = (o: number, more: object = {}): object => ({
  t: 'p',
  c: 'chat:1',
  o,
  d: o,
  ...more,
});
export const replay = (...offsets: number[]): object => ({
  t: 'ps',
  c: 'chat:1',
  ps: offsets.map((o) => ({ o, d: o })),
});

/** The offsets that were printed. */
export const offsetsOf = ({ printed }: TailDriver): number[] =>
  printed.map((line) => (JSON.parse(line) as { offset: number }).offset);
