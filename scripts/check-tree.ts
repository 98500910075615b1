import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { findBlemishes } from './tree/find-blemishes.ts';

/** Looks through all tracked files for what belongs to one machine and not to the project, and for empty names. */
const listed = spawnSync('git', ['ls-files', '-z'], { encoding: 'utf8' });
if (listed.status !== 0) {
  console.log('not a git checkout; nothing to look through');
} else {
  const blemishes = listed.stdout
    .split('\0')
    .filter(Boolean)
    .flatMap((path) => findBlemishes(path, readOrNothing(path)));
  for (const blemish of blemishes) console.log(blemish);
  if (blemishes.length > 0) process.exitCode = 1;
}

/** A file that is tracked but deleted in the working tree has nothing to be looked through. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
