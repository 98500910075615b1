import type { Graph } from '../graph/graph.ts';
import { type ImportRound, type Place, PLACES } from '../scenarios/import.ts';
import { median } from '../statistics.ts';
import { digits, table, type Verdict, verdicts } from './table.ts';

const MOST_SECONDS = 5;
const LONGEST_STALL_MS = 20;

export function reportImport(graph: Graph, rounds: readonly ImportRound[]): string {
  const edges = graph.from.length.toLocaleString('en-US');
  const rows = rounds.map((round) => [
    round.place,
    digits(round.seconds),
    String(round.probes),
    digits(round.probeP50Ms),
    digits(round.probeP99Ms),
    digits(round.probeMaxMs),
    digits(round.slippedMs),
    digits(round.loopP99Ms),
    digits(round.loopMaxMs),
  ]);
  const header = [
    'server on',
    's',
    'probes',
    'echo p50 ms',
    'p99 ms',
    'longest ms',
    'prober late ms',
    'server: loop p99 ms',
    'longest ms',
  ];
  return `${verdicts(PLACES.flatMap((place) => judge(edges, rounds, place)))}

${graph.origin}, gzipped, over \`POST /v1/import\`. Each round, none left out:

${table(header, rows)}`;
}

function judge(edges: string, all: readonly ImportRound[], place: Place): readonly Verdict[] {
  const rounds = all.filter((round) => round.place === place);
  const seconds = median(rounds.map((round) => round.seconds));
  // "Never" is about the worst round, not the middle one.
  const longest = Math.max(...rounds.map(({ probeMaxMs }) => probeMaxMs));
  const least = Math.min(...rounds.map(({ probeMaxMs }) => probeMaxMs));
  return [
    {
      target: `${edges} edges in under ${MOST_SECONDS} s, server on ${place}`,
      value: `${digits(seconds)} s`,
      met: seconds < MOST_SECONDS,
    },
    {
      target: `the loop never stalled over ${LONGEST_STALL_MS} ms, server on ${place}`,
      value: `longest echo ${digits(longest)} ms in the worst round, ${digits(least)} ms in the best`,
      met: longest <= LONGEST_STALL_MS,
    },
  ];
}
