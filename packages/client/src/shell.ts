import type { ClientEvent, ConnectionChange, Effect, TimerName } from './core/events.ts';
import type { OwnPart } from './core/step.ts';
import { type ClientState, type CoreSettings, connectionOf, initialState } from './core/state.ts';
import { transition } from './core/transition.ts';
import { guarded } from './listeners.ts';
import type { WireDirection, WireListener } from './inspection.ts';
import type { PageEvent, Platform, WebSocketLike } from './platform.ts';
import type { PresenceStore } from './presence-store.ts';
import type { ResumeKeeper } from './resume-keeper.ts';
import type { StatusTickets } from './status-tickets.ts';
import type { LineKeeper, Lines } from './transports/ways.ts';
import { turnOf } from './turn.ts';

/** WebSocket close code for a line that was never there or dropped without a word (RFC 6455, section 7.1.5). */
const ABNORMAL_CLOSE = 1006;

/** What is done with what comes of presence. */
export type PresenceEffects = Pick<PresenceStore<string>, 'apply' | 'clear' | 'flush'> &
  Pick<StatusTickets, 'settle'>;

export type ShellParts = {
  readonly platform: Platform;
  /** The ways to the server. @param line what they need of the connection */
  readonly lines: (line: LineKeeper) => Lines;
  readonly settings: CoreSettings;
  /** Null: the client says nothing of its user. */
  readonly own: OwnPart | null;
  readonly getToken: () => Promise<string>;
  readonly keeper: ResumeKeeper;
  /** Null: nothing. */
  readonly presence: PresenceEffects | null;
  /** Who is shown every message; it may change at any time. */
  readonly wire: ReadonlySet<WireListener>;
  readonly onConnection: (change: ConnectionChange) => void;
  /** Told of every transition, once its effects have been carried out: what is built on the connection follows it. */
  readonly follow?:
    | ((event: ClientEvent, state: ClientState, effects: readonly Effect[]) => void)
    | undefined;
};

/** Carries out what the core decides, on a platform. */
export type Shell = {
  state(): ClientState;
  connection(): ConnectionChange;
  /** When it became so, by the platform's `nowMs`. */
  changedAtMs(): number;
  dispatch(event: ClientEvent): void;
  /** Sends on that socket, where it is still the one that is there. */
  send(socket: number, text: string): void;
  connect(): void;
  logout(): Promise<void>;
};

