import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Door } from '../../gate/door.ts';
import { refused } from '../../gate/line-answer.ts';
import { DROPPED } from '../../gate/line-closes.ts';
import type { LineHttp } from '../../gate/line-http.ts';
import type { OpenRequest } from '../../gate/line-request.ts';
import type { Lines } from '../../gate/lines.ts';
import type { Clock } from '../../ports/clock.ts';
import { createDueQueue } from '../../runtime/due-queue.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { END_TIMEOUT_MS } from './socket-writer.ts';
import { StreamConnection } from './stream-connection.ts';
import { createTicketStreams } from './ticket-streams.ts';
import { beginStream, streamSocket } from './stream-head.ts';

export type SseGatewayOptions = {
  readonly node: Pick<RealtimeNode, 'open' | 'tickets'>;
  readonly door: Door;
  readonly http: LineHttp;
  readonly lines: Lines;
  readonly clock: Clock;
  /** The longest that a stream says nothing, ms. */
  readonly keepAliveMs: number;
  /** Streams by ticket of one user. */
  readonly ticketStreams: number;
};

export type SseGateway = {
  readonly connections: number;
  /** Answers a request for `/sse`, whatever it is. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Waits until the streams that were closed have gone, then ends what is left. */
  close(): Promise<void>;
};

/** Where clients without WebSocket enter that can read a stream: `/sse`, WHATWG HTML, section 9.2. */
export function createSseGateway(options: SseGatewayOptions): SseGateway {
  const { node, door, http, lines, clock, keepAliveMs } = options;
  const streams = new Map<Socket, StreamConnection>();
  const byTicket = createTicketStreams(options);
  // Looked at twice in the time: one that had traffic costs a flag, and no timer is moved when it has.
  const keepAlives = createDueQueue<StreamConnection>(clock, keepAliveMs / 2, (stream) => {
    stream.keepAlive();
    keepAlives.add(stream);
  });
  let allGone: (() => void) | null = null;

  function open(request: IncomingMessage, response: ServerResponse, { ms }: OpenRequest): void {
    const socket = streamSocket(http, request, response);
    if (socket === null) return;
    const knock = door.knock(request);
    if (!knock.ok) {
      http.answer(response, refused(knock.code, '', knock.retryAfterMs));
      return;
    }
    const stream = new StreamConnection(door.enter(knock.address), knock.address, socket);
    streams.set(socket, stream);
    socket.on('close', onClose);
    socket.cork();
    beginStream(socket, response);
    stream.begin(lines.add(stream));
    socket.uncork();
    keepAlives.add(stream);
    stream.drive(node.open(stream));
    lines.sending.open(stream, ms);
  }

  // Shared by all streams, which find their own by `this`: closures would cost each some hundred bytes more.

  function onClose(this: Socket): void {
    const stream = streams.get(this);
    if (stream === undefined) return;
    streams.delete(this);
    keepAlives.remove(stream);
    lines.remove(stream.line);
    door.leave(stream.address);
    stream.gone(DROPPED);
    if (streams.size === 0) allGone?.();
  }

  return {
    get connections() {
      return streams.size + byTicket.size;
    },
    async serve(request, response) {
      // A request behind the stream's would be answered inside the stream.
      if (streams.has(request.socket) || byTicket.has(request.socket)) {
        request.socket.destroy();
        return;
      }
      const received = await http.receive(request, response, () => byTicket.serve(request, response));
      if (received === null) return;
      if (received.kind === 'open') open(request, response, received);
      else lines.ask(received, { answer: (answer) => http.answer(response, answer) });
    },
    async close() {
      const ticketsClosed = byTicket.close();
      if (streams.size > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        allGone = resolve;
        const impatient = setTimeout(() => {
          for (const stream of streams.values()) stream.terminate();
        }, END_TIMEOUT_MS);
        await promise;
        clearTimeout(impatient);
      }
      keepAlives.clear();
      await ticketsClosed;
    },
  };
}
