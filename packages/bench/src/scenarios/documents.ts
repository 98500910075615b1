import { statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import type { Bench } from '../bench.ts';
import { loginMessage, newDatabase, startCarillon, type Carillon } from '../processes/carillon.ts';
import { type Line, type LineProcess, numberIn, startLineProcess } from '../processes/line-process.ts';
import { startPeer } from '../processes/peers.ts';
import { cpuMicros, peakResidentKb, resetPeak, residentKb } from '../processes/usage.ts';

export const CONTENDERS = ['carillon', 'y-websocket', 'hocuspocus'] as const;
export type Contender = (typeof CONTENDERS)[number];

export type DocumentsPlan = {
  /** People in one document. */
  readonly clients: number;
  readonly seconds: number;
  readonly joiners: number;
  /** Size of the document that they join. */
  readonly megabytes: number;
  /** Documents that are open and idle. */
  readonly idle: number;
  readonly paper: string | null;
  /** Keystrokes that are typed at most. */
  readonly most: number;
};

export type Quantiles = { readonly p50: number; readonly p95: number; readonly p99: number };

/** One contender with everybody in one document. */
export type CrowdSample = {
  readonly contender: Contender;
  readonly cursor: Quantiles;
  readonly update: Quantiles;
  /** Of those that were sent, how many of a hundred came, at those who looked. */
  readonly cursorsPercent: number;
  readonly cpuPercent: number;
  readonly megabytesPerSecond: number;
  readonly residentMb: number;
};

export type JoinResult = {
  readonly bytes: number;
  readonly state: number;
  readonly seconds: number;
  readonly bareSeconds: number;
  readonly grownMb: number;
  readonly applyMs: number;
};

export type PaperSample = {
  readonly durability: 'memory' | 'stored';
  readonly updates: number;
  readonly updatesPerSecond: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly equal: boolean;
  readonly characters: number;
  readonly microsEach: number;
  readonly residentMb: number;
  readonly peakMb: number;
  /** The files of stored channels; null where nothing is stored. */
  readonly restBytes: number | null;
  readonly stateBytes: number;
};

export type DocumentsResult = {
  readonly crowd: readonly CrowdSample[];
  readonly join: JoinResult;
  readonly idleBytes: number;
  readonly paper: readonly PaperSample[];
};

/** Cursor moves of each a second. */
export const MOVES = 2;
const LOOKING = 5;
const CONFIG = fileURLToPath(new URL('../documents.config.ts', import.meta.url));
const SETTINGS = {
  CARILLON_LIMITS_SUBSCRIPTIONS_PER_SESSION: '10000',
  CARILLON_LIMITS_NEW_SESSION_BURST: '10000',
};

export async function runDocuments(bench: Bench, plan: DocumentsPlan): Promise<DocumentsResult> {
  const crowd: CrowdSample[] = [];
  for (const contender of CONTENDERS) {
    const sample = await measureCrowd(bench, plan, contender);
    bench.say(
      `documents: ${contender}: cursor p95 ${sample.cursor.p95.toFixed(0)} ms, update p95 ${sample.update.p95.toFixed(0)} ms, ${sample.cpuPercent.toFixed(0)}% of a core`,
    );
    crowd.push(sample);
  }
  const join = await measureJoin(bench, plan);
  bench.say(
    `documents: ${plan.joiners} joiners: ${join.seconds.toFixed(2)} s, bare ${join.bareSeconds.toFixed(2)} s`,
  );
  const idleBytes = await measureIdle(bench, plan);
  bench.say(`documents: ${Math.round(idleBytes)} bytes an idle document`);
  const paper: PaperSample[] = [];
  for (const durability of ['memory', 'stored'] as const) {
    const sample = await measurePaper(bench, plan, durability);
    bench.say(`documents: paper, ${durability}: ${Math.round(sample.updatesPerSecond)} updates a second`);
    paper.push(sample);
  }
  return { crowd, join, idleBytes, paper };
}

function startOwn(bench: Bench, database = newDatabase(bench)): Promise<Carillon> {
  return startCarillon(bench, database, SETTINGS, CONFIG);
}

let plans = 0;

/** A file of logins, one for each connection. */
function logins(bench: Bench, count: number): string {
  const path = join(bench.folder, `document-logins-${++plans}`);
  writeFileSync(path, Array.from({ length: count }, (_, n) => `${loginMessage(`person${n}`)}\n`).join(''));
  return path;
}

function startOf(bench: Bench, name: string, plan: object): LineProcess {
  const [, main = ''] = process.argv;
  return startLineProcess(
    bench.cores.load([process.execPath, ...process.execArgv, main, name, JSON.stringify(plan)]),
  );
}

async function measureCrowd(bench: Bench, plan: DocumentsPlan, contender: Contender): Promise<CrowdSample> {
  const server = contender === 'carillon' ? await startOwn(bench) : await startPeer(bench, contender);
  const load = startOf(bench, 'document-load', {
    ...{ contender, port: server.port, clients: plan.clients, moves: MOVES },
    logins: contender === 'carillon' ? logins(bench, plan.clients) : '',
  });
  try {
    await load.next(({ event }) => event === 'ready');
    await pause(WARM_UP_SECONDS);
    load.tell('begin');
    await load.next(({ event }) => event === 'begun');
    const before = cpuMicros(server.pid);
    const began = performance.now();
    await pause(plan.seconds);
    load.tell('figures');
    const line = await load.next(({ event }) => event === 'figures');
    const seconds = (performance.now() - began) / 1000;
    const micros = cpuMicros(server.pid) - before;
    return {
      contender,
      cursor: quantilesIn(line, 'cursor'),
      update: quantilesIn(line, 'update'),
      cursorsPercent:
        (numberIn(line, 'cursors') / (plan.clients * MOVES * seconds * Math.min(LOOKING, plan.clients))) *
        100,
      cpuPercent: micros / seconds / 10_000,
      megabytesPerSecond: numberIn(line, 'bytes') / seconds / 1e6,
      residentMb: residentKb(server.pid) / 1024,
    };
  } finally {
    await load.end('SIGKILL');
    await server.end();
  }
}

const WARM_UP_SECONDS = 5;

function quantilesIn(line: Line, name: string): Quantiles {
  const at = (p: string): number => numberIn(line, `${name}${p}`);
  return { p50: at('P50'), p95: at('P95'), p99: at('P99') };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function measureJoin(bench: Bench, { joiners, megabytes }: DocumentsPlan): Promise<JoinResult> {
  const server = await startOwn(bench);
  try {
    const state = documentOf(megabytes);
    await importDocument(server, 'doc:bench', state);
    const load = startOf(bench, 'document-joiners', {
      ...{ contender: 'carillon', port: server.port, clients: joiners, bytes: 0 },
      logins: logins(bench, joiners),
    });
    await load.next(({ event }) => event === 'ready');
    const before = residentKb(server.pid);
    resetPeak(server.pid);
    load.tell('go');
    const line = await load.next(({ event }) => event === 'joined');
    const grownMb = (peakResidentKb(server.pid) - before) / 1024;
    await load.end('SIGKILL');
    const sizes = line['sizes'] as number[];
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const bare = await startPeer(bench, 'bare-state', sizes.join(','));
    const bareLoad = startOf(bench, 'document-joiners', {
      ...{ contender: 'ws', port: bare.port, clients: joiners, bytes, logins: '' },
    });
    await bareLoad.next(({ event }) => event === 'ready');
    bareLoad.tell('go');
    const bareLine = await bareLoad.next(({ event }) => event === 'joined');
    await bareLoad.end('SIGKILL');
    await bare.end();
    return {
      ...{ bytes, state: state.length, grownMb },
      seconds: numberIn(line, 'seconds'),
      bareSeconds: numberIn(bareLine, 'seconds'),
      applyMs: numberIn(line, 'applyMs'),
    };
  } finally {
    await server.end();
  }
}

/** A text of so many megabytes, in paragraphs of their own. */
function documentOf(megabytes: number): Uint8Array {
  const doc = new Y.Doc();
  const text = doc.getText('text');
  const paragraph = `${'All work and no play makes a dull document. '.repeat(22)}\n`;
  for (let length = 0; length < megabytes * 1024 * 1024; length += paragraph.length)
    text.insert(Math.floor(length / 2), paragraph);
  return Y.encodeStateAsUpdate(doc);
}

async function importDocument(server: Carillon, channel: string, state: Uint8Array): Promise<void> {
  await server.put(`/v1/documents/${encodeURIComponent(channel)}`, state);
}

async function measureIdle(bench: Bench, { idle }: DocumentsPlan): Promise<number> {
  const server = await startOwn(bench);
  const sockets: WebSocket[] = [];
  try {
    const clients = Math.ceil(idle / DOCUMENTS_EACH);
    for (let n = 0; n < clients; n++) sockets.push(await loggedIn(server.port, `idle${n}`));
    await pause(SETTLE_SECONDS);
    const before = residentKb(server.pid);
    await Promise.all(
      sockets.map((socket, n) =>
        openDocuments(socket, n * DOCUMENTS_EACH, Math.min(idle, (n + 1) * DOCUMENTS_EACH)),
      ),
    );
    await pause(SETTLE_SECONDS);
    return ((residentKb(server.pid) - before) * 1024) / idle;
  } finally {
    for (const socket of sockets) socket.terminate();
    await server.end();
  }
}

const DOCUMENTS_EACH = 100;

/** States are let go of 5 s behind the last who joined. */
const SETTLE_SECONDS = 8;

function loggedIn(port: number, user: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false });
    socket.on('error', reject);
    socket.on('open', () => socket.send(loginMessage(user)));
    socket.on('message', (data: Buffer) => {
      if (data.subarray(0, 14).includes('{"t":"sync"')) resolve(socket);
      if (data.subarray(0, 10).includes('{"t":"hb"')) socket.send('{"t":"hb"}');
    });
  });
}

