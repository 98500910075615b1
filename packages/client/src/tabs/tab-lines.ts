import type { Platform, WebSocketLike } from '../platform.ts';
import type { LineKeeper } from '../transports/ways.ts';
import { type TabSocket, createTabSocket } from './tab-socket.ts';

/** A line to the next leader that is not open after this long is given up, and the client told that it has none, ms. */
const MOVE_MS = 4_000;

/** The close code of a line that dropped (RFC 6455, section 7.1.5). */
const ABNORMAL_CLOSE = 1006;

export type TabLinesParts = {
  readonly platform: Platform;
  readonly keeper: LineKeeper;
  /** The tab's id. */
  readonly tab: string;
  /** Opens a line to the server. @throws what the WebSocket constructor throws */
  readonly dial: (give: (socket: WebSocketLike) => void) => void;
  /** Asks the leader to open the line. */
  readonly ask: (socket: TabSocket) => void;
  readonly up: (socket: TabSocket, text: string) => void;
  /** The client has closed it. */
  readonly gaveUp: (line: string) => void;
};

/** The lines of one tab's client: one, and a second while it moves from one leader to the next. */
export type TabLines = {
  make(): TabSocket;
  get(line: string): TabSocket | undefined;
  all(): readonly TabSocket[];
  /** The client goes on by another line, and the app sees nothing of it. */
  move(old: TabSocket): void;
  /** By a connection of its own. */
  ride(socket: TabSocket): void;
  /** It is open, on the connection of the leader of this term. */
  opened(socket: TabSocket, term: string): void;
  end(socket: TabSocket, code: number): void;
  /** Forgets all; nobody is told. */
  clear(): void;
};

export function createTabLines(parts: TabLinesParts): TabLines {
  const { platform, keeper } = parts;
  const sockets = new Map<string, TabSocket>();
  let lastLine = 0;

  function make(): TabSocket {
    const socket = createTabSocket(
      `${parts.tab}:${++lastLine}`,
      (from, text) => (from.alone === null ? parts.up(from, text) : from.alone.send(text)),
      close,
    );
    sockets.set(socket.line, socket);
    return socket;
  }

  function nextOf(old: TabSocket): TabSocket | undefined {
    for (const socket of sockets.values()) if (socket.from?.socket === old) return socket;
    return undefined;
  }

  function end(socket: TabSocket, code: number): void {
    const { from } = socket;
    from?.cancel();
    if (!sockets.delete(socket.line)) return;
    if (from === null) socket.tell('close', { code });
    else end(from.socket, code);
  }

  /** The client gives it up. */
  function close(socket: TabSocket): void {
    const { line, alone, from } = socket;
    const next = nextOf(socket);
    if (next !== undefined) close(next);
    from?.cancel();
    if (!sockets.delete(line)) return;
    if (alone === null) parts.gaveUp(line);
    else alone.close();
  }

  return {
    make,
    get: (line) => sockets.get(line),
    all: () => [...sockets.values()],
    move(old) {
      if (keeper.state().phase.name !== 'live') return end(old, ABNORMAL_CLOSE);
      if (nextOf(old) !== undefined) return;
      const next = make();
      const cancel = platform.setTimer(MOVE_MS, () => {
        close(next);
        end(old, ABNORMAL_CLOSE);
      });
      next.from = { socket: old, cancel };
      parts.ask(next);
    },
    ride(socket) {
      try {
        parts.dial((own) => {
          if (!sockets.has(socket.line)) return own.close();
          socket.alone = own;
          own.addEventListener('open', () => socket.tell('open'));
          own.addEventListener('message', (event) => socket.tell('message', event));
          own.addEventListener('close', ({ code }) => end(socket, code));
          own.addEventListener('error', () => {});
        });
      } catch (error) {
        platform.report(error);
        end(socket, ABNORMAL_CLOSE);
      }
    },
    opened(socket, term) {
      if (socket.term !== null) return;
      const { from } = socket;
      socket.term = term;
      socket.from = null;
      if (from === null) return socket.tell('open');
      from.cancel();
      if (keeper.climb(socket.socket)) return;
      close(socket);
      end(from.socket, ABNORMAL_CLOSE);
    },
    end,
    clear() {
      for (const { alone, from } of sockets.values()) {
        alone?.close();
        from?.cancel();
      }
      sockets.clear();
    },
  };
}
