import type { WebSocket } from 'ws';
import type { Socket } from 'socket.io';
import { CLOSE_TIMEOUT_MS } from '../../gate/web-sockets.ts';

/** What carries a client: polls, or a WebSocket, and at times one that becomes the other. */
export type EngineConnection = Socket['conn'];

/** What Engine.IO hands over of a packet. */
type Packet = { readonly type: string; readonly data?: unknown };

/** Pings and pongs of a WebSocket from one message of its client to the next: they pass by every other limit. */
const MAX_CONTROL_FRAMES = 128;

/** Messages of Socket.IO that announce binary attachments (protocol 5: BINARY_EVENT and BINARY_ACK). */
const BINARY_TYPES = ['5', '6'];

export type EngineEvents = {
  /** All that waited has been handed to the transport. */
  drained(): void;
  /** A packet has come. @returns false where there are too many */
  packet(): boolean;
  /** The client sends binary data. */
  binary(): void;
  closed(): void;
};

/** What the gateway knows of a connection beside what Engine.IO says of it. */
export type WatchedConnection = {
  /** Whether packets wait for the transport to take them: the kernel, or the client's next poll. */
  readonly isBehind: boolean;
  /** Closes it behind what was sent, or without that where the client does not take it within 2 s. */
  end(): void;
  /** Closes it at once. */
  terminate(): void;
};

export function watchConnection(conn: EngineConnection, events: EngineEvents): WatchedConnection {
  let waiting = 0;
  let controlFrames = 0;
  let impatient: NodeJS.Timeout | null = null;

  function terminate(): void {
    conn.close(true);
    webSocketOf(conn)?.terminate();
  }

  function onControlFrame(): void {
    if (++controlFrames > MAX_CONTROL_FRAMES) terminate();
  }

  function watchTransport(): void {
    // Engine.IO gives whoever polls 30 s to come for the end: longer than a server that stops may wait.
    if ('closeTimeout' in conn.transport) conn.transport.closeTimeout = CLOSE_TIMEOUT_MS;
    const webSocket = webSocketOf(conn);
    webSocket?.on('ping', onControlFrame);
    webSocket?.on('pong', onControlFrame);
  }

  conn.on('packetCreate', () => void waiting++);
  conn.on('flush', () => void (waiting = 0));
  // Not before: what is written while Engine.IO hands its packets over would go out ahead of them, and stop it for good.
  conn.on('drain', () => events.drained());
  conn.on('packet', ({ type, data }: Packet) => {
    controlFrames = 0;
    if (!events.packet()) terminate();
    else if (type === 'message' && isBinary(data)) events.binary();
  });
  conn.on('upgrade', watchTransport);
  conn.once('close', () => {
    if (impatient !== null) clearTimeout(impatient);
    events.closed();
  });
  watchTransport();

  return {
    get isBehind() {
      return waiting > 0;
    },
    end() {
      if (impatient !== null || conn.readyState === 'closed') return;
      impatient = setTimeout(terminate, CLOSE_TIMEOUT_MS);
      conn.close();
    },
    terminate,
  };
}

function isBinary(data: unknown): boolean {
  return typeof data !== 'string' || BINARY_TYPES.includes(data.charAt(0));
}

/** The WebSocket below, where it is one: Engine.IO keeps it on the transport, and says so only in its code. */
function webSocketOf({ transport }: EngineConnection): WebSocket | undefined {
  return transport.name === 'websocket'
    ? (transport as unknown as { readonly socket: WebSocket }).socket
    : undefined;
}
