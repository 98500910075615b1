import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, runQuietly, say } from './report.mjs';

const studio = join(root, 'examples', 'studio');
const page = join(studio, 'dist', 'index.html');

/** What the page is made of: a change in any of them makes it out of date. */
const sources = [
  studio,
  ...['client', 'protocol', 'contract'].map((name) => join(root, 'packages', name, 'src')),
];

/**
 * Builds the studio page if it is missing or older than its sources.
 * @param {import('./node-version.mjs').Node} node
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function ensureStudioPage(node) {
  if (!existsSync(join(studio, 'vite.config.ts'))) return {};
  const builtMs = existsSync(page) ? statSync(page).mtimeMs : 0;
  if (Math.max(...sources.map(newestMs)) > builtMs) {
    say('building the studio page');
    runQuietly(
      'building the studio page',
      node.path,
      [join(root, 'node_modules/vite/bin/vite.js'), 'build'],
      { cwd: studio, env: node.env },
    );
  }
  return {};
}

/**
 * The latest modification of a file below a folder, but for what was built or installed there.
 * @param {string} folder
 * @returns {number}
 */
function newestMs(folder) {
  if (!existsSync(folder)) return 0;
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'dist' || entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : statSync(path).mtimeMs);
  }
  return newest;
}
