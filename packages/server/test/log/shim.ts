import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('native/disk-shim.c', import.meta.url));

/**
 * Compiles what is put in front of libc.
 *
 * @returns the path for LD_PRELOAD
 */
export function compileShim(folder: string): string {
  const out = join(folder, 'disk-shim.so');
  const compiler = process.env['CC'] ?? 'gcc';
  const flags = ['-shared', '-fPIC', '-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror'];
  const { error, status, stderr } = spawnSync(compiler, [...flags, '-o', out, SOURCE, '-ldl'], {
    encoding: 'utf8',
  });
  if (error !== undefined)
    throw new Error(
      `there is no ${compiler}: install one (on Debian: apt-get install gcc libc6-dev) or name one in CC`,
    );
  if (status !== 0) throw new Error(`${compiler} refused ${SOURCE}:\n${stderr}`);
  return out;
}
