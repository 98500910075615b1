import type { ServerConfig } from '../config.ts';
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE, readArguments } from './command.ts';
import {
  checkAuth,
  checkClock,
  checkDatabase,
  checkDescriptors,
  checkNodeVersion,
  checkPort,
  type Finding,
} from './checks.ts';
import { CONFIG_OPTIONS } from './load.ts';
import { loadConfig } from '../config.ts';

/** Looks whether a server could start and serve here. */
export const doctor: Command = {
  summary: 'check whether a server can start here',
  help: `Usage: carillon doctor [--config FILE]

Checks what a server needs, one line each: ok, or FAIL and what to do. Exits 1 when something fails. Run it while the
server is stopped: a running one has the port and the database.
`,
  async run(args) {
    const given = readArguments(args, { config: CONFIG_OPTIONS.config });
    if (given === null) return EXIT_USAGE;
    const results: Finding[] = [checkNodeVersion(process.versions.node)];
    const loaded = await loadConfig({
      cwd: process.cwd(),
      env: process.env,
      file: given.values.config ?? null,
    });
    if (loaded.ok) {
      results.push({ ok: true, name: 'config', detail: loaded.file ?? 'no file; defaults and environment' });
      for (const variable of loaded.unknownVariables) {
        results.push({
          ok: false,
          name: 'config',
          detail: `${variable} is no setting: see docs/configuration.md for its name, or unset it`,
        });
      }
      results.push(...(await checkConfigured(loaded.config)));
    } else {
      results.push({ ok: false, name: 'config', detail: loaded.problem });
    }
    for (const { ok, name, detail } of results)
      process.stdout.write(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(11)} ${detail}\n`);
    return results.every((result) => result.ok) ? EXIT_OK : EXIT_FAILED;
  },
};

async function checkConfigured(config: ServerConfig): Promise<readonly Finding[]> {
  const database = await checkDatabase(config.database);
  return [
    await checkAuth(config.auth),
    await checkPort(config.host, config.port),
    database.finding,
    checkDescriptors(config.limits.connections),
    checkClock(Date.now(), database.aliveAtMs),
  ];
}
