import { once } from 'node:events';
import { connect } from 'node:net';
import { pack, unpack } from '@carillon/protocol';
import { WebSocket } from 'ws';

/** A client that counts what goes over its socket, framing included. */
export type ByteClient = {
  readonly read: number;
  readonly written: number;
  send(message: object): void;
  /** Resolves behind everything that the server had for it, once at least so many messages of this type have come. */
  until(type: string, count: number): Promise<void>;
  end(): void;
};

type Message = { readonly t: string; readonly q?: number };

let lastProbe = 0;

/** @param packed whether it asks for MessagePack */
export async function connectByteClient(port: number, packed: boolean): Promise<ByteClient> {
  const socket = connect(port, '127.0.0.1');
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/ws`, packed ? ['carillon.msgpack'] : [], {
    perMessageDeflate: false,
    createConnection: () => socket,
  });
  const counts = new Map<string, number>();
  let look: ((message: Message) => void) | null = null;
  webSocket.on('message', (data: Buffer) => {
    const message = (packed ? unpacked(data) : JSON.parse(data.toString())) as Message;
    counts.set(message.t, (counts.get(message.t) ?? 0) + 1);
    look?.(message);
  });
  await once(webSocket, 'open');

  function send(message: object): void {
    webSocket.send(packed ? pack(message) : JSON.stringify(message));
  }

  function seen(holds: (message: Message | null) => boolean): Promise<void> {
    if (holds(null)) return Promise.resolve();
    return new Promise((resolve) => {
      look = (message) => {
        if (!holds(message)) return;
        look = null;
        resolve();
      };
    });
  }

  return {
    get read() {
      return socket.bytesRead;
    },
    get written() {
      return socket.bytesWritten;
    },
    send,
    async until(type, count) {
      await seen(() => (counts.get(type) ?? 0) >= count);
      counts.delete(type);
      const q = ++lastProbe;
      send({ t: 'hb', q });
      await seen((message) => message?.t === 'hb' && message.q === q);
    },
    end: () => webSocket.terminate(),
  };
}

function unpacked(data: Buffer): unknown {
  const result = unpack(data);
  if (!result.ok) throw new Error(`the server sent ${result.detail}`);
  return result.value;
}