/** Opens each and writes a word into it. */
async function openDocuments(socket: WebSocket, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const doc = new Y.Doc();
    doc.getText('text').insert(0, `document ${n}`);
    const d = Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64');
    await new Promise<void>((resolve, reject) => {
      const take = (data: Buffer): void => {
        const text = data.toString();
        if (text.startsWith('{"t":"err"')) reject(new Error(text));
        if (!text.startsWith(`{"t":"ok","i":${2 * n + 1},`)) return;
        socket.off('message', take);
        resolve();
      };
      socket.on('message', take);
      socket.send(`{"t":"sub","i":${2 * n},"c":"doc:idle${n}","cl":[${doc.clientID}]}`);
      socket.send(`{"t":"upd","i":${2 * n + 1},"c":"doc:idle${n}","d":"${d}"}`);
    });
  }
}

async function measurePaper(
  bench: Bench,
  { paper, most }: DocumentsPlan,
  durability: 'memory' | 'stored',
): Promise<PaperSample> {
  const database = newDatabase(bench);
  const server = await startOwn(bench, database);
  const channel = durability === 'memory' ? 'doc:paper' : 'kept:paper';
  try {
    const load = startOf(bench, 'document-paper', {
      ...{ port: server.port, channel, inFlight: IN_FLIGHT, most, file: paper ?? '' },
      logins: logins(bench, 1 + WATCHERS),
    });
    resetPeak(server.pid);
    const before = cpuMicros(server.pid);
    const line = await load.next(({ event }) => event === 'typed');
    const micros = cpuMicros(server.pid) - before;
    await load.end('SIGKILL');
    const state = await server.get(`/v1/documents/${encodeURIComponent(channel)}`);
    const updates = numberIn(line, 'updates');
    // Stored channels have a file of their own beside the database.
    const log = database.replace(/\.sqlite$/, '.log.sqlite');
    const files = [log, `${log}-wal`].map(sizeOf);
    return {
      ...{ durability, updates, equal: line['equal'] === true },
      updatesPerSecond: updates / numberIn(line, 'allSeconds'),
      bytesUp: numberIn(line, 'bytesUp') / updates,
      bytesDown: numberIn(line, 'bytesDown') / updates / WATCHERS,
      characters: numberIn(line, 'characters'),
      microsEach: micros / updates,
      residentMb: residentKb(server.pid) / 1024,
      peakMb: peakResidentKb(server.pid) / 1024,
      restBytes: durability === 'memory' ? null : files.reduce((sum, size) => sum + size, 0),
      stateBytes: state.length,
    };
  } finally {
    await server.end();
  }
}

export const IN_FLIGHT = 60;
export const WATCHERS = 3;

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
