import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchArguments, Scenario } from './arguments.ts';
import type { Bench } from './bench.ts';
import { generateGraph } from './graph/generate-edges.ts';
import type { Graph } from './graph/graph.ts';
import { readGraph } from './graph/read-edges.ts';
import { findCores } from './processes/cores.ts';
import { compilePrograms } from './processes/native.ts';
import { replaceSection } from './report/document.ts';
import { reportBytes } from './report/bytes.ts';
import {
  reportCalls,
  reportHistory,
  reportRecovery,
  reportSlowReader,
  reportSnapshot,
} from './report/channels.ts';
import { reportCrowd } from './report/crowd.ts';
import { reportFallback } from './report/fallback.ts';
import { reportFanout } from './report/fanout.ts';
import { reportDocuments } from './report/documents.ts';
import { reportFeeds } from './report/feeds.ts';
import { reportGraph } from './report/graph.ts';
import { reportKilled } from './report/killed.ts';
import { reportNodes } from './report/nodes.ts';
import { reportImport } from './report/import.ts';
import { describeMachine } from './report/machine.ts';
import { reportSessions } from './report/sessions.ts';
import { reportSizes } from './report/sizes.ts';
import { reportWays } from './report/transports.ts';
import { runFallback } from './scenarios/fallback.ts';
import { FOLLOWERS, runFanout } from './scenarios/fanout.ts';
import { runDocuments } from './scenarios/documents.ts';
import { runFeeds } from './scenarios/feeds.ts';
import { runGraph } from './scenarios/graph.ts';
import { runCrowd } from './scenarios/crowd.ts';
import { runKilled } from './scenarios/killed.ts';
import { runNodes } from './scenarios/nodes.ts';
import { runBytes } from './scenarios/bytes.ts';
import { runCalls } from './scenarios/calls.ts';
import { runHistory } from './scenarios/history.ts';
import { runImport } from './scenarios/import.ts';
import { runRecovery } from './scenarios/recovery.ts';
import { runSessions } from './scenarios/sessions.ts';
import { runSizes } from './scenarios/sizes.ts';
import { runSlowReader } from './scenarios/slow-reader.ts';
import { runSnapshot } from './scenarios/snapshot.ts';
import { runWays } from './scenarios/transports.ts';

const DOCUMENT = join(import.meta.dirname, '../../../docs/benchmarks.md');
/** Three servers and more have no core of their own. */
const ON_ANY_CORE: ReadonlySet<Scenario> = new Set(['killed', 'graph-nodes', 'crowd', 'feeds']);
const GRAPH_SEED = 1;
const QUICK_PEOPLE = 2_000;
const QUICK_EDGES_PER_PERSON = 8;

/**
 * Runs the scenarios one after the other. What each gave is printed, and written into the document at once, so that a
 * later failure loses nothing.
 */
