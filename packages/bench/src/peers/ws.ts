import { WebSocket, WebSocketServer } from 'ws';
import { announce } from './announce.ts';

/**
 * What one would write with `ws` alone: the text made once as a Buffer, then a `send` for each follower. No compression.
 * The first message of a connection says who it is; it is answered, which is also the floor of a login.
 */
export function runWs(): void {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  const followers = new Set<WebSocket>();
  server.on('listening', () => announce(server.address()));
  server.on('connection', (client) => {
    let publisher: string | null = null;
    let known = false;
    client.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString('utf8')) as {
        follower?: boolean;
        id?: string;
        a?: string;
      };
      if (!known) {
        known = true;
        if (message.follower === true) followers.add(client);
        publisher = message.id ?? null;
        client.send('{"t":"welcome"}');
        return;
      }
      const change = Buffer.from(JSON.stringify({ t: 'u', id: publisher, a: message.a }));
      for (const follower of followers) {
        if (follower.readyState === WebSocket.OPEN) follower.send(change, { binary: false });
      }
    });
    client.on('close', () => followers.delete(client));
  });
}
