import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { publishedPackages } from './published-packages.ts';

/**
 * Builds what is published and looks at each package as npm would pack it: publint for the manifest and its files,
 * attw for whether the types are found and tell the truth. ESM only: `require` from CommonJS is not promised.
 */
const run = promisify(execFile);

async function check(what: string, program: string, args: string[]): Promise<boolean> {
  try {
    await run(process.execPath, [program, ...args]);
    return true;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    console.log(`${what}\n${stdout}${stderr}`);
    return false;
  }
}

async function main(): Promise<boolean> {
  if (!(await check('build', 'scripts/build.ts', []))) return false;
  const built = publishedPackages().filter(({ folder }) => existsSync(`${folder}/dist`));
  const results = await Promise.all(
    built.flatMap(({ name, folder }) => [
      check(`publint ${name}`, 'node_modules/publint/src/cli.js', ['--strict', folder]),
      check(`attw ${name}`, 'node_modules/@arethetypeswrong/cli/dist/index.js', [
        '--pack',
        folder,
        '--profile',
        'esm-only',
      ]),
    ]),
  );
  return results.every(Boolean);
}

if (!(await main())) process.exitCode = 1;
