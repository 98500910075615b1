import { readFileSync } from 'node:fs';

/** The lines of a file that the bench wrote: one for each connection, or one for each of anything else. */
export function readDevice(path: string): readonly string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
