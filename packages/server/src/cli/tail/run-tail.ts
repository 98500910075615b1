import { WebSocket } from 'ws';
import { EXIT_FAILED, EXIT_OK } from '../command.ts';
import { step } from './tail.ts';
import { newTail, type TailEffect, type TailEvent, type TailSettings } from './tail-state.ts';

/** Publications are missing in what was printed, and it was said which. */
export const EXIT_INCOMPLETE = 3;

/** How long a connection may take to close before it is cut, ms. */
const CLOSE_LIMIT_MS = 1_000;

export type TailHost = {
  readonly url: URL;
  /** A login token that is good now. */
  getToken(): Promise<string>;
  /** A line of output. @returns false where nothing more should be printed before `drained` */
  print(line: string): boolean;
  /** A line for people. */
  tell(line: string): void;
  /** Calls back once what was printed has been taken. */
  drained(then: () => void): void;
  /** Calls back when the user wants no more. */
  interrupted(then: () => void): void;
};

/**
 * Follows a channel until the count is full, the user interrupts, or it cannot go on.
 *
 * @returns the exit code
 */
export function runTail(settings: TailSettings, host: TailHost): Promise<number> {
  const state = newTail(settings);
  const ended = Promise.withResolvers<number>();
  let current: WebSocket | null = null;
  let alarm: NodeJS.Timeout | undefined;
  /** Whoever reads the output has not taken it yet: nothing is read from the line meanwhile. */
  let blocked = false;
  /** The alarm that rang meanwhile; null: none did. */
  let heldAlarmMs: number | null = null;

  function dispatch(event: TailEvent): void {
    for (const effect of step(state, event, { random: Math.random() })) carryOut(effect);
  }

  function carryOut(effect: TailEffect): void {
    switch (effect.do) {
      case 'open':
        void open(effect.socket);
        return;
      case 'send':
        current?.send(effect.text);
        return;
      case 'close':
        letGo();
        return;
      case 'setAlarm':
        setAlarm(effect.delayMs);
        return;
      case 'print':
        if (!host.print(effect.line)) block();
        return;
      case 'tell':
        host.tell(effect.line);
        return;
      case 'end':
        clearTimeout(alarm);
        ended.resolve(effect.failed ? EXIT_FAILED : state.incomplete ? EXIT_INCOMPLETE : EXIT_OK);
    }
  }

  function setAlarm(delayMs: number): void {
    clearTimeout(alarm);
    alarm = setTimeout(() => {
      // A line that nobody reads from seems silent: it gets its time again when it is read.
      if (blocked) heldAlarmMs = delayMs;
      else dispatch({ type: 'alarm' });
    }, delayMs);
    heldAlarmMs = null;
  }

  function block(): void {
    if (blocked) return;
    blocked = true;
    current?.pause();
    host.drained(() => {
      blocked = false;
      current?.resume();
      if (heldAlarmMs !== null) setAlarm(heldAlarmMs);
    });
  }

  async function open(socket: number): Promise<void> {
    let token: string;
    try {
      token = await host.getToken();
    } catch (error) {
      dispatch({ type: 'closed', socket, code: NEVER_OPENED, detail: reasonOf(error) });
      return;
    }
    // Interrupted meanwhile.
    if (!('socket' in state.phase) || state.phase.socket !== socket) return;
    const webSocket = new WebSocket(host.url, { perMessageDeflate: false });
    let detail: string | null = null;
    current = webSocket;
    webSocket.on('open', () => dispatch({ type: 'opened', socket, token }));
    webSocket.on('message', (data: Buffer) => dispatch({ type: 'message', socket, text: data.toString() }));
    webSocket.on('error', (error) => {
      detail = `${host.url.origin}: ${reasonOf(error)}`;
    });
    webSocket.on('close', (code) => {
      if (current === webSocket) current = null;
      dispatch({ type: 'closed', socket, code, detail });
    });
  }

  function letGo(): void {
    const webSocket = current;
    current = null;
    if (webSocket === null) return;
    webSocket.resume();
    webSocket.close();
    const cut = setTimeout(() => webSocket.terminate(), CLOSE_LIMIT_MS);
    webSocket.on('close', () => clearTimeout(cut));
  }

  host.interrupted(() => dispatch({ type: 'interrupt' }));
  dispatch({ type: 'begin' });
  return ended.promise;
}

/** What WebSocket calls a line that dropped (RFC 6455, section 7.1.5). */
const NEVER_OPENED = 1006;

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
