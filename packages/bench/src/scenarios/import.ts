import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Bench } from '../bench.ts';
import { type Graph, toCsv } from '../graph/graph.ts';
import type { Cores } from '../processes/cores.ts';
import { CARILLON_CLIENT, loginMessage, newDatabase, startCarillon } from '../processes/carillon.ts';
import { numberIn } from '../processes/line-process.ts';
import { startLoad } from '../processes/load.ts';

/**
 * Where the server runs: on its core alone, where its writer thread takes turns with the event loop, or wherever the
 * machine puts it, as in production.
 */
export const PLACES = ['one core', 'any core'] as const;
export type Place = (typeof PLACES)[number];

export type ImportRound = {
  readonly place: Place;
  readonly edges: number;
  readonly seconds: number;
  /** Round trips of an echo asked for every 2 ms while the import ran. */
  readonly probes: number;
  readonly probeP50Ms: number;
  readonly probeP99Ms: number;
  readonly probeMaxMs: number;
  /** How late the prober itself was at most: what the machine adds. */
  readonly slippedMs: number;
  /** The server's own histogram of its event loop, over the import alone: the time between samples due every 20 ms. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
};

/** Before the import: what the server is busy with after its start shall not count. */
const SETTLE_MS = 1_000;

export async function runImport(
  bench: Bench,
  graph: Graph,
  repetitions: number,
): Promise<readonly ImportRound[]> {
  const rounds: ImportRound[] = [];
  // Compressed, as such files are; unpacking is part of what the server does.
  const body = new Uint8Array(gzipSync(toCsv(graph)));
  for (let round = 1; round <= repetitions; round++) {
    for (const place of PLACES) {
      const result = await importOnce(bench, graph, body, place);
      bench.say(
        `import ${round}/${repetitions}: ${result.edges} edges on ${place} in ${result.seconds.toFixed(2)} s, longest echo ${result.probeMaxMs.toFixed(1)} ms`,
      );
      rounds.push(result);
    }
  }
  return rounds;
}

async function importOnce(
  bench: Bench,
  graph: Graph,
  body: Uint8Array<ArrayBuffer>,
  place: Place,
): Promise<ImportRound> {
  const cores: Cores = place === 'one core' ? bench.cores : { ...bench.cores, server: (command) => command };
  const server = await startCarillon({ ...bench, cores }, newDatabase(bench));
  try {
    const load = await startLoad(bench, {
      mode: 'probe',
      port: server.port,
      path: CARILLON_CLIENT.path,
      ready: CARILLON_CLIENT.ready,
      openings: [loginMessage('probe')],
      more: { ping: '{"t":"hb"}', pong: '{"t":"hb"}' },
    });
    await sleep(SETTLE_MS);
    // Reading the histogram empties it.
    await server.metrics();
    load.tell('go');
    const startedMs = performance.now();
    const answer = (await server.post('/v1/import', body)) as { edges: number; added: number };
    const seconds = (performance.now() - startedMs) / 1000;
    const line = await load.ask('stop', 'probed');
    const loop = await server.metrics();
    if (answer.edges !== graph.from.length || answer.added !== graph.from.length)
      throw new Error(`imported ${JSON.stringify(answer)} of ${graph.from.length} edges`);
    const result: ImportRound = {
      place,
      edges: answer.edges,
      seconds,
      probes: numberIn(line, 'probes'),
      probeP50Ms: numberIn(line, 'p50Ms'),
      probeP99Ms: numberIn(line, 'p99Ms'),
      probeMaxMs: numberIn(line, 'maxMs'),
      slippedMs: numberIn(line, 'slippedMs'),
      loopP99Ms: loop('nodejs_eventloop_lag_p99_seconds') * 1000,
      loopMaxMs: loop('nodejs_eventloop_lag_max_seconds') * 1000,
    };
    await load.end();
    return result;
  } finally {
    await server.end();
  }
}
