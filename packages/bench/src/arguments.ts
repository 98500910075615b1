import { parseArgs } from 'node:util';

export const SCENARIOS = [
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
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** What was asked for on the command line. */
export type BenchArguments = {
  /** In the order in which they run. */
  readonly scenarios: readonly Scenario[];
  /** A smoke test: everything small and short, nothing written to the document. */
  readonly quick: boolean;
  /** A file of edges, `a,b` a line, gzipped or not; null generates a graph. */
  readonly edges: string | null;
  /** Each line of the file stands for both directions. */
  readonly mutual: boolean;
  /** People online in the graph scenario. */
  readonly people: number;
  /** Sessions of the scenarios sessions and recovery. */
  readonly sessions: number;
  /** Connections of the scenario crowd, and the status changes a second that its people make. */
  readonly connections: number;
  readonly changes: number;
  /** Users of the scenario feeds, with three devices each. */
  readonly users: number;
  /** Keystrokes that the scenario documents types; null makes some up. */
  readonly paper: string | null;
  /** How often each thing is measured; the median is told. */
  readonly repetitions: number;
};

export type ParsedArguments =
  | { readonly ok: true; readonly args: BenchArguments }
  | { readonly ok: false; readonly problem: string };

export const USAGE = `Usage: npm run bench -- [fanout|graph|sessions|import|history|recovery|snapshot|calls|slow-reader|nodes|killed|graph-nodes|crowd|bytes|transports|sizes|fallback|feeds|documents|all] [options]

Measures the server on core 0 with the load on core 1, beside its peers, and writes the results into docs/benchmarks.md.

  --quick          a smoke test of less than a minute; writes nothing
  --edges FILE     who follows whom, lines of a,b, gzipped or not; without it a graph of a similar shape is made up
  --directed       each line of FILE is one direction only; else it stands for both
  --people N       people online in the scenarios graph and graph-nodes (15000)
  --sessions N     sessions in the scenarios sessions and recovery (10000)
  --connections N  logged-in connections in the scenario crowd, over as many processes as it takes (100000)
  --changes N      status changes a second in the scenario crowd (500)
  --users N        users in the scenario feeds, with three devices each (10000)
  --paper FILE     keystrokes for the scenario documents, JSON of transactions of patches, gzipped; without it some are made up
  --repetitions N  how often each pair of peers is measured (3)
`;

/** One process may hold 20,000 descriptors on the machines this is run on; some are the program's own. */
const MAX_CONNECTIONS = 19_000;

/** Over several processes; ports and memory end before. */
const MAX_CROWD = 1_000_000;
const MAX_CHANGES = 10_000;

/** Reads the command line; never throws. */
export function parseArguments(argv: readonly string[]): ParsedArguments {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        edges: { type: 'string' },
        directed: { type: 'boolean', default: false },
        people: { type: 'string' },
        sessions: { type: 'string' },
        connections: { type: 'string' },
        changes: { type: 'string' },
        users: { type: 'string' },
        paper: { type: 'string' },
        repetitions: { type: 'string' },
      },
    });
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
  const { values, positionals } = parsed;
  const scenarios = scenariosOf(positionals);
  if (scenarios === null) return { ok: false, problem: `no scenario "${positionals.join(' ')}"` };
  const { quick } = values;
  const people = count(values.people, quick ? 1_000 : 15_000, MAX_CONNECTIONS);
  const sessions = count(values.sessions, quick ? 1_000 : 10_000, MAX_CONNECTIONS);
  const connections = count(values.connections, quick ? 2_000 : 100_000, MAX_CROWD);
  const changes = count(values.changes, quick ? 100 : 500, MAX_CHANGES);
  const users = count(values.users, quick ? 200 : 10_000, MAX_CROWD / 3);
  const repetitions = count(values.repetitions, quick ? 1 : 3, 100);
  if (
    people === null ||
    sessions === null ||
    connections === null ||
    changes === null ||
    users === null ||
    repetitions === null
  )
    return {
      ok: false,
      problem: `--people and --sessions are 1 to ${MAX_CONNECTIONS}, --connections 1 to ${MAX_CROWD}, --changes 1 to ${MAX_CHANGES}, --users 1 to ${Math.floor(MAX_CROWD / 3)}, --repetitions 1 to 100`,
    };
  return {
    ok: true,
    args: {
      scenarios,
      quick,
      edges: values.edges ?? null,
      mutual: !values.directed,
      people,
      sessions,
      connections,
      changes,
      users,
      paper: values.paper ?? null,
      repetitions,
    },
  };
}

function scenariosOf(positionals: readonly string[]): readonly Scenario[] | null {
  if (positionals.length === 0 || (positionals.length === 1 && positionals[0] === 'all')) return SCENARIOS;
  const asked = SCENARIOS.filter((name) => positionals.includes(name));
  return asked.length === new Set(positionals).size ? asked : null;
}

function count(text: string | undefined, unlessGiven: number, most: number): number | null {
  if (text === undefined) return unlessGiven;
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= most ? value : null;
}
