import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Door } from '../../gate/door.ts';
import { refused } from '../../gate/line-answer.ts';
import type { LineHttp } from '../../gate/line-http.ts';
import type { Clock } from '../../ports/clock.ts';
import { createDueQueue } from '../../runtime/due-queue.ts';
import type { RealtimeNode, TicketRight } from '../../runtime/node-api.ts';
import { type EventId, parseEventId } from './event-id.ts';
import { beginStream, streamSocket } from './stream-head.ts';
import { TicketStream } from './ticket-stream.ts';

/** How often it is looked whether what a ticket was issued for still lives, and whether its stream is read, ms. */
export const TICKET_CHECK_MS = 10_000;

export type TicketStreamsOptions = {
  readonly node: Pick<RealtimeNode, 'tickets'>;
  readonly door: Door;
  readonly http: LineHttp;
  readonly clock: Clock;
  readonly keepAliveMs: number;
  readonly ticketStreams: number;
};

/** `GET /sse?ticket=…`: streams for whoever has only EventSource, or curl ([TKT2]). */
export type TicketStreams = {
  readonly size: number;
  has(socket: Socket): boolean;
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
};

export function createTicketStreams(options: TicketStreamsOptions): TicketStreams {
  const { node, door, http, clock, keepAliveMs, ticketStreams } = options;
  const streams = new Map<Socket, TicketStream>();
  /** One for each ticket: whoever comes back left the older one, which may not have noticed yet. */
  const byTicket = new Map<string, TicketStream>();
  const perUser = new Map<string, number>();
  const keepAlives = createDueQueue<TicketStream>(clock, keepAliveMs / 2, (stream) => {
    stream.keepAlive();
    keepAlives.add(stream);
  });
  const checks = createDueQueue<TicketStream>(clock, TICKET_CHECK_MS, (stream) => void check(stream));
  let allGone: (() => void) | null = null;

  async function check(stream: TicketStream): Promise<void> {
    if (stream.isStalled()) {
      stream.terminate();
      return;
    }
    const isGood = await node.tickets.isGood(stream.right);
    if (byTicket.get(stream.right.id) !== stream) return;
    if (isGood) checks.add(stream);
    else {
      stream.end('ticket_invalid');
      stream.gone();
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    const left = request.headers['last-event-id'] ?? query.get('from') ?? null;
    const from = typeof left === 'string' && left !== '' ? parseEventId(left) : null;
    if (from === null && left !== null && left !== '') {
      http.refuseStream(request, response, refused('bad_message', 'Last-Event-ID, from: not a position'));
      return;
    }
    const redeemed = await node.tickets.redeem(query.get('ticket') ?? '', from?.proof ?? null);
    if (!redeemed.ok) {
      http.refuseStream(request, response, refused(redeemed.code, redeemed.detail));
      return;
    }
    open(request, response, redeemed.value, from);
  }

  function open(
    request: IncomingMessage,
    response: ServerResponse,
    right: TicketRight,
    from: EventId | null,
  ): void {
    const socket = streamSocket(http, request, response);
    if (socket === null) return;
    const older = byTicket.get(right.id);
    if (older === undefined && (perUser.get(right.user) ?? 0) >= ticketStreams) {
      http.refuseStream(
        request,
        response,
        refused('limit_reached', `streams by ticket of one user: ${ticketStreams}`),
      );
      return;
    }
    const knock = door.knock(request);
    if (!knock.ok) {
      http.refuseStream(request, response, refused(knock.code, '', knock.retryAfterMs));
      return;
    }
    older?.terminate();
    const stream = new TicketStream(door.enter(knock.address), knock.address, socket, right);
    streams.set(socket, stream);
    byTicket.set(right.id, stream);
    perUser.set(right.user, (perUser.get(right.user) ?? 0) + 1);
    socket.on('close', onClose);
    beginStream(socket, response);
    keepAlives.add(stream);
    checks.add(stream);
    stream.drive(node.tickets.open(stream, right), from);
  }

  function onClose(this: Socket): void {
    const stream = streams.get(this);
    if (stream === undefined) return;
    streams.delete(this);
    keepAlives.remove(stream);
    checks.remove(stream);
    const { id, user } = stream.right;
    if (byTicket.get(id) === stream) byTicket.delete(id);
    const others = (perUser.get(user) ?? 1) - 1;
    if (others === 0) perUser.delete(user);
    else perUser.set(user, others);
    door.leave(stream.address);
    stream.gone();
    if (streams.size === 0) allGone?.();
  }

  return {
    get size() {
      return streams.size;
    },
    has: (socket) => streams.has(socket),
    serve,
    async close() {
      if (streams.size > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        allGone = resolve;
        // The node closed them when it was drained; each ends when its reader has had its time.
        for (const stream of streams.values()) stream.end(null);
        await promise;
      }
      keepAlives.clear();
      checks.clear();
    },
  };
}
