import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { CARILLON_CLIENT, NODES_CONFIG, loginMessage, newDatabase } from '../processes/carillon.ts';
import { ANY_CORE } from '../processes/cores.ts';
import { freePort } from '../processes/free-port.ts';
import { type Line, numberIn } from '../processes/line-process.ts';
import { type Load, type LoadOptions, type Opened, prepareLoad, startLoad } from '../processes/load.ts';
import { type Nodes, startNodes } from '../processes/nodes.ts';
import { startPeer } from '../processes/peers.ts';

export type KilledPlan = {
  /** All on the node that is killed. */
  readonly clients: number;
  readonly watchers: number;
  readonly repetitions: number;
  /** After the last round, until the dead node has been swept: longer than the lease and the grace. */
  readonly watchSeconds: number;
};

export type KilledRound = {
  readonly floor: Opened;
  readonly back: Opened;
  /** Clients that lost their line at the same moment. */
  readonly struck: number;
  /** Sessions that `token` said go on. */
  readonly resumed: number;
  /** What watchers were told of anybody: `o` and `x`, and everything else. */
  readonly flaps: number;
  readonly otherMessages: number;
  /** Questions that the authorize callback was asked: by the logins, and by the resumes. */
  readonly askedAtLogin: number;
  readonly askedAtResume: number;
};

/** Clients come back at once, each a little later than the other. */
export const SPREAD_SECONDS = 0.2;
/** As many as a listener lets wait (511), so that none waits a second for the kernel to try again. */
export const BACK_AT_ONCE = 500;
const WATCHERS_OF_EACH = 4;
const ROOMS = 50;
const SETTLE_MS = 3_000;

/** A node of three is killed with its clients on it; these resume on the others. */
export async function runKilled(bench: Bench, plan: KilledPlan): Promise<readonly KilledRound[]> {
  const spread: Bench = { ...bench, cores: { ...bench.cores, ...ANY_CORE } };
  const rounds: KilledRound[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    const floor = await connectFloor(spread, plan);
    const result = await kill(spread, plan, floor, round === plan.repetitions ? plan.watchSeconds : 0);
    bench.say(
      `killed ${round}/${plan.repetitions}: 95% after ${result.back.mostSeconds.toFixed(2)} s (floor ${floor.mostSeconds.toFixed(2)} s), ${result.resumed} of ${plan.clients} resumed, ${result.flaps} flaps, ${result.askedAtResume} questions`,
    );
    rounds.push(result);
  }
  return rounds;
}

/** The same clients connect to two bare `ws` servers, which answer their first message. */
async function connectFloor(bench: Bench, plan: KilledPlan): Promise<Opened> {
  const peers = [await startPeer(bench, 'ws'), await startPeer(bench, 'ws')];
  const load = await prepareLoad(bench, {
    mode: 'hold',
    port: peers[0]?.port ?? 0,
    path: '/',
    ready: 'welcome',
    openings: each(plan.clients, (i) => `@${peers[i % 2]?.port ?? 0} ${loginMessage(`u${i}`)}`),
    more: allAtOnce(),
  });
  const open = await load.open();
  await open.end();
  for (const peer of peers) await peer.end();
  return open.opened;
}

async function kill(
  bench: Bench,
  plan: KilledPlan,
  floor: Opened,
  watchSeconds: number,
): Promise<KilledRound> {
  const asked = await answerQuestions();
  const nodes = await startNodes(
    bench,
    3,
    newDatabase(bench),
    { CARILLON_AUTHORIZE_URL: asked.url, CARILLON_AUTHORIZE_SECRET: 'x'.repeat(32) },
    NODES_CONFIG,
  );
  try {
    await nodes.all[0].post('/v1/import', edges(plan));
    const kept = join(bench.folder, 'kept');
    const clients = await startLoad(bench, onNode(nodes, 0, plan, kept));
    const askedAtLogin = asked.count();
    const tickets = readTickets(kept, plan.clients);
    if (tickets.some(({ grant }) => grant === '')) throw new Error('a client was given no grant');
    const watchers = await startLoad(bench, {
      ...onNode(nodes, 0, plan, null),
      ready: CARILLON_CLIENT.ready,
      openings: each(plan.watchers, (i) => `@${portOf(nodes, 1 + (i % 2))} ${loginMessage(`w${i}`)}`),
    });
    const again = await prepareLoad(bench, {
      ...onNode(nodes, 1, plan, kept),
      openings: each(plan.clients, (i) => {
        const { token, grant } = tickets[i] ?? { token: '', grant: '' };
        const sub = { t: 'sub', c: `asked:r${i % ROOMS}`, i: 1, g: grant };
        return `@${portOf(nodes, 1 + (i % 2))} ${loginMessage(`u${i}`, { resume: token })}\t${JSON.stringify(sub)}`;
      }),
      more: { ...CARILLON_CLIENT.heartbeat, keep: '"t":"', out: kept, ...allAtOnce() },
    });
    await sleep(SETTLE_MS);
    const before = await watchers.ask('count', 'count');
    process.kill(nodes.all[0].pid, 'SIGKILL');
    const back = await again.open();
    const struck = numberIn(await clients.ask('count', 'count'), 'closed');
    await clients.end();
    await sleep(SETTLE_MS + watchSeconds * 1000);
    const after = await watchers.ask('count', 'count');
    const askedAtResume = asked.count() - askedAtLogin;
    await watchersAreAwake(bench, nodes, plan, watchers, after);
    await expectNoneClosed(back);
    const resumed = readTickets(kept, plan.clients).filter((ticket) => ticket.resumed).length;
    await back.end();
    await watchers.end();
    const more = (name: string): number => numberIn(after, name) - numberIn(before, name);
    return {
      floor,
      back: back.opened,
      struck,
      resumed,
      flaps: more('online') + more('offline'),
      otherMessages: more('others'),
      askedAtLogin,
      askedAtResume,
    };
  } finally {
    await nodes.end();
    asked.close();
  }
}

