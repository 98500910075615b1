import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A line of JSON that a program printed. */
export type Line = Readonly<Record<string, unknown>>;

/** A program that says what happens in lines of JSON on its stdout, and is told what to do on its stdin. */
export type LineProcess = {
  readonly pid: number;
  /** @throws Error when the program ends before it says something for which `wanted` is true */
  next(wanted: (line: Line) => boolean): Promise<Line>;
  tell(line: string): void;
  /** Ends the program and waits for its end. */
  end(signal: NodeJS.Signals): Promise<void>;
};

/** How much of what a program said last goes into the error when it fails. */
const KEPT_ERROR_CHARACTERS = 4_000;

/** Ends with this process, so that a failing bench leaves nothing behind. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function startLineProcess(
  command: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = process.cwd(),
): LineProcess {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  const lines: Line[] = [];
  let said = '';
  let ended: string | null = null;
  let waiting: { wanted: (line: Line) => boolean; settle: PromiseWithResolvers<Line> } | null = null;

  function remember(text: string): void {
    said = (said + text).slice(-KEPT_ERROR_CHARACTERS);
  }

  function endedWith(how: string): void {
    ended = how;
    running.delete(child);
    waiting?.settle.reject(failure());
    waiting = null;
  }

  function failure(): Error {
    return new Error(`${command.join(' ').slice(0, 300)}\n${ended ?? ''}\n${said}`);
  }

  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = parseLine(text);
    if (line === null) {
      remember(`${text}\n`);
      return;
    }
    if (line['event'] === undefined) remember(`${text}\n`);
    if (waiting?.wanted(line) === true) {
      waiting.settle.resolve(line);
      waiting = null;
    } else if (waiting === null) {
      lines.push(line);
    }
  });
  child.stderr.setEncoding('utf8').on('data', remember);
  // What is told to a program that has just ended is of no use to anybody; its end is reported by itself.
  child.stdin.on('error', () => undefined);
  child.on('error', (error) => endedWith(error.message));
  child.on('close', (code, signal) => endedWith(`ended with ${signal ?? `code ${code}`}`));

  return {
    pid: child.pid ?? 0,
    next(wanted) {
      const settle = Promise.withResolvers<Line>();
      const at = lines.findIndex(wanted);
      const found = lines[at];
      if (found !== undefined) {
        lines.splice(0, at + 1);
        settle.resolve(found);
      } else if (ended !== null) settle.reject(failure());
      else waiting = { wanted, settle };
      return settle.promise;
    },
    tell(line) {
      child.stdin.write(`${line}\n`);
    },
    async end(signal) {
      if (ended !== null) return;
      const closed = once(child, 'close');
      child.kill(signal);
      await closed;
    },
  };
}

function parseLine(text: string): Line | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Line) : null;
  } catch {
    return null;
  }
}

/** @throws Error when the program did not say the number it always says */
export function numberIn(line: Line, name: string): number {
  const value = line[name];
  if (typeof value !== 'number') throw new Error(`no ${name} in ${JSON.stringify(line)}`);
  return value;
}
