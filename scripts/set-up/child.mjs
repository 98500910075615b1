import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fail } from './report.mjs';

/** How often to see whether npm is still there. */
const PARENT_CHECK_MS = 500;

/**
 * Runs a program in place of this one: same terminal, same exit code, and the signals that this one gets.
 * @param {string} node
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
export function runProgram(node, args, env) {
  const child = spawn(node, args, { stdio: 'inherit', env });

  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP'])) {
    process.on(signal, () => {
      // Ctrl-C goes to everyone at the terminal, so the program has it already; twice would mean "at once".
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  // If npm, or the shell between, is killed without a word to us, the program must not be left behind.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.env['npm_lifecycle_event'] && process.ppid !== parent) child.kill('SIGTERM');
  }, PARENT_CHECK_MS);

  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      clearInterval(watch);
      try {
        fail(`could not start ${node}: ${error.message}`);
      } catch (explained) {
        reject(explained);
      }
    });
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      // A shell says 128 + n for a death by signal n.
      process.exitCode = signal ? 128 + constants.signals[signal] : (code ?? 1);
      resolve(undefined);
    });
  });
}
