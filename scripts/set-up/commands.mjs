import { findNpm } from './npm.mjs';
import { ensureStudioPage } from './studio-page.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/**
 * A command of this repository. `prepare` makes ready what only this command needs and answers with additions to
 * the program's environment; `args` come before the user's own. `keepsCompiled`: Node keeps what it compiles for the
 * next start of the program and of what it starts, for packages run unbuilt, and compiling them is half of a start; not
 * where starts or memory are measured.
 * @typedef {{
 *   program: string,
 *   nodeArgs?: string[],
 *   args?: string[],
 *   keepsCompiled?: boolean,
 *   prepare?: (node: import('./node-version.mjs').Node) => Promise<NodeJS.ProcessEnv>,
 * }} Command
 */

const vitest = 'node_modules/vitest/vitest.mjs';
const cli = 'packages/server/src/cli/main.ts';

/**
 * How Node runs the server. The young generation may grow to 32 MB instead of 128: with thousands of idle sessions the
 * rest would be most of what the process holds (docs/benchmarks.md, "sessions").
 */
const serverNode = ['--max-semi-space-size=16'];

/** @type {Record<string, Command>} */
export const commands = {
  start: {
    program: cli,
    keepsCompiled: true,
    nodeArgs: serverNode,
    args: [
      ...['dev', '--studio', '--config', 'examples/studio/carillon.config.ts'],
      ...['--app', 'examples/tasks/src/main.ts'],
    ],
    prepare: ensureStudioPage,
  },
  carillon: { program: cli, nodeArgs: serverNode, keepsCompiled: true },
  test: { program: vitest, args: ['run'], keepsCompiled: true, prepare: ensureSystemPackages },
  soak: {
    program: vitest,
    args: ['run', '--config', 'vitest.soak.config.ts'],
    keepsCompiled: true,
    prepare: ensureSystemPackages,
  },
  check: { program: 'scripts/check.ts' },
  build: { program: 'scripts/build.ts' },
  bench: { program: 'packages/bench/src/main.ts' },
  simulate: { program: 'packages/simulator/src/main.ts' },
  // npm itself under the project's Node: an older one makes it choose older versions of what is added.
  npm: {
    get program() {
      return findNpm();
    },
    args: ['--ignore-scripts'],
  },
  changeset: { program: 'node_modules/@changesets/cli/bin.js' },
  format: { program: 'node_modules/oxfmt/bin/oxfmt' },
};
