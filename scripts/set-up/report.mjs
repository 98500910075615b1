import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's own folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What a person can mend: printed as one line, without a stack. */
export class SetUpError extends Error {}

/**
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  throw new SetUpError(message);
}

/** @param {string} message Progress, said only when something takes long enough to be wondered about. */
export function say(message) {
  process.stderr.write(`carillon: ${message}\n`);
}

/**
 * Runs a step of the set-up to its end and keeps its output to itself, unless it fails.
 * @param {string} what For the error: "installing packages".
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 */
export function runQuietly(what, program, args, { cwd = root, env = process.env } = {}) {
  const result = spawnSync(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  if (result.error) fail(`${what} failed: ${result.error.message}`);
  if (result.status === 0) return;
  process.stderr.write(result.stdout + result.stderr);
  fail(`${what} failed (${result.signal ?? `exit code ${result.status}`}); what it printed is above`);
}
