import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

/** The load generator and the floor, compiled. */
export type Programs = { readonly load: string; readonly floor: string };

/** No compiler, or one that refuses; the message says what to do. */
export class CompileError extends Error {}

const SOURCES = join(import.meta.dirname, '../../load');

/**
 * Compiles the C programs into a folder. They are in C so that the load generator is never what is measured.
 *
 * @throws CompileError
 */
export function compilePrograms(folder: string): Programs {
  if (process.platform !== 'linux')
    throw new CompileError('the bench runs on Linux only: it counts with epoll and /proc');
  const floorSource = join(SOURCES, 'floor.c');
  const loadSources = globSync(join(SOURCES, '*.c')).filter((file) => file !== floorSource);
  return {
    load: compile(loadSources, join(folder, 'load')),
    floor: compile([floorSource], join(folder, 'floor')),
  };
}

function compile(sources: readonly string[], out: string): string {
  const compiler = process.env['CC'] ?? 'gcc';
  const result = spawnSync(compiler, ['-O2', '-std=gnu11', '-Wall', '-o', out, ...sources], {
    encoding: 'utf8',
  });
  if (result.error !== undefined) {
    throw new CompileError(
      `the load generator is written in C and there is no ${compiler}; install one (on Debian: apt-get install gcc libc6-dev) or name one in CC`,
    );
  }
  if (result.status !== 0)
    throw new CompileError(`${compiler} refused the load generator:\n${result.stderr}`);
  return out;
}
