import { type CarillonConfig, type ConfigResult, loadConfig } from '../config.ts';
import { complain } from './command.ts';

/** The options that say where the configuration comes from; every command that reads it has them. */
export const CONFIG_OPTIONS = {
  config: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
} as const;

type Given = {
  readonly config?: string | undefined;
  readonly port?: string | undefined;
  readonly host?: string | undefined;
};

/**
 * The configuration from file, environment and command line, in that order; null where it is wrong, which was then said.
 *
 * @param defaults where this command's differ from everybody's
 */
export async function readConfig(
  given: Given,
  defaults: CarillonConfig = {},
): Promise<(ConfigResult & { ok: true }) | null> {
  const env = {
    ...process.env,
    ...(given.port === undefined ? {} : { PORT: given.port }),
    ...(given.host === undefined ? {} : { HOST: given.host }),
  };
  const result = await loadConfig({ cwd: process.cwd(), env, file: given.config ?? null, defaults });
  if (result.ok) return result;
  complain(result.problem);
  return null;
}
