import { globSync, readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { findViolations } from './layers/find-violations.ts';
import { layers } from './layers/layers.ts';

/** Checks the tree against the layers in layers/layers.ts, and prints each import that breaks them. */
const files = globSync('{packages,examples}/*/{src,test}/**/*.{ts,tsx}', {
  exclude: ['**/node_modules', '**/dist'],
});
const tree = new Map(files.map((file) => [file.split(sep).join('/'), readFileSync(file, 'utf8')]));

const violations = findViolations(tree, layers);
for (const violation of violations) console.log(violation);
if (violations.length > 0) process.exitCode = 1;
else console.log(`${tree.size} files keep to their layers`);
