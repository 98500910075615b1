import type { Clock } from '../../ports/clock.ts';
import type { Connection, Link } from '../../ports/transport.ts';
import { createPipe } from './pipe.ts';

/** The client's side of a connection. After `closed`, or after the client closed it, nothing more comes. */
export type LineEnd = {
  opened(): void;
  message(text: string): void;
  /** @param code WebSocket close code; 1006 where the line was never there or dropped */
  closed(code: number): void;
};

/** A connection as its client holds it. */
export type Dialed = { send(text: string): void; close(): void };

export type CutOptions = {
  /** For so long nobody can connect over it, ms. Absent: 0, the client may come back as soon as it tries. */
  readonly forMs?: number;
};

/**
 * A client's way to the server, over all its connections, and what can be done to it. What concerns the connection of the moment
 * does nothing where there is none.
 */
export type TestLine = {
  /** Connects; the client's end hears how it goes. */
  dial(end: LineEnd): Dialed;
  /** Whether the server holds a connection over it: also one that broke without its knowing. */
  readonly connected: boolean;
  /** The connection drops without a close frame, and both sides learn of it. What was on its way is lost. */
  cut(options?: CutOptions): void;
  /** The connection is dead and nobody is told (a pulled cable): whatever is sent from now on vanishes. The next one works. */
  breakSilently(): void;
  /** What is sent from now on takes so long, either way, ms. In order, as on TCP. */
  delay(ms: number): void;
  /** The client stops reading, and what the kernels between hold is full: what is owed from now on waits in the server's outbox. */
  stall(): void;
  /** The client reads again, and gets what waits. */
  read(): void;
  /** The server gets the client's next message; the line is cut before the answer arrives. */
  loseNextReply(): void;
};

/** What `ws` waits for the answer to a close frame (the gateway's CLOSE_TIMEOUT_MS). */
const CLOSE_TIMEOUT_MS = 2_000;

/** A message that is answered with nothing loses its answer too: after this long the line is cut all the same. */
const LOST_REPLY_MS = 3_000;

/** How a WebSocket ends that was never there, or dropped (RFC 6455, section 7.1.5). */
const ABNORMAL = 1006;
const GOING_AWAY = 1001;

const FRAME_HEADER_BYTES = 4;

/** Who takes connections; null while the server is down. */
export type Gate = () => ((connection: Connection) => Link) | null;

export type LineParts = { readonly clock: Clock; readonly gate: Gate; readonly nextId: () => number };

/** One connection over its whole life. */
type Call = {
  readonly dialed: Dialed;
  readonly serverOpen: boolean;
  cut(): void;
  breakSilently(): void;
  loseNextReply(): void;
  /** The client's reading changed. */
  readingChanged(): void;
};

/** What holds for every connection of a line. */
type Conditions = { delayMs: number; stalled: boolean };

/** @returns the line, and what a server that dies does to it: clients learn of it at once, as from a kernel that lives on */
export function createTestLine(parts: LineParts): { readonly line: TestLine; die(): void } {
  const conditions: Conditions = { delayMs: 0, stalled: false };
  let deadUntilMs = 0;
  let call: Call | null = null;

  const line: TestLine = {
    dial(end) {
      const { clock } = parts;
      const gate: Gate = () => (clock.monotonicMs() < deadUntilMs ? null : parts.gate());
      call = connect({ ...parts, gate }, conditions, end);
      return call.dialed;
    },
    get connected() {
      return call?.serverOpen === true;
    },
    cut({ forMs = 0 } = {}) {
      deadUntilMs = parts.clock.monotonicMs() + forMs;
      call?.cut();
    },
    breakSilently: () => call?.breakSilently(),
    delay(ms) {
      conditions.delayMs = ms;
    },
    stall() {
      conditions.stalled = true;
      call?.readingChanged();
    },
    read() {
      if (!conditions.stalled) return;
      conditions.stalled = false;
      call?.readingChanged();
    },
    loseNextReply: () => call?.loseNextReply(),
  };
  return { line, die: () => call?.cut() };
}

function connect({ clock, gate, nextId }: LineParts, conditions: Conditions, end: LineEnd): Call {
  const up = createPipe(clock, () => conditions.delayMs);
  const down = createPipe(clock, () => conditions.delayMs);
  let client: 'connecting' | 'open' | 'gone' = 'connecting';
  let server: 'none' | 'open' | 'closing' | 'gone' = 'none';
  let link: Link | null = null;
  let losing: 'no' | 'next' | 'now' = 'no';

  function clientGone(code: number): void {
    if (client === 'gone') return;
    client = 'gone';
    end.closed(code);
  }

  function serverGone(code: number): void {
    if (server === 'gone' || server === 'none') return;
    server = 'gone';
    link?.closed(code);
  }

  /** What is on its way arrives nowhere: neither end is there any more. */
  function cut(): void {
    clientGone(ABNORMAL);
    serverGone(ABNORMAL);
  }

  function arrive(text: string): void {
    if (server !== 'open') return;
    const losesReply = losing === 'next';
    if (losesReply) {
      losing = 'now';
      down.breakOff();
      clock.setTimer(LOST_REPLY_MS, cut);
    }
    link?.message(text);
  }

  function accept(): void {
    const open = gate();
    // The client may have hung up meanwhile, or its line been cut.
    if (client !== 'connecting') return;
    if (open === null) return clientGone(ABNORMAL);
    server = 'open';
    down.push(() => {
      client = 'open';
      end.opened();
    });
    if (conditions.stalled) down.pause();
    link = open(connection);
  }

  const connection: Connection = {
    transport: 'websocket',
    id: nextId(),
    address: '127.0.0.1',
    get writing() {
      return conditions.stalled;
    },
    write(run) {
      let bytes = 0;
      for (const { text } of run.frames()) {
        bytes += text.length + FRAME_HEADER_BYTES;
        down.push(() => {
          if (client === 'open') end.message(text);
        });
      }
      if (losing === 'now') clock.setTimer(0, cut);
      return bytes;
    },
    close(code) {
      if (server !== 'open') return;
      server = 'closing';
      down.push(() => {
        clientGone(code);
        up.push(() => serverGone(code));
      });
      clock.setTimer(CLOSE_TIMEOUT_MS, () => serverGone(ABNORMAL));
    },
    terminate() {
      if (server === 'none' || server === 'gone') return;
      server = 'closing';
      down.push(() => clientGone(ABNORMAL));
      clock.setTimer(0, () => serverGone(ABNORMAL));
    },
  };

  clock.setTimer(conditions.delayMs, accept);
  return {
    dialed: {
      send(text) {
        if (client === 'open') up.push(() => arrive(text));
      },
      close() {
        if (client === 'gone') return;
        client = 'gone';
        up.push(() => serverGone(GOING_AWAY));
      },
    },
    get serverOpen() {
      return server === 'open';
    },
    cut,
    breakSilently() {
      up.breakOff();
      down.breakOff();
    },
    loseNextReply() {
      losing = 'next';
    },
    readingChanged() {
      if (conditions.stalled) return down.pause();
      down.unpause();
      if (server === 'open') link?.drained();
    },
  };
}
