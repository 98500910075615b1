import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BARE_ENV } from '../../servers/bare-env.ts';

// Processes start one after the other; a busy machine has all the time for it.
vi.setConfig({ testTimeout: 90_000 });

const PROGRAM = fileURLToPath(new URL('./pool-process.ts', import.meta.url));

type Line = { readonly msg: string; readonly worker?: number; readonly pid?: number; readonly port?: number };

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** The real supervisor in a process of its own, over workers that do as they are asked. */
function start(size: number, manner = 'serve', startTimeoutMs = 60_000) {
  const child = spawn(
    process.execPath,
    [
      '--conditions=carillon-source',
      '--disable-warning=ExperimentalWarning',
      ...[PROGRAM, String(size), manner, String(startTimeoutMs)],
    ],
    { env: BARE_ENV, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  children.push(child);
  const lines: Line[] = [];
  let stderr = '';
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  createInterface(child.stdout).on('line', (line) => {
    lines.push(JSON.parse(line) as Line);
    wake();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }) as const);
  void ended.then(wake);
  return {
    child,
    lines,
    ended,
    stderr: () => stderr,
    /** The `count`-th line that fits, from the first one on. */
    async says(fits: (line: Line) => boolean, count = 1): Promise<Line> {
      for (;;) {
        const line = lines.filter(fits)[count - 1];
        if (line !== undefined) return line;
        if (child.exitCode !== null) throw new Error(`it ended:\n${JSON.stringify(lines)}\n${stderr}`);
        await changed.promise;
      }
    },
    /** All workers serve; resolves with the port and the process of each. */
    async up(): Promise<{ port: number; pids: Map<number, number> }> {
      const pids = new Map<number, number>();
      let port = 0;
      for (let worker = 1; worker <= size; worker++) {
        const line = await this.says(({ msg, worker: of }) => msg === 'up' && of === worker);
        pids.set(worker, line.pid!);
        port = line.port!;
      }
      return { port, pids };
    },
  };
}

const ask = async (port: number, path = ''): Promise<{ worker: number; pid: number }> =>
  (await fetch(`http://127.0.0.1:${port}/${path}`)).json() as Promise<{ worker: number; pid: number }>;

const isUp =
  (worker: number) =>
  ({ msg, worker: of }: Line): boolean =>
    msg === 'up' && of === worker;

describe('the supervisor', () => {
  it('has its workers on one port, and hands connections out in turn', async () => {
    const pool = start(3);
    const { port, pids } = await pool.up();
    const counts = new Map<number, number>();
    for (let i = 0; i < 30; i++) {
      const { worker } = await ask(port);
      counts.set(worker, (counts.get(worker) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ 1: 10, 2: 10, 3: 10 });
    expect([...pids.values()]).not.toContain(pool.child.pid);
  });

  it('replaces a worker that was killed, while the others go on', async () => {
    const pool = start(2);
    const { port, pids } = await pool.up();
    process.kill(pids.get(2)!, 'SIGKILL');
    const { pid, port: again } = await pool.says(isUp(2), 2);
    expect(pid).not.toBe(pids.get(2));
    expect(again).toBe(port);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(port)));
    expect(new Set(answers.map((answer) => answer.pid))).toEqual(new Set([pids.get(1), pid]));
  });

  it('replaces a worker that ends by itself, and says how it ended', async () => {
    const pool = start(2);
    const { port } = await pool.up();
    // Its turn comes within two connections; the one that is asked to end never answers.
    await Promise.allSettled([ask(port, 'exit/1'), ask(port, 'exit/1')]);
    expect(await pool.says(({ msg }) => msg === 'worker_died')).toMatchObject({
      worker: 1,
      code: 7,
      signal: null,
    });
    await pool.says(isUp(1), 2);
  });

  it('ends with the reason where the first worker cannot start, said once', async () => {
    const pool = start(3, 'fail');
    expect(await pool.ended).toEqual({ code: 1, signal: null });
    expect(pool.stderr()).toBe('carillon: the port is somebody else’s\n');
  });

  it('ends with how it ended where the first worker says nothing', async () => {
    const pool = start(3, 'silent');
    expect(await pool.ended).toEqual({ code: 1, signal: null });
    expect(pool.stderr()).toBe('carillon: no worker can start: the last one ended with code 3\n');
  });

  it('ends where the first worker hangs while it starts, and leaves no process behind', async () => {
    const pool = start(3, 'hang', 500);
    // The pipe closes when the last of them is gone: one that is stopped would hold it open.
    expect(await pool.ended).toEqual({ code: 1, signal: null });
    expect(pool.stderr()).toBe(
      'carillon: no worker can start: the last one did not serve within 500 ms, and was killed\n',
    );
    expect(pool.lines).toContainEqual(expect.objectContaining({ msg: 'worker_hangs_starting', worker: 1 }));
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('%s: all workers drain, and it ends with 0', async (signal) => {
    const pool = start(3);
    await pool.up();
    pool.child.kill(signal);
    expect(await pool.ended).toEqual({ code: 0, signal: null });
    const drained = pool.lines.filter(({ msg }) => msg === 'drained').map(({ worker }) => worker);
    expect(new Set(drained)).toEqual(new Set([1, 2, 3]));
    expect(pool.stderr()).toBe('');
  });

  it('a second signal ends all of them at once, those too that hang', async () => {
    const pool = start(2);
    const { port } = await pool.up();
    for (let i = 0; i < 2; i++) await ask(port, 'hang');
    pool.child.kill('SIGTERM');
    await pool.says(({ msg }) => msg === 'draining');
    pool.child.kill('SIGTERM');
    // The pipe closes when the last of them is gone.
    expect(await pool.ended).toEqual({ code: 143, signal: null });
  });

  it('SIGUSR2 puts a new process in the place of each, one after the other, and somebody always answers', async () => {
    const pool = start(3);
    const { port, pids } = await pool.up();
    pool.child.kill('SIGUSR2');
    let over = false;
    const restarted = pool.says(({ msg }) => msg === 'restarted').then(() => (over = true));
    let asked = 0;
    // Many at once: one of them is on its way to the worker that leaves.
    const askOn = async (): Promise<void> => {
      while (!over) {
        await ask(port);
        asked++;
      }
    };
    await Promise.all([restarted, ...Array.from({ length: 16 }, askOn)]);
    expect(asked).toBeGreaterThan(0);
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(port)));
    expect(new Set(answers.map(({ worker }) => worker)).size).toBe(3);
    for (const { pid } of answers) expect([...pids.values()]).not.toContain(pid);
    const order = pool.lines
      .filter(({ msg }) => msg === 'drained' || msg === 'up')
      .slice(3)
      .map(({ msg, worker }) => `${msg} ${worker}`);
    expect(order).toEqual(['drained 1', 'up 1', 'drained 2', 'up 2', 'drained 3', 'up 3']);
  });

  it('where it is killed itself its workers end', async () => {
    const pool = start(2);
    await pool.up();
    pool.child.kill('SIGKILL');
    // The pipe closes when the last of them is gone.
    expect(await pool.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });
});
