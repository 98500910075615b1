import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { type PublishedPackage, publishedPackages } from './published-packages.ts';
import { findNpm } from './set-up/npm.mjs';

/**
 * Builds what is published and looks at each package as npm would pack it: that licence and readme are in it, publint
 * for the manifest and its files, attw for whether the types are found and tell the truth. ESM only: `require` from
 * CommonJS is not promised.
 */
const run = promisify(execFile);

/** What a tarball holds beside what its manifest names. */
const EXPECTED_FILES = ['LICENSE', 'README.md', 'package.json'];

/** What `npm pack --json` says of one tarball. */
interface Packed {
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

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

/** Packs without writing, and answers with the size of the tarball in bytes; null where something in it is wrong. */
async function checkTarball({ name, folder }: PublishedPackage): Promise<number | null> {
  const { stdout } = await run(
    process.execPath,
    [findNpm(), 'pack', '--dry-run', '--json', '--ignore-scripts'],
    {
      cwd: folder,
      maxBuffer: Infinity,
    },
  );
  const [packed] = JSON.parse(stdout) as readonly Packed[];
  const paths = new Set(packed?.files.map(({ path }) => path));
  const problems = EXPECTED_FILES.filter((file) => !paths.has(file)).map((file) => `${file} is missing`);
  for (const script of globSync('**/*.lua', { cwd: `${folder}/src` }))
    if (!paths.has(`dist/${script}`)) problems.push(`dist/${script} is missing: the code beside it reads it`);
  if (paths.has('LICENSE') && read(`${folder}/LICENSE`) !== read('LICENSE'))
    problems.push("LICENSE is not the repository's");
  // A link out of the package leads nowhere on the registry's page.
  if (paths.has('README.md') && read(`${folder}/README.md`).includes('](..'))
    problems.push('README.md links to what is not in the package');
  for (const problem of problems) console.log(`tarball ${name}: ${problem}`);
  return packed !== undefined && problems.length === 0 ? packed.size : null;
}

/** A thread is a file that nothing imports: only what was built and run shows that it is there. Yjs is in the repository. */
const DOCUMENT_THREAD = `(async () => {
  const { createNodeClock } = await import('./packages/server/dist/adapters/node/clock.js');
  const { createDocumentEngine } = await import('./packages/server/dist/adapters/yjs/engine.js');
  const settings = { workers: 1, jobMs: 30_000, queued: 1, memoryMb: 64 };
  const engine = createDocumentEngine(settings, createNodeClock());
  const { ok } = await engine.json({ state: null, tail: [] });
  await engine.close();
  process.exitCode = ok ? 0 : 1;
})()`;

function read(file: string): string {
  return readFileSync(file, 'utf8');
}

async function main(): Promise<boolean> {
  if (!(await check('build', 'scripts/build.ts', []))) return false;
  const built = publishedPackages().filter(({ folder }) => existsSync(`${folder}/dist`));
  const sizes = await Promise.all(built.map(checkTarball));
  const results = await Promise.all(
    built.flatMap(({ name, folder, ownExports }) => [
      check(`publint ${name}`, 'node_modules/publint/src/cli.js', ['--strict', folder]),
      check(`attw ${name}`, 'node_modules/@arethetypeswrong/cli/dist/index.js', [
        '--pack',
        folder,
        '--profile',
        'esm-only',
        ...(ownExports.length > 0 ? ['--exclude-entrypoints', ...ownExports] : []),
      ]),
    ]),
  );
  results.push(await check('documents: the thread as built', '-e', [DOCUMENT_THREAD]));
  if (sizes.includes(null) || results.includes(false)) return false;
  console.log(built.map(({ name }, index) => `${name} ${sizes[index]} bytes`).join(', '));
  return true;
}

if (!(await main())) process.exitCode = 1;
