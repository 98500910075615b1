import { describe, expect, it } from 'vitest';
import { silentTelemetry } from '../../../src/adapters/memory/silent-telemetry.ts';
import type { AskMessage, Broker, NodeMessage } from '../../../src/ports/broker.ts';
import { createRelay } from '../../../src/runtime/cluster/relay.ts';
import { createVirtualClock } from '../virtual-clock.ts';

/** Requests about lines, and about anything else, that may wait for their answers. */
const MOST_LINES = 50_000;
const MOST_OPERATIONS = 10_000;

function oneRelay() {
  const clock = createVirtualClock();
  const sent: AskMessage[] = [];
  const broker = {
    publish(_topic: string, message: NodeMessage) {
      if (message.kind === 'ask') sent.push(message);
      return undefined;
    },
  } as unknown as Broker;
  const relay = createRelay('a', { broker, clock, telemetry: silentTelemetry }, () => Promise.resolve(null));
  return { clock, relay, sent };
}

const REQUEST = { op: 'line', args: [] };

describe('what one node asks another', () => {
  it('[HTTP7] polls that wait there do not keep operations from their answers, nor the other way round', async () => {
    const { clock, relay, sent } = oneRelay();
    const lines = Array.from({ length: MOST_LINES }, () => relay.askLine('b', REQUEST, 30_000));
    expect(await relay.askLine('b', REQUEST, 30_000)).toBeUndefined();
    expect(sent).toHaveLength(MOST_LINES);
    const operations = Array.from({ length: MOST_OPERATIONS }, () => relay.ask(['b'], REQUEST, 5_000));
    expect(await relay.ask(['b'], REQUEST, 5_000)).toEqual([undefined]);
    expect(relay.size).toBe(MOST_LINES + MOST_OPERATIONS);
    relay.receive({ kind: 'answer', id: 1, answer: 'one' });
    expect(await lines[0]).toBe('one');
    // There is room again.
    const last = relay.askLine('b', REQUEST, 30_000);
    relay.receive({ kind: 'answer', id: sent.at(-1)!.id, answer: 'last' });
    expect(await last).toBe('last');
    relay.stop();
    expect(await operations[0]).toEqual([undefined]);
    expect([relay.size, clock.timers]).toEqual([0, 0]);
  });
});
