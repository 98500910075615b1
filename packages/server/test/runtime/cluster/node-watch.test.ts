import { describe, expect, it } from 'vitest';
import { silentTelemetry } from '../../../src/adapters/memory/silent-telemetry.ts';
import type { HearingBroker, NodeMessage } from '../../../src/ports/broker.ts';
import { createNodeWatch } from '../../../src/runtime/cluster/node-watch.ts';
import { createRelay, GONE } from '../../../src/runtime/cluster/relay.ts';
import { createVirtualClock } from '../virtual-clock.ts';

const REQUEST = { op: 'line', args: [] };

/** A relay whose requests nobody answers, and a broker that says who listens. */
function watched() {
  const clock = createVirtualClock();
  const heard = new Map<string, boolean | 'away'>([
    ['node:a', true],
    ['node:b', true],
    ['node:c', true],
  ]);
  let looks = 0;
  const broker = {
    publish: (_topic: string, _message: NodeMessage) => undefined,
    isHeard(topic: string) {
      looks++;
      const here = heard.get(topic);
      return here === 'away' ? Promise.reject(new Error('away')) : Promise.resolve(here === true);
    },
  } as unknown as HearingBroker;
  const ports = { broker, clock, telemetry: silentTelemetry };
  const relay = createRelay('a', ports, () => Promise.resolve(null));
  const watch = createNodeWatch('a', ports, relay);
  return {
    clock,
    heard,
    relay,
    watch,
    looks: () => looks,
    ask(node: string) {
      const asked: { answer?: unknown } = {};
      void relay.askLine(node, REQUEST, 30_000).then((answer) => (asked.answer = answer));
      watch.begin();
      return asked;
    },
    pass: (ms: number) => clock.advance(ms),
  };
}

describe('[HTTP7] a node that polls wait for', () => {
  it('is given up when nothing reaches it at three looks in a row, and no other is', async () => {
    const { heard, ask, pass } = watched();
    const [gone, lives] = [ask('b'), ask('c')];
    heard.set('node:b', false);
    await pass(2_500);
    expect(gone).toEqual({});
    await pass(500);
    expect(gone).toEqual({ answer: GONE });
    await pass(20_000);
    expect(lives).toEqual({});
  });

  it('is not where it was away for a moment', async () => {
    const { heard, ask, pass } = watched();
    const asked = ask('b');
    for (let round = 0; round < 4; round++) {
      heard.set('node:b', false);
      await pass(2_000);
      heard.set('node:b', true);
      await pass(1_000);
    }
    expect(asked).toEqual({});
  });

  it.each([
    ['this node is not heard either', (heard: Map<string, boolean | 'away'>) => heard.set('node:a', false)],
    ['the broker does not answer', (heard: Map<string, boolean | 'away'>) => heard.set('node:b', 'away')],
  ])('is not where %s', async (_, change) => {
    const { heard, ask, pass } = watched();
    const asked = ask('b');
    heard.set('node:b', false);
    change(heard);
    await pass(20_000);
    expect(asked).toEqual({});
  });

  it('is looked at only while somebody waits', async () => {
    const { ask, pass, looks, clock, relay, watch } = watched();
    ask('b');
    await pass(5_000);
    relay.giveUp('b');
    await pass(1_000);
    const before = looks();
    await pass(10_000);
    expect(looks()).toBe(before);
    expect([clock.timers, watch.timers]).toEqual([0, 0]);
    ask('b');
    await pass(1_000);
    expect(looks()).toBeGreaterThan(before);
    watch.stop();
    relay.stop();
    expect(clock.timers).toBe(0);
  });
});