export async function runBench(args: BenchArguments, command: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-'));
  try {
    const cores = findCores();
    const bench: Bench = {
      folder,
      cores,
      programs: compilePrograms(folder),
      say: (line) => console.error(`bench: ${line}`),
    };
    const machine = describeMachine(cores.described);
    let graph: Graph | null = null;
    const graphOnce = (): Graph => (graph ??= loadGraph(args));
    for (const scenario of args.scenarios) {
      const lines = machine.lines.map((line) =>
        line === cores.described && ON_ANY_CORE.has(scenario) ? 'servers, Redis and load on any core' : line,
      );
      const setting = [...lines, `\`${command}\``].map((line) => `- ${line}`).join('\n');
      const text = `${await runScenario(bench, args, scenario, graphOnce)}\n\nRun on ${today()}:\n\n${setting}`;
      console.log(`\n## ${scenario}\n\n${text}\n`);
      if (args.quick) continue;
      writeFileSync(DOCUMENT, replaceSection(readFileSync(DOCUMENT, 'utf8'), { name: scenario, text }));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runScenario(
  bench: Bench,
  args: BenchArguments,
  scenario: Scenario,
  graph: () => Graph,
): Promise<string> {
  const { quick, repetitions } = args;
  switch (scenario) {
    case 'fanout': {
      const plan = quick
        ? { followers: 200, repetitions, warmUpSeconds: 0.3, windowSeconds: 0.5 }
        : { followers: FOLLOWERS, repetitions, warmUpSeconds: 2, windowSeconds: 4 };
      return reportFanout(plan, await runFanout(bench, plan));
    }
    case 'graph':
    case 'graph-nodes': {
      const plan = {
        people: args.people,
        nodes: scenario === 'graph' ? 1 : 3,
        changesPerSecond: quick ? 200 : 500,
        seconds: quick ? 2 : 20,
      };
      return reportGraph(await runGraph(bench, graph(), plan));
    }
    case 'sessions': {
      const people = graph().people;
      const plan = {
        sessions: Math.min(args.sessions, people),
        repetitions,
        idleSeconds: quick ? 2 : 40,
      };
      return reportSessions(plan, await runSessions(bench, graph(), plan));
    }
    case 'import':
      return reportImport(graph(), await runImport(bench, graph(), repetitions));
    case 'history': {
      const plan = { publishers: 32, repetitions, ...windows(quick) };
      return reportHistory(plan, await runHistory(bench, plan));
    }
    case 'recovery': {
      const plan = { clients: args.sessions, missed: 50, repetitions };
      return reportRecovery(plan, await runRecovery(bench, plan));
    }
    case 'snapshot': {
      const plan = { keys: quick ? 2_000 : 10_000, snapshots: quick ? 5 : 50, repetitions };
      return reportSnapshot(plan, await runSnapshot(bench, plan));
    }
    case 'calls': {
      const plan = { repetitions, ...windows(quick) };
      return reportCalls(plan, await runCalls(bench, plan));
    }
    case 'slow-reader': {
      const plan = { readers: quick ? 200 : 1_000, repetitions, ...windows(quick) };
      return reportSlowReader(plan, await runSlowReader(bench, plan));
    }
    case 'nodes': {
      const plan = { subscribers: quick ? 200 : 1_000, repetitions, ...windows(quick) };
      return reportNodes(plan, await runNodes(bench, plan));
    }
    case 'killed': {
      const plan = quick
        ? { clients: 500, watchers: 20, repetitions, watchSeconds: 2 }
        : { clients: 5_000, watchers: 200, repetitions, watchSeconds: 100 };
      return reportKilled(plan, await runKilled(bench, plan));
    }
    case 'crowd': {
      const plan = {
        connections: args.connections,
        changesPerSecond: args.changes,
        seconds: quick ? 2 : 20,
        idleSeconds: quick ? 2 : 40,
      };
      return reportCrowd(await runCrowd(bench, graph(), plan));
    }
    case 'bytes':
      return reportBytes(await runBytes(bench));
    case 'fallback': {
      const plan = quick
        ? { clients: 2, liveSeconds: 1, patient: false }
        : { clients: 10, liveSeconds: 65, patient: true };
      return reportFallback(plan, await runFallback(bench, plan));
    }
    case 'feeds': {
      const plan = quick
        ? {
            users: args.users,
            eventsPerSecond: 200,
            seconds: 2,
            warmUpSeconds: 0.5,
            watchingUsers: 100,
            windowSeconds: 1,
          }
        : {
            users: args.users,
            eventsPerSecond: 1_000,
            seconds: 30,
            warmUpSeconds: 5,
            watchingUsers: 1_000,
            windowSeconds: 10,
          };
      return reportFeeds(await runFeeds(bench, plan));
    }
    case 'documents': {
      const plan = quick
        ? { clients: 40, seconds: 2, joiners: 10, megabytes: 1, idle: 500, paper: args.paper, most: 2_000 }
        : {
            ...{ clients: 500, seconds: 20, joiners: 150, megabytes: 4, idle: 10_000 },
            ...{ paper: args.paper, most: 1_000_000 },
          };
      return reportDocuments(plan, await runDocuments(bench, plan));
    }
    case 'sizes':
      return reportSizes(await runSizes(bench));
    case 'transports': {
      const plan = quick
        ? { subscribers: 200, connections: 500, idleSeconds: 2, repetitions, windows: 1, ...windows(true) }
        : {
            subscribers: 1_000,
            connections: 4_000,
            idleSeconds: 35,
            repetitions,
            windows: 4,
            warmUpSeconds: 2,
            windowSeconds: 2,
          };
      return reportWays(plan, await runWays(bench, plan));
    }
  }
}

function windows(quick: boolean): { readonly warmUpSeconds: number; readonly windowSeconds: number } {
  return quick ? { warmUpSeconds: 0.3, windowSeconds: 0.5 } : { warmUpSeconds: 2, windowSeconds: 4 };
}

function loadGraph({ edges, mutual, quick }: BenchArguments): Graph {
  if (edges !== null) return readGraph(edges, mutual);
  return quick ? generateGraph(GRAPH_SEED, QUICK_PEOPLE, QUICK_EDGES_PER_PERSON) : generateGraph(GRAPH_SEED);
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}
