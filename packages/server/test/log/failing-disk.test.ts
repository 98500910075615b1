import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLENTY, T0, appendOf } from '../../src/testing/log-subject.ts';
import { createSqliteLog } from '../../src/adapters/sql/log.ts';
import { compileShim } from './shim.ts';

const PROGRAM = fileURLToPath(new URL('failing-disk.ts', import.meta.url));

// LD_PRELOAD and /proc are Linux's; elsewhere nothing can be put in front of the system's calls.
describe.runIf(process.platform === 'linux')('the log on a disk that fails', () => {
  let folder: string;
  let shim: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carillon-failing-'));
    shim = compileShim(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function run(name: string, ...args: readonly string[]): Promise<unknown> {
    const fault = join(folder, `${name}-fault`);
    const child = spawn(
      process.execPath,
      ['--conditions=carillon-source', PROGRAM, join(folder, `${name}.sqlite`), fault, ...args],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, LD_PRELOAD: shim, SHIM_FAULT: fault },
      },
    );
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await once(child, 'close');
    return JSON.parse(stdout);
  }

  it.each([
    ['has no room', 'w'],
    ['fails to sync', 's'],
  ])(
    'that %s refuses appends and appends nothing, reads go on, and it recovers by itself',
    async (_, how) => {
      expect(await run(`recovers-${how}`, how)).toEqual({
        before: ['at 1', 'at 2'],
        during: ['unavailable', 'unavailable', 'unavailable'],
        probeDuring: 'unavailable',
        keptDuring: '"a","b"',
        countsDuring: { channels: 1, publications: 2, keys: 0 },
        probeAfter: 'stored',
        after: ['at 3', 'at 4', 'at 5', 'at 6', 'was at 5'],
        keptAfter: '"a","b","f","c","d","e"',
      });
    },
    60_000,
  );

  it.each([
    ['has no room', 'w'],
    ['fails to sync', 's'],
  ])(
    'that %s, in a process that then dies: what was refused is there once when it is sent again',
    async (_, how) => {
      expect(await run(`dies-${how}`, how, 'and die')).toEqual({
        before: ['at 1', 'at 2'],
        during: ['unavailable', 'unavailable', 'unavailable'],
        keptDuring: '"a","b"',
      });
      const log = await createSqliteLog({
        path: join(folder, `dies-${how}.sqlite`),
        newEpoch: () => 'other',
      });
      // Whether a commit whose sync failed is there after all is up to the disk: it behaves as a repetition then.
      for (const id of ['c', 'd', 'e', 'c', 'd', 'e'])
        await log.append(appendOf({ data: JSON.stringify(id), once: { scope: 'a', id, print: id } }));
      expect((await log.top('chat:1')).epoch).toBe('era');
      const read = await log.read('chat:1', { epoch: 'era', offset: 0 }, PLENTY, T0);
      expect(read.ok && read.publications.map(({ data }) => data)).toEqual([
        '"a"',
        '"b"',
        '"c"',
        '"d"',
        '"e"',
      ]);
      await log.close();
    },
    60_000,
  );
});
