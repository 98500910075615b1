import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Find, broken } from '../src/mutations/hunt.ts';
import { type MutationName, mutations } from '../src/mutations/mutations.ts';

const run = promisify(execFile);
const hunter = fileURLToPath(new URL('../src/mutations/hunt-main.ts', import.meta.url));

/** A thousand seeds take about this long on a slow machine; nearly all bugs are found in the first. */
const TIMEOUT_MS = 300_000;

let turn: Promise<unknown> = Promise.resolve();

/** The same seed with no bug put in; one at a time, for it runs in this process. */
function withoutBug({ seed }: Find, name: MutationName): Promise<Find | null> {
  const asked = turn.then(() => broken(seed, mutations[name]));
  turn = asked.catch(() => null);
  return asked;
}

/** Two at a time: the machine has two cores, and other tests run beside this one. */
describe('known bugs, put in one at a time, are found within 1,000 seeds', { concurrent: true }, () => {
  for (const name of Object.keys(mutations) as MutationName[]) {
    it(name, { timeout: TIMEOUT_MS }, async () => {
      const { stdout } = await run(process.execPath, ['--conditions=carillon-source', hunter, name]);
      const find = JSON.parse(stdout) as Find | null;
      if (find === null) return expect.fail('no seed broke');
      process.stdout.write(`  ${name}: seed ${find.seed}, invariant ${find.invariant}\n`);
      expect(
        await withoutBug(find, name),
        'what broke is not the bug: the seed breaks without it',
      ).toBeNull();
    });
  }
});
