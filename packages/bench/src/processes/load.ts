import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { type Line, type LineProcess, numberIn, startLineProcess } from './line-process.ts';

/** What a running load generator is asked to do; see load/load.h. */
export type LoadOptions = {
  readonly mode: 'hold' | 'fanout' | 'graph' | 'probe' | 'calls' | 'crowd';
  readonly port: number;
  readonly path: string;
  /** What each connection sends first; several messages are apart by tabs. After `@PORT ` it goes there instead; after `sse ` or `poll ` not over a WebSocket. */
  readonly openings: readonly string[];
  /** A connection is ready when a message contains this. */
  readonly ready: string;
  readonly more?: Readonly<Record<string, string>>;
};

/** Connections that are being opened at any moment. */
export const AT_ONCE = 64;

/** How the connecting went. */
export type Opened = {
  readonly connections: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Where that is tolerated. */
  readonly failed: number;
  /** Why the first of them did, as the server or the kernel said; empty where none did. */
  readonly firstFailure: string;
  /** Until half, and 95 of 100, were ready. */
  readonly halfSeconds: number;
  readonly mostSeconds: number;
};

export type Load = {
  readonly opened: Opened;
  /** Tells it what to do. */
  tell(command: string): void;
  /** Waits for the answer of that name. */
  answer(name: string): Promise<Line>;
  /** Both. */
  ask(command: string, answer: string): Promise<Line>;
  end(): Promise<void>;
};

/** A generator that opens nothing until it is told to. */
export type PreparedLoad = {
  /** Opens all connections and waits until they are ready. */
  open(): Promise<Load>;
};

/** Starts the generator and waits until all connections are ready. */
export async function startLoad(bench: Bench, options: LoadOptions): Promise<Load> {
  return opened(start(bench, options));
}

/** Starts the generator and waits until it could begin. */
export async function prepareLoad(bench: Bench, options: LoadOptions): Promise<PreparedLoad> {
  const child = start(bench, { ...options, more: { ...options.more, 'hold-fire': '1' } });
  await child.next(({ event }) => event === 'prepared');
  return {
    open() {
      child.tell('open');
      return opened(child);
    },
  };
}

/** Generators run side by side, each with a plan of its own. */
let plans = 0;

function start(bench: Bench, options: LoadOptions): LineProcess {
  const plan = join(bench.folder, `plan-${++plans}`);
  writeFileSync(plan, options.openings.map((line) => `${line}\n`).join(''));
  const given = {
    port: String(options.port),
    path: options.path,
    plan,
    ready: options.ready,
    'at-once': String(AT_ONCE),
    ...options.more,
  };
  return startLineProcess(
    bench.cores.load([
      bench.programs.load,
      options.mode,
      ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, value]),
    ]),
  );
}

async function opened(child: LineProcess): Promise<Load> {
  const ready = await child.next(({ event }) => event === 'ready');
  return {
    opened: {
      connections: numberIn(ready, 'connections'),
      seconds: numberIn(ready, 'seconds'),
      p50Ms: numberIn(ready, 'p50Ms'),
      p99Ms: numberIn(ready, 'p99Ms'),
      failed: numberIn(ready, 'failed'),
      firstFailure: String(ready['firstFailure']),
      halfSeconds: numberIn(ready, 'halfSeconds'),
      mostSeconds: numberIn(ready, 'mostSeconds'),
    },
    tell: child.tell,
    answer: (name) => child.next(({ event }) => event === name),
    ask(command, answer) {
      child.tell(command);
      return child.next(({ event }) => event === answer);
    },
    end: () => child.end('SIGKILL'),
  };
}
