import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/** A program run by this Node, with its arguments. */
type Run = readonly [program: string, ...args: string[]];

/** Everything that is known about the code without running it, by name; a step fails when one of its runs does. */
const steps: Record<string, readonly Run[]> = {
  types: typecheckedFolders().map((folder) => ['node_modules/typescript/bin/tsc', '-p', folder]),
  lint: [['node_modules/oxlint/bin/oxlint', '--deny-warnings']],
  format: [['node_modules/oxfmt/bin/oxfmt', '--list-different']],
  layers: [['scripts/check-layers.ts']],
  tree: [['scripts/check-tree.ts']],
  'dead-code': [['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints']],
  'client-size': [['scripts/check-client-size.ts']],
  packages: [['scripts/check-packages.ts']],
};

/** As many as there are cores on the smallest machine this runs on. */
const AT_ONCE = 2;

const run = promisify(execFile);

function typecheckedFolders(): string[] {
  const folders = globSync('{packages,examples}/*/tsconfig.json').map((file) => dirname(file));
  return ['.', ...folders.filter((folder) => existsSync(`${folder}/src`)).toSorted()];
}

async function runStep(name: string): Promise<boolean> {
  const startedMs = performance.now();
  let output = '';
  let figure = '';
  let failed = false;
  for (const [program, ...args] of steps[name] ?? []) {
    try {
      const { stdout } = await run(process.execPath, [program, ...args], { maxBuffer: Infinity });
      // Our own programs close with what they measured or counted; others' closing lines are only in the way.
      if (program.startsWith('scripts/')) figure = stdout.trimEnd().split('\n').at(-1) ?? '';
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      output += stdout + stderr;
      failed = true;
    }
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  // In one write, so that steps which run side by side do not mix what they print.
  console.log(
    failed
      ? `FAIL ${name} (${seconds} s)\n${output.trimEnd()}\n`
      : `ok   ${name} (${seconds} s)${figure && `: ${figure}`}`,
  );
  return !failed;
}

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.find((name) => !Object.hasOwn(steps, name));
  if (unknown !== undefined) {
    console.error(`check: no step "${unknown}"; there are ${Object.keys(steps).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const waiting = asked.length > 0 ? asked : Object.keys(steps);
  const results: boolean[] = [];
  const worker = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      results.push(await runStep(name));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (results.includes(false)) process.exitCode = 1;
}

await main();
