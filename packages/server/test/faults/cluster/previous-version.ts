import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The commit whose messages and keys count as version N-1. Whoever changes a message between nodes, a key of Redis or a table
 * does so in steps that this version still understands, and moves it on when the last of them was released.
 */
const PREVIOUS = '40d826b1db1902afc401c93720bf84678f182c7c';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const OWN_SCOPE = '@carillon';

/** The previous version as it was, in a folder of its own. */
export type PreviousVersion = {
  /** Its `carillon` command. */
  readonly main: string;
  remove(): void;
};

/** Takes the previous version out of the repository's history. Its dependencies are this version's. */
export function takePreviousVersion(): PreviousVersion {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-previous-'));
  let archive: Buffer;
  try {
    archive = execFileSync('git', ['archive', '--format=tar', PREVIOUS, 'packages', 'package.json'], {
      cwd: ROOT,
      maxBuffer: 256 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(
      `the test needs commit ${PREVIOUS} of this repository: fetch its whole history (git fetch --unshallow)`,
      { cause: error },
    );
  }
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, OWN_SCOPE), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== OWN_SCOPE) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  for (const name of readdirSync(join(folder, 'packages')))
    symlinkSync(resolve(folder, 'packages', name), join(modules, OWN_SCOPE, name));
  const main = join(folder, 'packages/server/src/cli/main.ts');
  if (!existsSync(main)) throw new Error(`commit ${PREVIOUS} has no ${main}`);
  return { main, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
