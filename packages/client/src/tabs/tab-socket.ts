import type { WebSocketLike } from '../platform.ts';

type Event = { readonly data: unknown; readonly code: number };

/** One tab's way to the leader, as its client sees it: a WebSocket. */
export type TabSocket = {
  readonly line: string;
  readonly socket: WebSocketLike;
  /** The leader, by its term, on whose connection it rides; null: none yet. */
  term: string | null;
  /** Where there is nobody to share with, the socket of its own. */
  alone: WebSocketLike | null;
  /** The client has another still, which it is to leave for this one as soon as it is open. */
  from: { readonly socket: TabSocket; readonly cancel: () => void } | null;
  tell(type: 'open' | 'message' | 'close', event?: Partial<Event>): void;
};

export function createTabSocket(
  line: string,
  up: (socket: TabSocket, text: string) => void,
  close: (socket: TabSocket) => void,
): TabSocket {
  const listeners: { readonly type: string; readonly listener: (event: Event) => void }[] = [];
  const made: TabSocket = {
    line,
    socket: {
      // A codec works on the line to the server: between tabs goes text.
      send: (text) => typeof text === 'string' && up(made, text),
      close: () => close(made),
      addEventListener(type: string, listener: (event: Event) => void) {
        listeners.push({ type, listener });
      },
    },
    term: null,
    alone: null,
    from: null,
    tell(type, { data, code = 0 } = {}) {
      for (const entry of listeners) if (entry.type === type) entry.listener({ data, code });
    },
  };
  return made;
}
