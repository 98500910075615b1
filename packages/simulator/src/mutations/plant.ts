import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PairForm } from '../paired/pair-form.ts';

/** A known bug: one piece of source text in place of another. */
export type Mutation = {
  /** From the repository's root. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Where it was found last: looked at first. */
  readonly seed?: number;
  /** Found by runs with streams and maps. */
  readonly channels?: true;
  /** Found by runs with several nodes. */
  readonly cluster?: true;
  /** Found by comparing runs with and without an invisible user. */
  readonly form?: PairForm;
};

/**
 * Puts a bug into a module as it is loaded; the file stays as it is. To be called before the module is loaded.
 *
 * @throws where the text is not in the file exactly once: then the code has changed, and so must the mutation
 */
export function plant({ file, find, replace }: Mutation): void {
  const url = new URL(`../../../../${file}`, import.meta.url).href;
  const source = readFileSync(fileURLToPath(url), 'utf8');
  const found = source.split(find).length - 1;
  if (found !== 1) throw new Error(`${file} holds ${found} times, not once: ${find}`);
  const mutated = source.replace(find, () => replace);
  registerHooks({
    load(asked, context, nextLoad) {
      if (asked !== url) return nextLoad(asked, context);
      return { format: 'module-typescript', source: mutated, shortCircuit: true };
    },
  });
}
