import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Looked for in this order where no --config names one. */
export const CONFIG_FILE_NAMES = [
  'carillon.config.ts',
  'carillon.config.mts',
  'carillon.config.mjs',
  'carillon.config.js',
] as const;

export type ConfigFile =
  | { readonly ok: true; readonly path: string | null; readonly config: unknown }
  | { readonly ok: false; readonly problem: string };

/**
 * Loads an app's configuration file: its default export.
 *
 * @param named the file given with --config; null looks for one in `cwd`, where having none is fine
 */
export async function loadConfigFile(cwd: string, named: string | null): Promise<ConfigFile> {
  const candidates =
    named === null ? CONFIG_FILE_NAMES.map((name) => resolve(cwd, name)) : [resolve(cwd, named)];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    return named === null
      ? { ok: true, path: null, config: {} }
      : { ok: false, problem: `--config ${named}: there is no such file` };
  }
  try {
    const loaded: unknown = await import(pathToFileURL(path).href);
    const config =
      typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined;
    if (typeof config === 'object' && config !== null) return { ok: true, path, config };
    return {
      ok: false,
      problem: `${path}: export the configuration as its default: export default defineConfig({ … })`,
    };
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : 'it threw something that is no Error').split(
      '\n',
      1,
    );
    return { ok: false, problem: `${path} cannot be loaded: ${reason}` };
  }
}
