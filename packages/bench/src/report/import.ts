import type { Graph } from '../graph/graph.ts';
import type { ImportRound } from '../scenarios/import.ts';
import { median } from '../statistics.ts';
import { digits, table, verdicts } from './table.ts';

const MOST_SECONDS = 5;
const LONGEST_STALL_MS = 20;

export function reportImport(graph: Graph, rounds: readonly ImportRound[]): string {
  const middle = (read: (round: ImportRound) => number): number => median(rounds.map(read));
  const seconds = middle((round) => round.seconds);
  const longest = middle(({ probeMaxMs }) => probeMaxMs);
  return `${verdicts([
    {
      target: `${graph.from.length.toLocaleString('en-US')} edges in under ${MOST_SECONDS} s`,
      value: `${digits(seconds)} s`,
      met: seconds < MOST_SECONDS,
    },
    {
      target: `the loop never stalled over ${LONGEST_STALL_MS} ms`,
      value: `longest echo ${digits(longest)} ms`,
      met: longest <= LONGEST_STALL_MS,
    },
  ])}

${graph.origin}, gzipped, over \`POST /v1/import\`; medians of ${rounds.length} rounds.

${table(
  ['round', 's', 'probes', 'echo p50 ms', 'p99 ms', 'longest ms', 'prober late ms', 'server: loop p99 ms', 'longest ms'],
  rounds.map((round, i) => [
    String(i + 1),
    digits(round.seconds),
    String(round.probes),
    digits(round.probeP50Ms),
    digits(round.probeP99Ms),
    digits(round.probeMaxMs),
    digits(round.slippedMs),
    digits(round.loopP99Ms),
    digits(round.loopMaxMs),
  ]),
)}`;
}
