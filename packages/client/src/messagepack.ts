/** MessagePack instead of JSON over WebSockets, for the option `codec`. */
import { JSON_SUBPROTOCOL, PACKED_SUBPROTOCOL, pack, unpack } from '@carillon/protocol';
import type { Codec, WebSocketConstructor, WebSocketLike } from './platform.ts';

export type { Codec, WebSocketConstructor, WebSocketLike } from './platform.ts';

/** Each kind of event has its part of it. */
type ListenerEvent = { readonly data: unknown; readonly code: number };
type Listener = (event: ListenerEvent) => void;

/**
 * Asks for MessagePack and speaks it where the server agrees, JSON where it does not. A browser gives a socket up whose
 * subprotocol was left unanswered, by an older server or by a proxy on the way: so where one that asked does not open,
 * the next does not ask. From the first agreement on all ask.
 */
export const messagePack: Codec = (WebSocket) => {
  let asks = true;
  let agreed = false;

  function opened(): void {
    agreed = true;
  }

  /** A socket that never opened; it may have been the network as well, so that they take turns until one opens. */
  function failed(): void {
    asks = agreed || !asks;
  }

  return class {
    constructor(url: string) {
      return packedSocket(asks ? new WebSocket(url, SUBPROTOCOLS) : new WebSocket(url), opened, failed);
    }
  } as WebSocketConstructor;
};

const SUBPROTOCOLS = [PACKED_SUBPROTOCOL, JSON_SUBPROTOCOL];

function packedSocket(socket: WebSocketLike, agreed: () => void, failed: () => void): WebSocketLike {
  let opened = false;
  const speaksIt = (): boolean => socket.protocol === PACKED_SUBPROTOCOL;
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => {
    opened = true;
    if (speaksIt()) agreed();
  });
  socket.addEventListener('close', () => {
    if (!opened) failed();
  });
  return {
    send: (data) => socket.send(speaksIt() ? pack(JSON.parse(data as string)) : data),
    close: () => socket.close(),
    addEventListener(type: string, listener: Listener) {
      socket.addEventListener(type as 'message', (event) =>
        listener(type === 'message' ? { data: textOf(event.data), code: 0 } : (event as ListenerEvent)),
      );
    },
  };
}

/** What is no MessagePack is passed on, and passed over like what is no JSON. */
function textOf(data: unknown): unknown {
  if (!(data instanceof ArrayBuffer)) return data;
  const unpacked = unpack(new Uint8Array(data));
  return unpacked.ok ? JSON.stringify(unpacked.value) : data;
}
