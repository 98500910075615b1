import { describe, expect, it } from 'vitest';
import { parseArguments } from '../src/arguments.ts';

const parsed = (...argv: string[]) => {
  const result = parseArguments(argv);
  if (!result.ok) throw new Error(result.problem);
  return result.args;
};

describe('the command line', () => {
  it('runs everything unless a scenario is named', () => {
    expect(parsed().scenarios).toEqual([
      'fanout',
      'graph',
      'sessions',
      'import',
      'history',
      'recovery',
      'snapshot',
      'calls',
      'slow-reader',
      'nodes',
      'killed',
      'graph-nodes',
      'crowd',
      'bytes',
      'transports',
      'sizes',
      'fallback',
      'feeds',
      'documents',
    ]);
    expect(parsed('all').scenarios).toEqual(parsed().scenarios);
    expect(parsed('import', 'fanout').scenarios).toEqual(['fanout', 'import']);
  });

  it('has the sizes of the targets unless it is to be quick', () => {
    expect(parsed()).toMatchObject({
      people: 15_000,
      sessions: 10_000,
      connections: 100_000,
      changes: 500,
      users: 10_000,
      repetitions: 3,
      edges: null,
      paper: null,
      mutual: true,
    });
    expect(parsed('--quick')).toMatchObject({ people: 1_000, sessions: 1_000, repetitions: 1 });
    expect(parsed('graph', '--edges', 'e.csv.gz', '--people', '20', '--directed')).toMatchObject({
      scenarios: ['graph'],
      edges: 'e.csv.gz',
      people: 20,
      mutual: false,
    });
  });

  it.each([
    ['a scenario that is none', ['fanin']],
    ['all beside another', ['all', 'graph']],
    ['an option that is none', ['--fast']],
    ['more people than one process may connect', ['--people', '19001']],
    ['nobody', ['--people', '0']],
    ['no connections', ['--connections', '0']],
    ['more changes than a generator makes', ['--changes', '10001']],
    ['no users', ['--users', '0']],
    ['half a session', ['--sessions', '1.5']],
    ['a number that is none', ['--repetitions', 'x']],
  ])('%s is refused with a reason', (_name, argv) => {
    const result = parseArguments(argv);
    expect(result).toMatchObject({ ok: false, problem: expect.stringMatching(/./) });
  });
});
