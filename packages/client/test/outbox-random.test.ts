import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createChance } from '../src/testing/chance.ts';
import { type Fate, type Tab, createOutboxWorld } from './outbox-world.ts';

const LANES = ['chat:x', 'chat:y', ''] as const;

type Step =
  | { readonly do: 'add'; readonly tab: number; readonly lane: (typeof LANES)[number] }
  | { readonly do: 'serve'; readonly tab: number; readonly fate: Fate }
  | {
      readonly do: 'store' | 'hear' | 'online' | 'offline' | 'reload';
      readonly tab: number;
      readonly times: number;
    }
  | { readonly do: 'cancel'; readonly tab: number; readonly which: number }
  | { readonly do: 'ghost'; readonly arrives: boolean }
  | { readonly do: 'wait'; readonly ms: number };

const tab = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record<Step & { do: 'add' }>({
      do: fc.constant('add'),
      tab,
      lane: fc.constantFrom(...LANES),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record<Step & { do: 'serve' }>({
      do: fc.constant('serve'),
      tab,
      fate: fc.constantFrom('ok', 'ok', 'ok', 'taken, then cut', 'cut', 'unavailable', 'internal', 'refused'),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record<Step & { do: 'store' }>({
      do: fc.constantFrom('store', 'store', 'store', 'hear', 'online') as fc.Arbitrary<'store'>,
      tab,
      times: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record<Step & { do: 'reload' }>({
      do: fc.constantFrom('reload', 'offline') as fc.Arbitrary<'reload'>,
      tab,
      times: fc.constant(1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record<Step & { do: 'cancel' }>({ do: fc.constant('cancel'), tab, which: fc.nat(5) }),
  },
  {
    weight: 1,
    arbitrary: fc.record<Step & { do: 'ghost' }>({ do: fc.constant('ghost'), arrives: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record<Step & { do: 'wait' }>({
      do: fc.constant('wait'),
      ms: fc.integer({ min: 0, max: 3_000 }),
    }),
  },
);

type World = ReturnType<typeof createOutboxWorld>;

function perform(world: World, tabs: Tab[], step: Step): void {
  switch (step.do) {
    case 'add':
      return world.add(tabs[step.tab]!, step.lane);
    case 'serve':
      return world.serve(tabs[step.tab]!, step.fate);
    case 'store':
      for (let n = step.times; n > 0; n--) world.store(tabs[step.tab]!);
      return;
    case 'hear':
      for (let n = step.times; n > 0; n--) world.hear(tabs[step.tab]!);
      return;
    case 'online':
      world.goOnline(tabs[step.tab]!);
      return world.lock();
    case 'offline':
      return world.goOffline(tabs[step.tab]!);
    case 'reload':
      world.crash(tabs[step.tab]!);
      tabs[step.tab] = world.openTab();
      return;
    case 'cancel': {
      const items = tabs[step.tab]!.machine.items();
      const item = items[step.which % Math.max(1, items.length)];
      if (item === undefined) return;
      const { request, number } = item;
      return world.cancel(tabs[step.tab]!, number, ('channel' in request ? request.data : request.input)!);
    }
    case 'ghost':
      return world.ghost(step.arrives);
    case 'wait':
      return world.wait(step.ms);
  }
}

it('[PUB7] [CALL6] whatever is lost, refused, cancelled, reloaded and shared by two tabs: each publication is applied once, each call at least once, in order, and each promise knows', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), fc.string(), (steps, seed) => {
      const world = createOutboxWorld(createChance(seed));
      const tabs = [world.openTab(), world.openTab()];
      for (const each of steps) {
        perform(world, tabs, each);
        world.lock();
      }
      world.drain();
      for (const lane of LANES) {
        const log = world.logs.get(lane) ?? [];
        const first = [...new Set(log)];
        if (lane !== '') expect(log, 'once').toEqual(first);
        for (const each of new Set(world.asked.map((one) => one.tab))) {
          const own = world.asked
            .filter((one) => one.tab === each && one.lane === lane)
            .map(({ data }) => data);
          expect(
            first.filter((data) => own.includes(data)),
            'in the order in which the tab asked for them',
          ).toEqual(own.filter((data) => log.includes(data)));
        }
      }
      const everything = [...world.logs.values()].flat();
      for (const { data, outcome, tab: asking } of world.asked) {
        if (world.cancelled.has(data)) expect(everything, 'cancelled in time').not.toContain(data);
        // What a page had not stored when it crashed is gone with it.
        if (!asking.alive) continue;
        expect(outcome, `${data} ends`).not.toBe('open');
        if (outcome === 'confirmed') expect(everything, 'confirmed').toContain(data);
        if (outcome === 'rejected') expect(everything, 'rejected').not.toContain(data);
        if (outcome === 'cancelled') expect(world.cancelled).toContain(data);
      }
      for (const text of world.texts.values())
        if (text.includes('"state":"unknown"')) expect(text).toContain('internal');
      // Every tab that is there has the same to show.
      const [one, other] = tabs.map((each) =>
        each.machine.items().map(({ number, state }) => [number, state]),
      );
      expect(one).toEqual(other);
    }),
    { numRuns: 1_000 },
  );
});
