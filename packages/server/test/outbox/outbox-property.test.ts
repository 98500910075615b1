import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type ChannelRef,
  type OutboundFrame,
  channelFrame,
  controlFrame,
} from '../../src/core/outbox/frame.ts';
import {
  type Renderer,
  dropHeld,
  emptyOutbox,
  heldUnits,
  hold,
  release,
} from '../../src/core/outbox/outbox.ts';
import { RunNode } from '../../src/core/outbox/run-trie.ts';
import { createHeldModel } from './held-model.ts';

const LIMIT = 120;

const CHANNELS: readonly ChannelRef[] = [
  { name: 'closes', slow: 'close', heldUnits: 40 },
  { name: 'drops', slow: 'drop-oldest', heldUnits: 25 },
  { name: 'drops too', slow: 'drop-oldest', heldUnits: 35 },
  { name: 'resyncs', slow: 'resync', heldUnits: 40 },
  { name: 'map', slow: 'conflate', heldUnits: 50 },
  { name: 'cursors', slow: 'conflate', heldUnits: 25 },
];

const render: Renderer = {
  friend: () => null,
  fullSync: () => controlFrame('sync'),
  heartbeat: () => controlFrame('hb'),
  gap: ({ name }, why, offset) => controlFrame(`gap ${name} ${why} ${offset}`),
};

type Act =
  | {
      readonly do: 'send';
      readonly channel: number;
      readonly key: number;
      readonly other: boolean;
      readonly units: number;
    }
  | { readonly do: 'answer'; readonly units: number }
  | { readonly do: 'turn' }
  | { readonly do: 'drop'; readonly channel: number }
  | { readonly do: 'release' };

const channel = fc.nat({ max: CHANNELS.length - 1 });
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      channel,
      key: fc.nat({ max: 3 }),
      other: fc.boolean(),
      units: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('answer' as const), units: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 5, arbitrary: fc.constant({ do: 'turn' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), channel }) },
  { weight: 1, arbitrary: fc.constant({ do: 'release' as const }) },
);

it('holds, drops and releases what a log of everything says, whatever is sent and in whatever order', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 120, size: 'max' }), (sequence) => {
      const outbox = emptyOutbox();
      const model = createHeldModel(LIMIT);
      const offsets = CHANNELS.map(() => 0);
      let turn: OutboundFrame[] = [];
      let sent = 0;
      function send(frame: OutboundFrame): void {
        turn.push(frame);
        outbox.current = (outbox.current ?? RunNode.root()).append(frame);
      }
      for (const act of [...sequence, { do: 'release' as const }]) {
        switch (act.do) {
          case 'send': {
            const ref = CHANNELS[act.channel]!;
            // Signals have no offsets; a stream's members are told among its publications.
            const other = ref.name === 'cursors' || (act.other && act.key === 0);
            const offset = other ? 0 : ++offsets[act.channel]!;
            const key = ref.slow === 'conflate' ? `k${act.key}` : null;
            send(
              channelFrame(
                ref,
                key,
                offset,
                `${++sent} ${ref.name}@${offset} `.padEnd(act.units, '.').slice(0, act.units + 4),
              ),
            );
            break;
          }
          case 'answer':
            send(controlFrame(`${++sent} `.padEnd(act.units, '.')));
            break;
          case 'turn':
          case 'release': {
            const expected = model.hold(turn);
            const outcome = hold(outbox, { heldControlUnits: LIMIT, heldFriends: 10 });
            turn = [];
            const dropped = outcome.dropped ?? { 'drop-oldest': 0, conflate: 0, resync: 0 };
            expect({
              overflow: outcome.overflow,
              dropped: dropped['drop-oldest'] + dropped.conflate + dropped.resync,
              resyncs: outcome.resyncs ?? [],
            }).toEqual(expected);
            expect(heldUnits(outbox)).toBe(model.units());
            for (const ref of CHANNELS)
              if (ref.slow !== 'close') expect(model.unitsOf(ref)).toBeLessThanOrEqual(ref.heldUnits);
            for (const { slow } of expected.resyncs) seen.add(`resync by ${slow}`);
            if (expected.overflow) seen.add('overflow');
            if (act.do === 'turn') break;
            const texts = release(outbox, render).map(({ text }) => text);
            expect(texts).toEqual(model.release());
            for (const text of texts) {
              if (text.startsWith('gap ')) seen.add(text.replace(/\d+$/, 'n'));
            }
            break;
          }
          case 'drop': {
            const ref = CHANNELS[act.channel]!;
            model.dropHeld(ref);
            turn = turn.filter((frame) => frame.kind !== 'channel' || frame.channel !== ref);
            dropHeld(outbox, ref);
            expect(heldUnits(outbox)).toBe(model.units());
          }
        }
      }
    }),
    { numRuns: 1_500 },
  );
  // Every way of losing something came up, or the above would show less than it says.
  expect([...seen]).toEqual(
    expect.arrayContaining([
      'gap cursors conflated null',
      'gap cursors dropped null',
      'gap drops dropped n',
      'gap drops dropped null',
      'gap drops too dropped n',
      'gap map conflated n',
      'gap map resync null',
      'gap resyncs resync null',
      'overflow',
      'resync by conflate',
      'resync by resync',
    ]),
  );
});
