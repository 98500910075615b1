import type { LinesParts, Lines } from '../transports/ways.ts';

/** WebSocket, and nothing else. */
export function webSocketLines({ url, WebSocket }: LinesParts): Lines {
  return {
    dial(give) {
      if (WebSocket !== null) give(new WebSocket(url));
    },
    follow() {},
    wake() {},
    transport: () => 'websocket',
  };
}