function onNode(nodes: Nodes, node: number, plan: KilledPlan, out: string | null): LoadOptions {
  return {
    mode: 'hold',
    port: portOf(nodes, node),
    path: CARILLON_CLIENT.path,
    ready: '"i":1',
    openings: each(
      plan.clients,
      (i) =>
        `${loginMessage(`u${i}`, { a: 'Debugging' })}\t${JSON.stringify({ t: 'sub', c: `asked:r${i % ROOMS}`, i: 1 })}`,
    ),
    more: { ...CARILLON_CLIENT.heartbeat, ...(out === null ? {} : { keep: '"t":"', out }) },
  };
}

/** That nobody saw a flap says something only where those who watch do see what happens. */
async function watchersAreAwake(
  bench: Bench,
  nodes: Nodes,
  plan: KilledPlan,
  watchers: Load,
  before: Line,
): Promise<void> {
  const canary = await startLoad(bench, {
    ...onNode(nodes, 1, plan, null),
    ready: CARILLON_CLIENT.ready,
    openings: [loginMessage('canary')],
  });
  await sleep(SETTLE_MS);
  const told = numberIn(await watchers.ask('count', 'count'), 'online') - numberIn(before, 'online');
  await canary.end();
  if (told !== plan.watchers) throw new Error(`${told} of ${plan.watchers} watchers saw somebody come`);
}

async function expectNoneClosed(load: Load): Promise<void> {
  const closed = numberIn(await load.ask('count', 'count'), 'closed');
  if (closed > 0) throw new Error(`${closed} connections were closed after they had resumed`);
}

function allAtOnce(): Readonly<Record<string, string>> {
  return { 'at-once': String(BACK_AT_ONCE), spread: String(SPREAD_SECONDS) };
}

function portOf(nodes: Nodes, node: number): number {
  return nodes.all[node]?.port ?? 0;
}

function each(count: number, item: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => item(i));
}

/** Every client is watched by several, and one more by all of them. */
function edges({ clients, watchers }: KilledPlan): string {
  const lines = each(watchers, (i) => `w${i},canary\n`);
  for (let i = 0; i < clients; i++)
    for (let k = 0; k < WATCHERS_OF_EACH; k++)
      lines.push(`w${(i * WATCHERS_OF_EACH + k) % watchers},u${i}\n`);
  return lines.join('');
}

type Ticket = { token: string; resumed: boolean; grant: string };

/** Lines of a connection's number, a tab and a message: `token`, and `ok` with the grant. */
function readTickets(file: string, clients: number): readonly Ticket[] {
  const tickets: Ticket[] = each(clients, String).map(() => ({ token: '', resumed: false, grant: '' }));
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const tab = line.indexOf('\t');
    const ticket = tickets[Number(line.slice(0, tab))];
    const message = JSON.parse(line.slice(tab + 1)) as {
      t: string;
      token?: string;
      resumed?: boolean;
      g?: string;
    };
    if (ticket === undefined) continue;
    if (message.t === 'token') {
      ticket.token = message.token ?? '';
      ticket.resumed = message.resumed === true;
    } else if (message.t === 'ok') ticket.grant = message.g ?? '';
    else if (message.t === 'err') throw new Error(`a client was refused: ${line}`);
  }
  const lost = tickets.filter(({ token }) => token === '').length;
  if (lost > 0) throw new Error(`${lost} of ${clients} were told no token`);
  return tickets;
}

/** The app's backend, which says yes to everything, for an hour, and counts: a right for a time is what a grant is given for. */
async function answerQuestions(): Promise<{ readonly url: string; count(): number; close(): void }> {
  let count = 0;
  const server = createServer((request, response) => {
    count++;
    request.resume();
    response.setHeader('Content-Type', 'application/json').end('{"allow":true,"ttlMs":3600000}');
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port}/may`,
    count: () => count,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