export function createShell(parts: ShellParts): Shell {
  const { platform, keeper, presence } = parts;
  const { page, report } = platform;
  const events: ClientEvent[] = [];
  const timers = new Map<TimerName, () => void>();
  let state = initialState(parts.settings);
  let connection = connectionOf(state.phase);
  let changedAtMs = platform.nowMs();
  let busy = false;
  let line: { readonly id: number; readonly socket: WebSocketLike | null } | null = null;
  let better: WebSocketLike | null = null;
  let unwatchPage: (() => void) | null = null;
  let onLeft: (() => void)[] = [];
  const lines = parts.lines({
    state: () => state,
    hope(other) {
      const { name } = state.phase;
      if (name === 'waiting') dispatch({ type: 'networkOnline' });
      // An attempt by the way that has just been given up has had its time; a token will do for any way.
      else if (other && name !== 'fetching') dispatch({ type: 'timer', name: 'attempt' });
    },
    ask: () => dispatch({ type: 'networkOffline' }),
    climb(socket) {
      // Behind other events it may find another state than the caller saw.
      if (busy) return false;
      better = socket;
      dispatch({ type: 'climb' });
      const taken = better === null;
      better = null;
      return taken;
    },
  });

  /** One event at a time: what arises while effects are carried out waits until all of them are. */
  function dispatch(event: ClientEvent): void {
    events.push(event);
    if (busy) return;
    busy = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const result = transition(state, next, turnOf(platform), parts.own);
      const before = state.phase;
      state = result.state;
      for (const effect of result.effects) guarded(() => perform(effect), report);
      parts.follow?.(next, state, result.effects);
      lines.follow(before, state.phase);
    }
    busy = false;
    settlePhase();
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'openSocket':
        return openSocket(effect.socket);
      case 'send':
        return send(effect.socket, effect.text);
      case 'closeSocket': {
        if (line?.id !== effect.socket) return;
        const { socket } = line;
        line = null;
        return socket?.close();
      }
      case 'adoptSocket': {
        const socket = better;
        better = null;
        return socket === null ? undefined : listen(effect.socket, socket);
      }
      case 'setTimer':
        timers.get(effect.name)?.();
        timers.set(
          effect.name,
          platform.setTimer(effect.delayMs, () => {
            timers.delete(effect.name);
            dispatch({ type: 'timer', name: effect.name });
          }),
        );
        return;
      case 'clearTimer':
        timers.get(effect.name)?.();
        timers.delete(effect.name);
        return;
      case 'fetchToken':
        return fetchToken(effect.fetch);
      case 'emitStatus':
        connection = withTransport(effect.change);
        changedAtMs = platform.nowMs();
        // Whoever hears "connected" and looks finds the friends that came with it, and has been told of them.
        presence?.flush();
        return parts.onConnection(connection);
      case 'presence':
        return presence?.apply(effect.message);
      case 'clearPresence':
        return presence?.clear();
      case 'channelMessage':
        // For what follows the connection.
        return;
      case 'saveResume':
        return keeper.keepToken(effect.token);
      case 'clearResume':
        return keeper.keepToken(null);
      case 'saveOwn':
        return keeper.keepOwn(effect.own);
      case 'settle':
        return presence?.settle(effect.upTo, effect.code, effect.detail);
    }
  }

  function withTransport(change: ConnectionChange): ConnectionChange {
    const transport = change.status === 'connected' ? lines.transport() : null;
    return transport === null ? change : { ...change, transport };
  }

  function send(id: number, text: string): void {
    if (line?.id !== id) return;
    show('up', text);
    line.socket?.send(text);
  }

  function show(direction: WireDirection, text: string): void {
    for (const see of parts.wire) guarded(() => see(direction, text), report);
  }

  function openSocket(id: number): void {
    line = { id, socket: null };
    try {
      lines.dial((socket) => {
        if (line?.id === id) listen(id, socket);
        else socket.close();
      });
    } catch (error) {
      // Mixed content, or a policy of the page: the app cannot see it otherwise.
      report(error);
      dispatch({ type: 'socketClosed', socket: id, code: ABNORMAL_CLOSE });
    }
  }

  function listen(id: number, socket: WebSocketLike): void {
    line = { id, socket };
    socket.addEventListener('open', () => dispatch({ type: 'socketOpened', socket: id }));
    socket.addEventListener('message', ({ data }) => {
      if (line?.id !== id || typeof data !== 'string') return;
      show('down', data);
      dispatch({ type: 'socketMessage', socket: id, text: data });
    });
    socket.addEventListener('close', ({ code }) => {
      if (line?.id === id) line = null;
      dispatch({ type: 'socketClosed', socket: id, code });
    });
    // A close follows; `ws` throws errors that nobody listens for.
    socket.addEventListener('error', () => {});
  }

  function fetchToken(fetch: number): void {
    parts.getToken().then(
      (token) => {
        if (typeof token === 'string' && token !== '') return dispatch({ type: 'tokenReady', fetch, token });
        dispatch({ type: 'tokenFailed', fetch });
      },
      (error: unknown) => {
        report(error);
        dispatch({ type: 'tokenFailed', fetch });
      },
    );
  }

  /** What depends on the phase alone: the page is watched while the client is at work, and logouts end. */
  function settlePhase(): void {
    const { phase } = state;
    const working = phase.name !== 'idle' && phase.name !== 'stopped';
    const comesBack = phase.name === 'stopped' && phase.reason === 'replaced';
    if ((working || comesBack) && unwatchPage === null) unwatchPage = page?.watch(onPage) ?? null;
    if (!working) {
      if (!comesBack) {
        unwatchPage?.();
        unwatchPage = null;
      }
      keeper.putAside(true);
    }
    // A duplicate took the session of a page that is looked at.
    if (comesBack && page?.hidden() === false) return onPage('visible');
    if (phase.name === 'leaving') return;
    const left = onLeft;
    onLeft = [];
    for (const resolve of left) resolve();
  }

  function onPage(event: PageEvent): void {
    switch (event) {
      case 'online':
      case 'moved':
        lines.wake(true);
        return dispatch({ type: 'networkOnline' });
      case 'offline':
        return dispatch({ type: 'networkOffline' });
      case 'visible':
        keeper.putAside(false);
        lines.wake(false);
        return dispatch({ type: 'visible' });
      case 'hidden':
        return keeper.putAside(true);
    }
  }

  return {
    state: () => state,
    connection: () => connection,
    changedAtMs: () => changedAtMs,
    dispatch,
    send,
    connect() {
      // Outside of a page nothing announces the end, so what is kept lies in the storage all the time.
      const left = keeper.take(page === null || page.hidden());
      dispatch({ type: 'start', resume: left?.resume ?? null, own: left?.own ?? null });
    },
    logout() {
      const left = new Promise<void>((resolve) => onLeft.push(resolve));
      dispatch({ type: 'logout' });
      return left;
    },
  };
}
