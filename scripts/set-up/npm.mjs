import { existsSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fail, runQuietly } from './report.mjs';

/**
 * Runs npm under a given Node. Install scripts are always off: no dependency needs one, and one that ran would be
 * code from the registry run with the user's rights.
 * @param {string} what For the error.
 * @param {string} node
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 */
export async function runNpm(what, node, args, options) {
  runQuietly(what, node, [findNpm(), ...args], options);
}

/** npm is JavaScript: its own entry file runs under any Node, which the `npm` command does not let one choose. */
export function findNpm() {
  const running = process.env['npm_execpath'];
  if (running && basename(running) === 'npm-cli.js') return running;

  const home = dirname(process.execPath);
  const besideNode = ['../lib/node_modules/npm/bin/npm-cli.js', 'node_modules/npm/bin/npm-cli.js'].map(
    (path) => join(home, path),
  );
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'npm'));
  for (const candidate of [...onPath, ...besideNode]) {
    if (!existsSync(candidate)) continue;
    const file = realpathSync(candidate);
    if (basename(file) === 'npm-cli.js') return file;
  }
  return fail('npm was not found; it comes with Node and must be on the PATH');
}
