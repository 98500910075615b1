import type { WebSocketLike } from '../platform.ts';
import type { LineLike } from './test-server-like.ts';

type Listener = (event: { readonly data: unknown; readonly code: number }) => void;

/** A WebSocket over a line. */
export function socketOn(line: LineLike): WebSocketLike {
  const listeners = new Map<string, Listener[]>();

  function tell(type: string, event: { readonly data?: unknown; readonly code?: number } = {}): void {
    const { data, code = 0 } = event;
    for (const listener of listeners.get(type) ?? []) listener({ data, code });
  }

  const dialed = line.dial({
    opened: () => tell('open'),
    message: (data) => tell('message', { data }),
    closed: (code) => tell('close', { code }),
  });
  return {
    // Nothing here speaks a codec: only texts come.
    send: (text) => dialed.send(text as string),
    close: () => dialed.close(),
    addEventListener(type: string, listener: Listener) {
      listeners.set(type, [...(listeners.get(type) ?? []), listener]);
    },
  };
}
