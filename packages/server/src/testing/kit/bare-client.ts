import type { TestLine } from './test-line.ts';

/** A message as it stands in a frame: PROTOCOL.md. */
export type Wire = { readonly t: string; readonly [field: string]: unknown };

/** A client that knows only frames, for what the SDK never sends. */
export type BareClient = {
  readonly line: TestLine;
  /** Every message received, oldest first. */
  readonly received: readonly Wire[];
  /** Messages since the last call. */
  take(): readonly Wire[];
  /** The latest of a kind. */
  last(type: string): Wire | undefined;
  /** How the connection ended; null while it stands. */
  readonly closeCode: number | null;
  /** @param message an object, or the frame's text */
  send(message: object | string): void;
  close(): void;
};

/** Connects at once; what is sent before the connection stands goes out when it does. */
export function createBareClient(line: TestLine): BareClient {
  const received: Wire[] = [];
  const waiting: string[] = [];
  let taken = 0;
  let open = false;
  let closeCode: number | null = null;
  const dialed = line.dial({
    opened() {
      open = true;
      for (const text of waiting.splice(0)) dialed.send(text);
    },
    message: (text) => void received.push(JSON.parse(text) as Wire),
    closed(code) {
      closeCode = code;
    },
  });
  return {
    line,
    received,
    take() {
      const fresh = received.slice(taken);
      taken = received.length;
      return fresh;
    },
    last: (type) => received.findLast((message) => message.t === type),
    get closeCode() {
      return closeCode;
    },
    send(message) {
      const text = typeof message === 'string' ? message : JSON.stringify(message);
      if (open) dialed.send(text);
      else waiting.push(text);
    },
    close: () => dialed.close(),
  };
}
