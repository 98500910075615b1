import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Door } from '../../gate/door.ts';
import { refused } from '../../gate/line-answer.ts';
import { DROPPED } from '../../gate/line-closes.ts';
import type { LineHttp } from '../../gate/line-http.ts';
import type { OpenRequest } from '../../gate/line-request.ts';
import type { Lines, Poller } from '../../gate/lines.ts';
import { endUpward } from '../../gate/upward.ts';
import type { Clock } from '../../ports/clock.ts';
import { createDueQueue } from '../../runtime/due-queue.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { type PollHost, PollLine } from './poll-line.ts';

export type PollGatewayOptions = {
  readonly node: Pick<RealtimeNode, 'open'>;
  readonly door: Door;
  readonly http: LineHttp;
  readonly lines: Lines;
  readonly clock: Clock;
  readonly limits: { readonly pollWaitMs: number; readonly pollGapMs: number };
};

export type PollGateway = {
  readonly connections: number;
  /** Answers a request for `/poll`, whatever it is. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Forgets the lines. Polls that wait were answered when their lines were closed. */
  close(): void;
};

/** Where clients enter whose network lets neither WebSockets nor streams through: `/poll`. */
export function createPollGateway({
  node,
  door,
  http,
  lines,
  clock,
  limits,
}: PollGatewayOptions): PollGateway {
  /** Those that count: a line that is closed is kept, for its client may not know it yet. */
  const open = new Set<PollLine>();
  const unpolled = createDueQueue<PollLine>(clock, limits.pollGapMs, (line) => {
    lines.remove(line.line);
    forget(line);
    line.gone(DROPPED);
  });
  const host: PollHost = {
    clock,
    pollWaitMs: limits.pollWaitMs,
    idle: (line) => unpolled.add(line),
    polled: (line) => unpolled.remove(line),
    closed(line) {
      endUpward(line.upward);
      forget(line);
    },
    told(line) {
      unpolled.remove(line);
      lines.remove(line.line);
    },
  };

  function forget(line: PollLine): void {
    if (open.delete(line)) door.leave(line.address);
  }

  function begin(request: IncomingMessage, poller: Poller, { ms }: OpenRequest): PollLine | null {
    const knock = door.knock(request);
    if (!knock.ok) {
      poller.answer(refused(knock.code, '', knock.retryAfterMs));
      return null;
    }
    const line = new PollLine(door.enter(knock.address), knock.address, host);
    open.add(line);
    const id = lines.add(line);
    line.drive(id, node.open(line));
    lines.sending.open(line, ms);
    line.poll({ kind: 'poll', line: id, ack: 0, wait: null }, poller);
    return line;
  }

  return {
    get connections() {
      return open.size;
    },
    async serve(request, response) {
      const received = await http.receive(request, response);
      if (received === null) return;
      const poller: Poller = { answer: (answer) => http.answer(response, answer) };
      if (received.kind === 'open') {
        const line = begin(request, poller, received);
        if (line !== null) response.once('close', () => line.abandon(poller));
        return;
      }
      if (received.kind === 'poll') {
        // Its name alone: a request that waits is not to be kept as the objects that it was read into.
        const { line } = received;
        response.once('close', () => lines.abandon(line, poller));
      }
      lines.ask(received, poller);
    },
    close() {
      unpolled.clear();
      open.clear();
    },
  };
}
