import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('./without-yjs.ts', import.meta.url));

it.each([
  [
    'a server with documents does not start, and says what to install',
    'documents',
    'StartError: the contract has documents, and the package yjs is not installed: npm install yjs@13',
  ],
  ['a server without documents starts', 'none', 'started'],
])('where Yjs is not installed %s', async (_title, wanted, said) => {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-without-yjs-'));
  try {
    const { stdout } = await run(process.execPath, [
      '--conditions=carillon-source',
      '--disable-warning=ExperimentalWarning',
      ...[PROGRAM, wanted, join(folder, 'carillon.sqlite')],
    ]);
    expect(stdout.trim()).toBe(said);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
