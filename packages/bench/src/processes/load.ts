import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { type Line, type LineProcess, numberIn, startLineProcess } from './line-process.ts';

/** What a running load generator is asked to do; see load/load.h. */
export type LoadOptions = {
  readonly mode: 'hold' | 'fanout' | 'graph' | 'probe' | 'calls';
  readonly port: number;
  readonly path: string;
  /** What each connection sends first; several messages are apart by tabs. */
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

/** Starts the generator and waits until all connections are ready. */
export async function startLoad(bench: Bench, options: LoadOptions): Promise<Load> {
  const plan = join(bench.folder, 'plan');
  writeFileSync(plan, options.openings.map((line) => `${line}\n`).join(''));
  const given = {
    port: String(options.port),
    path: options.path,
    plan,
    ready: options.ready,
    'at-once': String(AT_ONCE),
    ...options.more,
  };
  const child: LineProcess = startLineProcess(
    bench.cores.load([
      bench.programs.load,
      options.mode,
      ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, value]),
    ]),
  );
  const ready = await child.next(({ event }) => event === 'ready');
  return {
    opened: {
      connections: numberIn(ready, 'connections'),
      seconds: numberIn(ready, 'seconds'),
      p50Ms: numberIn(ready, 'p50Ms'),
      p99Ms: numberIn(ready, 'p99Ms'),
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
