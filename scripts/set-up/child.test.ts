import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

const runner = new URL('./child.mjs', import.meta.url).href;

/** Starts a parent as scripts/run.mjs is one, whose program is `source`, and answers when that program says "ready". */
async function start(source: string): Promise<{ parent: ChildProcess; programId: number }> {
  const main = `import { runProgram } from ${JSON.stringify(runner)};
    await runProgram(process.execPath, ['-e', ${JSON.stringify(source)}], process.env);`;
  const env = { ...process.env, npm_lifecycle_event: 'start' };
  const parent = spawn(process.execPath, ['--input-type=module', '-e', main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, programId: Number(said.toString()) };
}

const exitCode = async (parent: ChildProcess): Promise<unknown> =>
  ((await once(parent, 'exit')) as unknown[])[0];

const sayReady = 'console.log(process.pid);';
const serve = 'setInterval(() => {}, 1000);';

describe('a command and its program', () => {
  it('ends with the exit code of its program', async () => {
    const { parent } = await start(`${sayReady} process.exitCode = 7`);
    expect(await exitCode(parent)).toBe(7);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'hands %s on, and lets the program end by itself',
    async (signal) => {
      const { parent } = await start(`process.on('${signal}', () => process.exit(3)); ${serve} ${sayReady}`);
      parent.kill(signal);
      expect(await exitCode(parent)).toBe(3);
    },
  );

  it('hands on once what the terminal and npm both send', async () => {
    const { parent } = await start(
      `let heard = 0; process.on('SIGINT', () => { if (!heard++) setTimeout(() => process.exit(heard), 100); }); ${serve} ${sayReady}`,
    );
    parent.kill('SIGINT');
    parent.kill('SIGINT');
    expect(await exitCode(parent)).toBe(1);
  });

  it('says 128 and the signal when the program is killed', async () => {
    const { parent, programId } = await start(`${serve} ${sayReady}`);
    process.kill(programId, 'SIGKILL');
    expect(await exitCode(parent)).toBe(128 + 9);
  });
});
