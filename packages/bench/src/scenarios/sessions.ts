import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Graph } from '../graph/graph.ts';
import { CARILLON_CLIENT, type Carillon, loginMessage, startCarillon } from '../processes/carillon.ts';
import { numberIn } from '../processes/line-process.ts';
import { type Load, type Opened, startLoad } from '../processes/load.ts';
import { startPeer } from '../processes/peers.ts';
import { cpuMicros, residentKb } from '../processes/usage.ts';
import { databaseWith } from './roster.ts';

export type SessionsPlan = {
  readonly sessions: number;
  readonly repetitions: number;
  /** Before memory is read. Longer than the heartbeat's 30 s, so that each session has had one. */
  readonly idleSeconds: number;
};

/** Connecting, with what it cost the server. */
export type Arrival = Opened & { readonly microsEach: number };

export type SessionsRound = {
  readonly floor: Arrival;
  readonly login: Arrival;
  readonly resume: Arrival;
  /** Sessions that `token` said go on. */
  readonly resumed: number;
  /** From the new process to its first line. */
  readonly restartMs: number;
  /** Each over the sessions, after the idle wait; for the floor, a bare connection. */
  readonly sessionKb: number;
  readonly floorKb: number;
};

/** Before anybody comes: what the server is busy with after its start shall not count. */
const SETTLE_MS = 2_000;

export async function runSessions(
  bench: Bench,
  graph: Graph,
  plan: SessionsPlan,
): Promise<readonly SessionsRound[]> {
  const rounds: SessionsRound[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    const floor = await runFloor(bench, plan);
    const result = { ...floor, ...(await runServer(bench, graph, plan)) };
    bench.say(
      `sessions ${round}/${plan.repetitions}: ${perSecond(result.login)} logins a second, ${perSecond(result.resume)} resumes, floor ${perSecond(result.floor)}; ${result.sessionKb.toFixed(1)} KB a session`,
    );
    rounds.push(result);
  }
  return rounds;
}

export function perSecond({ connections, seconds }: Opened): number {
  return Math.round(connections / seconds);
}

/** A plain `ws` server that answers the first message: what connecting costs before anybody is anybody. */
async function runFloor(bench: Bench, plan: SessionsPlan): Promise<Pick<SessionsRound, 'floor' | 'floorKb'>> {
  const peer = await startPeer(bench, 'ws');
  await sleep(SETTLE_MS);
  const before = residentKb(peer.pid);
  const { load, arrival } = await arrive(peer.pid, () =>
    startLoad(bench, {
      mode: 'hold',
      port: peer.port,
      path: '/',
      ready: 'welcome',
      // As long as a login, so that the same bytes come in.
      openings: Array.from({ length: plan.sessions }, (_, i) => loginMessage(String(i))),
    }),
  );
  await sleep(plan.idleSeconds * 1000);
  const floorKb = (residentKb(peer.pid) - before) / plan.sessions;
  await load.end();
  await peer.end();
  return { floor: arrival, floorKb };
}

async function runServer(
  bench: Bench,
  graph: Graph,
  plan: SessionsPlan,
): Promise<Omit<SessionsRound, 'floor' | 'floorKb'>> {
  const database = await databaseWith(bench, graph);
  let server = await startCarillon(bench, database);
  await sleep(SETTLE_MS);
  const before = residentKb(server.pid);
  const first = await arrive(server.pid, () => login(bench, server, plan.sessions, []));
  const tokens = readTokens(join(bench.folder, 'tokens'), plan.sessions);
  await sleep(plan.idleSeconds * 1000);
  await everybodyIsThere(first.load);
  const sessionKb = (residentKb(server.pid) - before) / plan.sessions;

  await server.end('SIGKILL');
  await first.load.end();
  const startedMs = performance.now();
  server = await startCarillon(bench, database);
  const restartMs = performance.now() - startedMs;
  const second = await arrive(server.pid, () =>
    login(
      bench,
      server,
      plan.sessions,
      tokens.map(({ token }) => token),
    ),
  );
  const resumed = readTokens(join(bench.folder, 'tokens'), plan.sessions).filter((one) => one.resumed).length;
  await second.load.end();
  await server.end();
  return { login: first.arrival, resume: second.arrival, resumed, restartMs, sessionKb };
}

function login(
  bench: Bench,
  server: Carillon,
  sessions: number,
  resumeTokens: readonly string[],
): Promise<Load> {
  return startLoad(bench, {
    mode: 'hold',
    port: server.port,
    path: CARILLON_CLIENT.path,
    ready: CARILLON_CLIENT.ready,
    openings: Array.from({ length: sessions }, (_, i) => {
      const resume = resumeTokens[i];
      return loginMessage(String(i), resume === undefined ? {} : { resume });
    }),
    more: { ...CARILLON_CLIENT.heartbeat, keep: '"t":"token"', out: join(bench.folder, 'tokens') },
  });
}

async function arrive(
  pid: number,
  open: () => Promise<Load>,
): Promise<{ readonly load: Load; readonly arrival: Arrival }> {
  const before = cpuMicros(pid);
  const load = await open();
  const micros = cpuMicros(pid) - before;
  return { load, arrival: { ...load.opened, microsEach: micros / load.opened.connections } };
}

type Token = { readonly token: string; readonly resumed: boolean };

/** Lines of a connection's number, a tab and its `token` message. */
function readTokens(file: string, sessions: number): readonly Token[] {
  const tokens: Token[] = [];
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const tab = line.indexOf('\t');
    tokens[Number(line.slice(0, tab))] = JSON.parse(line.slice(tab + 1)) as Token;
  }
  if (tokens.length !== sessions || tokens.includes(undefined as never))
    throw new Error(`${tokens.length} of ${sessions} connections were told a token`);
  return tokens;
}

async function everybodyIsThere(load: Load): Promise<void> {
  const closed = numberIn(await load.ask('count', 'count'), 'closed');
  if (closed > 0) throw new Error(`${closed} connections were closed while they were idle`);
}
