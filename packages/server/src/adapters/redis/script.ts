import { readFileSync } from 'node:fs';

/** A Lua script that lies beside this file. */
export type Script = {
  readonly name: string;
  readonly lua: string;
  /**
   * Whether it is told which life of which server runs it, as the local `run_id`: a server that was started again, or that
   * took over, has another one. The link gives each server a text of its own that holds its `run_id`, loaded on that server
   * alone; where Redis does not know the text it runs another that asks `INFO server`, so that a wrong one never counts.
   */
  readonly knowsRun: boolean;
};

/**
 * Reads a script, with the functions it shares with others before it.
 *
 * @param name of the file in `lua/`, without its ending
 * @param shared names of the files in `lua/` that come before it
 */
export function loadScript(name: string, shared: readonly string[] = [], knowsRun = false): Script {
  const lua = [...shared, name]
    .map((file) => readFileSync(new URL(`lua/${file}.lua`, import.meta.url), 'utf8'))
    .join('\n');
  return { name, lua, knowsRun };
}
