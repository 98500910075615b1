import { once } from 'node:events';
import { WebSocket } from 'ws';

/** One client of the bench's own, for conversations that take turns. */
export type Talker = {
  send(text: string): void;
  /** The next message for which `wanted` is true. */
  next(wanted: (text: string) => boolean): Promise<string>;
  /** Stops reading: what is sent to it stays with the kernel, and then with the server. */
  stall(): void;
  end(): void;
};

export async function connectTalker(
  url: string,
  pong: { readonly ping: string; readonly pong: string },
): Promise<Talker> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  let waiting: { wanted: (text: string) => boolean; settle: PromiseWithResolvers<string> } | null = null;
  const unread: string[] = [];
  socket.on('message', (data: Buffer) => {
    const text = data.toString();
    if (text.startsWith(pong.ping)) socket.send(pong.pong);
    else if (waiting?.wanted(text) === true) {
      const { settle } = waiting;
      waiting = null;
      settle.resolve(text);
    } else if (waiting === null) unread.push(text);
  });
  socket.on('close', () => waiting?.settle.reject(new Error(`${url} closed`)));
  await once(socket, 'open');
  return {
    send: (text) => socket.send(text),
    next(wanted) {
      const settle = Promise.withResolvers<string>();
      const at = unread.findIndex(wanted);
      if (at >= 0) {
        settle.resolve(unread[at] ?? '');
        unread.splice(0, at + 1);
      } else {
        unread.length = 0;
        waiting = { wanted, settle };
      }
      return settle.promise;
    },
    stall: () => socket.pause(),
    end: () => socket.terminate(),
  };
}
