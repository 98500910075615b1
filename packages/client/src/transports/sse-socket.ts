import type { WebSocketLike } from '../platform.ts';
import { type HttpParts, ABNORMAL_CLOSE, createHttpSocket } from './http-socket.ts';
import { createSseParser } from './sse-parser.ts';

/** The first event comes at once ([HTTP4]); where it does not, something between keeps the stream back, ms. */
const FIRST_EVENT_MS = 5_000;

/** A line over a stream of server-sent events ([HTTP4]). */
export function createSseSocket(parts: HttpParts): WebSocketLike {
  return createHttpSocket(parts, async (line, opening) => {
    const cancel = parts.platform.setTimer(FIRST_EVENT_MS, () => line.closed(ABNORMAL_CLOSE));
    let code = ABNORMAL_CLOSE;
    const parse = createSseParser(({ name, data }) => {
      if (name === '') return line.message(data);
      const value = JSON.parse(data) as { readonly line?: string; readonly close?: number };
      if (name === 'line' && value.line !== undefined) {
        cancel();
        line.opened(value.line);
      } else if (name === 'close') code = value.close ?? code;
    });
    try {
      const response = await line.post(opening, null);
      if (!response.ok) return await line.refused(response);
      const reader = response.body?.getReader();
      // Without it the stream would be had at its end only.
      if (reader === undefined) return line.closed(ABNORMAL_CLOSE);
      const decoder = new TextDecoder();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read())
        parse(decoder.decode(piece.value, { stream: true }));
      line.closed(code);
    } finally {
      cancel();
    }
  });
}
