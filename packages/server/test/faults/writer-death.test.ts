import { channel } from 'node:diagnostics_channel';
import type { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { API_KEY, carillon, newFolder, SECRET } from '../cli/run-cli.ts';
import { answerOf, startServer } from '../http-api/server-under-test.ts';

/** Node's channel on which each new thread of a process is announced. */
const THREADS = 'worker_threads';

/** Loaded into the process of `carillon serve`: ends its writer's thread when told to. */
const ENDS_WRITER = `
  import { subscribe } from 'node:diagnostics_channel';
  subscribe('${THREADS}', ({ worker }) => process.once('SIGUSR2', () => worker.terminate()));`;

it('a server whose writer thread dies says on /health that only a new process helps', async () => {
  const threads: Worker[] = [];
  const note = (message: unknown): void => void threads.push((message as { worker: Worker }).worker);
  channel(THREADS).subscribe(note);
  const s = await startServer();
  channel(THREADS).unsubscribe(note);
  try {
    expect(threads).toHaveLength(1);
    expect((await fetch(`${s.url}/health`)).status).toBe(200);
    await threads[0]!.terminate();
    expect(await s.server.failed).toBe(`the database's thread ended`);
    expect(await answerOf(await fetch(`${s.url}/health`))).toMatchObject({
      status: 503,
      body: { alive: false },
    });
    expect((await fetch(`${s.url}/ready`)).status).toBe(503);
    expect(s.logged).toContainEqual(
      expect.objectContaining({ msg: 'database_lost', reason: `the database's thread ended` }),
    );
  } finally {
    await s.close();
  }
});

it('`carillon serve` then drains and exits with a failure, so that its supervisor starts another', async () => {
  const run = carillon(['serve'], {
    cwd: newFolder(),
    env: {
      PORT: '0',
      CARILLON_JWT_SECRET: SECRET,
      CARILLON_API_KEY: API_KEY,
      CARILLON_DRAIN_WINDOW_MS: '0',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ENDS_WRITER)}`,
    },
  });
  await run.says(/"url":"([^"]+)"/);
  run.child.kill('SIGUSR2');
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.stdout() + run.stderr()).toMatch(/database_lost.*\n.*draining.*\n.*stopped/);
});

it('closing a server is no failure of it', async () => {
  const s = await startServer();
  let failed = false;
  void s.server.failed.then(() => {
    failed = true;
  });
  await s.close();
  expect(failed).toBe(false);
  expect(s.logged.filter(({ msg }) => msg === 'database_lost')).toEqual([]);
});
