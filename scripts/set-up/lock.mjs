import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root, say } from './report.mjs';

const lockFile = join(root, 'tools', '.set-up.lock');

/** How often a waiting command looks again. */
const POLL_MS = 200;
/** A lock file without a process id in it belongs to a command that died between creating and writing it. */
const UNSIGNED_AFTER_MS = 10_000;

/**
 * Runs the set-up in one process at a time: two commands started together (`npm start`, `npm test`) would otherwise
 * both replace node_modules.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(work) {
  mkdirSync(dirname(lockFile), { recursive: true });
  for (let told = false; !take();) {
    if (isStale()) {
      rmSync(lockFile, { force: true });
      continue;
    }
    if (!told) say('waiting for another command to set up (if there is none, remove tools/.set-up.lock)');
    told = true;
    await sleep(POLL_MS);
  }
  process.once('exit', release);
  try {
    return await work();
  } finally {
    release();
    process.removeListener('exit', release);
  }
}

function release() {
  rmSync(lockFile, { force: true });
}

function take() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function isStale() {
  try {
    const owner = Number(readFileSync(lockFile, 'utf8'));
    if (owner === 0) return Date.now() - statSync(lockFile).mtimeMs > UNSIGNED_AFTER_MS;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    // ESRCH: its owner has died. ENOENT: it was released just now, and the next try will tell.
    return codeOf(error) === 'ESRCH';
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
