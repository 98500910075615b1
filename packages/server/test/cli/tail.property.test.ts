import fc from 'fast-check';
import { expect, it } from 'vitest';
import { driveTail, type TailDriver } from './tail-driver.ts';
import { serveTail, type TailServer } from './tail-server.ts';

type Action =
  | { readonly do: 'publish' | 'cut' | 'alarm' | 'restart' | 'resync' | 'dropped' | 'conflated' | 'lose' }
  | { readonly do: 'pass' | 'trim'; readonly count: number };

const harmless: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ do: 'publish' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 2, arbitrary: fc.constantFrom({ do: 'cut' as const }, { do: 'alarm' as const }) },
  { weight: 1, arbitrary: fc.constantFrom({ do: 'resync' as const }, { do: 'lose' as const }) },
);

const lossy: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: harmless },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('trim' as const), count: fc.integer({ min: 0, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { do: 'restart' as const },
      { do: 'dropped' as const },
      { do: 'conflated' as const },
    ),
  },
);

function carryOut(action: Action, tail: TailDriver, server: TailServer): void {
  switch (action.do) {
    case 'publish':
      return server.publish();
    case 'lose':
      return server.lose();
    case 'pass':
      return server.pass(action.count);
    case 'trim':
      return server.trim(action.count);
    case 'restart':
      return server.restart();
    case 'resync':
    case 'dropped':
    case 'conflated':
      return server.gap(action.do);
    case 'cut':
      return server.cut();
    case 'alarm':
      // Where there is a line, the alarm gives it up: as silent, or as without an answer.
      tail.dispatch({ type: 'alarm' });
      if (tail.socket === null) server.cut();
  }
}

/** Lets everything come to rest: the line comes back, and one more publication shows what was lost without a word. */
function settle(tail: TailDriver, server: TailServer): void {
  server.publish();
  for (let round = 0; round < 50; round++) {
    if (tail.socket === null) tail.dispatch({ type: 'alarm' });
    server.pass(1_000);
  }
}

/** What was printed and told, held against what was published: each in its turn, once, or told as missing. */
function check(output: readonly string[], server: TailServer, start: string | null): void {
  let position = start;
  for (const line of output) {
    const missing =
      /^(?:not recovered|gap) \(\w+\): (?:publications behind (\S+) are missing, )?it goes on behind (\S+?)(?:;|$)/.exec(
        line,
      );
    if (missing !== null) {
      if (position !== null) expect(missing[1], output.join('\n')).toBe(position);
      position = missing[2] ?? null;
      continue;
    }
    if (!line.startsWith('{')) continue;
    const { epoch, offset, data } = JSON.parse(line) as { epoch: string; offset: number; data: number };
    const here = `${epoch}:${offset}`;
    if (position !== null)
      expect(here, output.join('\n')).toBe(`${position.split(':')[0]}:${Number(position.split(':')[1]) + 1}`);
    expect(server.published.get(here)).toBe(data);
    position = here;
  }
  expect(position, output.join('\n')).toBe(server.top());
}

function run(
  settings: Parameters<typeof driveTail>[0],
  actions: readonly Action[],
  before = 0,
): { output: string[]; server: TailServer } {
  const output: string[] = [];
  const tail = driveTail(settings);
  const server = serveTail(tail);
  const note = (): void => {
    // In the order in which they came: each action's output is taken before the next.
    output.push(...tail.all.splice(0));
  };
  for (let published = 0; published < before; published++) server.publish();
  // The first line stands: before it does, a server that is not there is a mistake in the command.
  server.pass(5);
  note();
  for (const action of actions) {
    carryOut(action, tail, server);
    note();
  }
  settle(tail, server);
  note();
  return { output, server };
}

it('from a position: everything is printed in its turn, once, or told as missing, whatever happens to line and channel', () => {
  fc.assert(
    fc.property(fc.array(lossy, { maxLength: 60 }), (actions) => {
      const { output, server } = run({ from: { epoch: 'e1', offset: 0 } }, actions);
      check(output, server, 'e1:0');
    }),
    { numRuns: 2_000 },
  );
});

it('where nothing was trimmed, dropped or begun anew, nothing is told as missing', () => {
  fc.assert(
    fc.property(fc.array(harmless, { maxLength: 60 }), (actions) => {
      const { output, server } = run({ from: { epoch: 'e1', offset: 0 } }, actions);
      check(output, server, 'e1:0');
      expect(output.filter((line) => /^(not recovered|gap)/.test(line))).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

it('with the last so many: they and all that came since, each once', () => {
  fc.assert(
    fc.property(
      fc.array(harmless, { maxLength: 60 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 6 }),
      (actions, last, before) => {
        const { output, server } = run({ last }, actions, before);
        check(output, server, `e1:${Math.max(0, before - last)}`);
        expect(output.filter((line) => /^(not recovered|gap)/.test(line))).toEqual([]);
      },
    ),
    { numRuns: 2_000 },
  );
});
