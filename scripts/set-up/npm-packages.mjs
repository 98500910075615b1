import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNpm } from './npm.mjs';
import { root, say } from './report.mjs';

const modules = join(root, 'node_modules');
/** Says which lockfile node_modules was installed from. npm ci removes it together with the folder. */
const stampFile = join(modules, '.carillon-lockfile');

/**
 * Installs exactly what the lockfile names, unless that has been done.
 * @param {import('./node-version.mjs').Node} node
 */
export async function ensurePackages(node) {
  const lockfile = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = `${lockfile} ${process.platform} ${process.arch}\n`;
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  say('installing packages');
  await runNpm('installing packages', node.path, ['ci', '--ignore-scripts'], { cwd: root, env: node.env });
  writeFileSync(stampFile, stamp);
}
