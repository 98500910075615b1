import type { Clock } from '../ports/clock.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { LinesApi } from '../runtime/node-api.ts';
import { LINE_UNKNOWN, type LineAnswer, refused } from './line-answer.ts';
import type { LineRequest, PollRequest } from './line-request.ts';
import {
  createSending,
  endUpward,
  ORDER_WAIT_MS,
  type Receiver,
  type Sending,
  type UpwardLimits,
} from './upward.ts';

/** How long the node of a line may take beside what it waits for, ms. */
const NODE_TIME_LIMIT_MS = 5_000;

/** Someone who waits for a poll's answer. */
export type Poller = { answer(answer: LineAnswer): void };

/** A line of this node. */
export interface Line extends Receiver {
  /** Answers at once or later, once. Absent: it is a stream, and nobody polls it. */
  poll?(request: PollRequest, poller: Poller): void;
  /** The poller has gone. What it was not told is kept. */
  abandon?(poller: Poller): void;
}

export type LinesOptions = {
  readonly node: LinesApi;
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, 'token'>;
  readonly limits: UpwardLimits & { readonly pollWaitMs: number };
};

/** The lines of this node, and the way to those of others. */
export type Lines = {
  readonly sending: Sending;
  /** @returns the line's id: its node's name, and what only the one who opened it knows ([HTTP2]) */
  add(line: Line): string;
  remove(id: string): void;
  /** What a client asks, of whichever node's line; `poller` is told the answer, at once or later, once. */
  ask(request: LineRequest, poller: Poller): void;
  /** The one who polled this line has gone. */
  abandon(line: string, poller: Poller): void;
  /** Answers whoever waits here for other nodes. */
  close(): void;
};

export function createLines({ node, clock, secrets, limits }: LinesOptions): Lines {
  const lines = new Map<string, Line>();
  const sending = createSending(clock, limits);
  const waitingElsewhere = new Set<Poller>();

  function askHere(request: LineRequest, poller: Poller): void {
    const line = lines.get(request.line);
    if (line === undefined) {
      poller.answer(LINE_UNKNOWN);
      return;
    }
    if (request.kind === 'poll') {
      if (line.poll === undefined) poller.answer(LINE_UNKNOWN);
      else line.poll(request, poller);
      return;
    }
    const answer = sending.send(line, request);
    if (answer instanceof Promise) void answer.then((late) => poller.answer(late));
    else poller.answer(answer);
  }

  function askElsewhere(home: string, request: LineRequest, poller: Poller): void {
    waitingElsewhere.add(poller);
    const waitMs =
      request.kind === 'send'
        ? ORDER_WAIT_MS
        : Math.min(request.wait ?? limits.pollWaitMs, limits.pollWaitMs);
    void node.ask(home, request, waitMs + NODE_TIME_LIMIT_MS).then((asked) => {
      if (!waitingElsewhere.delete(poller)) return;
      if (asked.result === 'gone') poller.answer(LINE_UNKNOWN);
      else if (asked.result === 'silent') poller.answer(SILENT);
      else poller.answer(asked.answer as LineAnswer);
    });
  }

  node.serve((request) => new Promise((resolve) => askHere(request as LineRequest, { answer: resolve })));

  return {
    sending,
    add(line) {
      const id = `${node.name}.${secrets.token()}`;
      lines.set(id, line);
      return id;
    },
    remove(id) {
      const line = lines.get(id);
      if (line === undefined) return;
      lines.delete(id);
      endUpward(line.upward);
    },
    ask(request, poller) {
      const home = request.line.slice(0, Math.max(0, request.line.indexOf('.')));
      if (home === node.name) askHere(request, poller);
      else askElsewhere(home, request, poller);
    },
    abandon(line, poller) {
      waitingElsewhere.delete(poller);
      lines.get(line)?.abandon?.(poller);
    },
    close() {
      for (const poller of waitingElsewhere) poller.answer(SILENT);
      waitingElsewhere.clear();
    },
  };
}

const SILENT = refused('unavailable', "the line's node does not answer");
