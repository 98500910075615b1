import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { SetUpError } from './report.mjs';

/** How often to see whether npm is still there. */
const PARENT_CHECK_MS = 500;
/** Ctrl-C reaches us from the terminal and again from npm. A program that hears it twice takes it for "at once". */
const SAME_SIGNAL_MS = 300;
/** Noted before the set-up, which takes a while: npm may be gone by the time the program starts. */
const parent = process.ppid;

/**
 * Runs a program in place of this one: same terminal, same exit code, and the signals that this one gets. It has a
 * process group of its own, so that a signal comes to it by this way alone, and once.
 * @param {string} node
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>}
 */
export function runProgram(node, args, env) {
  const child = spawn(node, args, { stdio: 'inherit', env, detached: process.platform !== 'win32' });

  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP'])) {
    let sentMs = -Infinity;
    process.on(signal, () => {
      const nowMs = performance.now();
      if (nowMs - sentMs > SAME_SIGNAL_MS) child.kill(signal);
      sentMs = nowMs;
    });
  }
  // If npm is killed without a word to us, the program must not be left behind.
  const watch = setInterval(() => {
    if (process.env['npm_lifecycle_event'] && process.ppid !== parent) child.kill('SIGTERM');
  }, PARENT_CHECK_MS);

  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      clearInterval(watch);
      reject(new SetUpError(`could not start ${node}: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      // A shell says 128 + n for a death by signal n.
      process.exitCode = signal ? 128 + constants.signals[signal] : (code ?? 1);
      resolve();
    });
  });
}
