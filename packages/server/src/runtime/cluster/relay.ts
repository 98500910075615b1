import { type AnswerMessage, type AskMessage, nodeTopic } from '../../ports/broker.ts';
import type { Timer } from '../../ports/clock.ts';
import type { NodePorts } from '../node-options.ts';

/** What one node asks of another. It travels as JSON. */
export type RelayRequest = { readonly op: string; readonly args: readonly unknown[] };

/**
 * Requests that wait for their answers at most; more are answered by nobody. Those about lines are counted apart: a poll
 * waits for half a minute, and many of them must not keep operations from their answers.
 */
const MOST_WAITING = { operations: 10_000, lines: 50_000 } as const;

type Pool = keyof typeof MOST_WAITING;

/** Requests between nodes, each with an answer or none within its time. */
export type Relay = {
  /** @returns what each node answered, in the order asked; undefined where it did not within `timeoutMs` */
  ask(nodes: readonly string[], request: RelayRequest, timeoutMs: number): Promise<readonly unknown[]>;
  /** The same of one node, for a request about a line. `GONE`: the node was given up meanwhile. */
  askLine(node: string, request: RelayRequest, timeoutMs: number): Promise<unknown>;
  /** The nodes that requests about lines wait for. */
  awaited(): Iterable<string>;
  /** Answers whoever waits for a line of this node, which is no more. */
  giveUp(node: string): void;
  receive(message: AskMessage | AnswerMessage): void;
  stop(): void;
  readonly size: number;
};

/** In place of an answer. */
export const GONE = Symbol('gone');

type Waiting = {
  readonly node: string;
  readonly resolve: (answer: unknown) => void;
  readonly timer: Timer;
  readonly pool: Pool;
};

/** @param serve carries out what another node asks; a rejection is answered by nothing */
export function createRelay(
  self: string,
  { broker, clock, telemetry }: Pick<NodePorts, 'broker' | 'clock' | 'telemetry'>,
  serve: (request: RelayRequest) => Promise<unknown>,
): Relay {
  const waiting = new Map<number, Waiting>();
  const inPool: Record<Pool, number> = { operations: 0, lines: 0 };
  /** Requests about lines that wait, by the node that they wait for. */
  const forLines = new Map<string, number>();
  let asked = 0;

  function count(node: string, more: 1 | -1): void {
    const now = (forLines.get(node) ?? 0) + more;
    if (now === 0) forLines.delete(node);
    else forLines.set(node, now);
  }

  function settle(id: number, answer: unknown): void {
    const entry = waiting.get(id);
    if (entry === undefined) return;
    waiting.delete(id);
    inPool[entry.pool]--;
    if (entry.pool === 'lines') count(entry.node, -1);
    entry.timer.cancel();
    entry.resolve(answer);
  }

  function send(node: string, message: AskMessage | AnswerMessage): void {
    broker.publish(nodeTopic(node), message)?.catch((error: unknown) => {
      telemetry.warn('relay_failed', { node, error: String(error) });
      if (message.kind === 'ask') settle(message.id, undefined);
    });
  }

  function askOne(node: string, request: RelayRequest, timeoutMs: number, pool: Pool): Promise<unknown> {
    if (inPool[pool] >= MOST_WAITING[pool]) return Promise.resolve(undefined);
    inPool[pool]++;
    if (pool === 'lines') count(node, 1);
    const id = ++asked;
    return new Promise((resolve) => {
      const timer = clock.setTimer(timeoutMs, () => settle(id, undefined));
      waiting.set(id, { node, resolve, timer, pool });
      send(node, { kind: 'ask', from: self, id, request });
    });
  }

  async function answer({ from, id, request }: AskMessage): Promise<void> {
    try {
      send(from, { kind: 'answer', id, answer: await serve(request as RelayRequest) });
    } catch (error) {
      // Another version may ask for what this one does not know: its time runs out, as if nobody were here.
      telemetry.warn('relay_refused', { from, error: String(error) });
    }
  }

  return {
    ask: (nodes, request, timeoutMs) =>
      Promise.all(nodes.map((node) => askOne(node, request, timeoutMs, 'operations'))),
    askLine: (node, request, timeoutMs) => askOne(node, request, timeoutMs, 'lines'),
    awaited: () => forLines.keys(),
    giveUp(node) {
      for (const [id, entry] of waiting) if (entry.pool === 'lines' && entry.node === node) settle(id, GONE);
    },
    receive(message) {
      if (message.kind === 'answer') settle(message.id, message.answer);
      else void answer(message);
    },
    stop() {
      for (const id of [...waiting.keys()]) settle(id, undefined);
    },
    get size() {
      return waiting.size;
    },
  };
}
