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
  /** The same of one node, for a request about a line. */
  askLine(node: string, request: RelayRequest, timeoutMs: number): Promise<unknown>;
  receive(message: AskMessage | AnswerMessage): void;
  stop(): void;
  readonly size: number;
};

type Waiting = {
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
  let asked = 0;

  function settle(id: number, answer: unknown): void {
    const entry = waiting.get(id);
    if (entry === undefined) return;
    waiting.delete(id);
    inPool[entry.pool]--;
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
    const id = ++asked;
    return new Promise((resolve) => {
      const timer = clock.setTimer(timeoutMs, () => settle(id, undefined));
      waiting.set(id, { resolve, timer, pool });
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
