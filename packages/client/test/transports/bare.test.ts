import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startRealServer } from '../real-server.ts';

const run = promisify(execFile);

it('[HTTP5] where there is no DOM, no WebSocket and no stream in an answer the client works by long polls', async () => {
  const real = await startRealServer();
  try {
    const script = fileURLToPath(new URL('bare-client.ts', import.meta.url));
    const { stdout, stderr } = await run(process.execPath, [
      '--conditions=carillon-source',
      '--disable-warning=ExperimentalWarning',
      script,
      `http://127.0.0.1:${real.port}/ws`,
    ]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      transport: 'longpoll',
      seen: [1, 2, 3],
      sum: 3,
      lean: { transport: 'longpoll', offset: 4, sum: 5 },
      missing: [],
    });
  } finally {
    await real.close();
  }
});
