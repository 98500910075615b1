#!/usr/bin/env node
import { type Command, complain, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './command.ts';

/** Each is loaded when it is asked for: most need little of what a server is made of. */
const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['dev', async () => (await import('./dev.ts')).dev],
  ['serve', async () => (await import('./serve.ts')).serve],
  ['token', async () => (await import('./token.ts')).token],
  ['pub', async () => (await import('./pub.ts')).pub],
  ['sub', async () => (await import('./sub.ts')).sub],
  ['import', async () => (await import('./import.ts')).importCommand],
  ['migrate', async () => (await import('./migrate.ts')).migrateCommand],
  ['doctor', async () => (await import('./doctor.ts')).doctor],
]);

/** Commands of the design that are still to come. */
const LATER: ReadonlySet<string> = new Set(['bench']);

async function help(): Promise<string> {
  const lines: string[] = [];
  for (const [name, load] of commands) lines.push(`  ${name.padEnd(8)} ${(await load()).summary}`);
  return `carillon: a self-hosted realtime backend

Usage: carillon <command> [options]

${lines.join('\n')}

carillon <command> --help says more. Settings come from carillon.config.ts and the environment; docs/configuration.md lists them.
`;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(await help());
    return name === undefined ? EXIT_USAGE : EXIT_OK;
  }
  const load = commands.get(name);
  if (load === undefined) {
    complain(
      LATER.has(name)
        ? `${name} is not in this version`
        : `there is no command ${JSON.stringify(name.slice(0, 40))}; carillon --help lists them`,
    );
    return EXIT_USAGE;
  }
  const command = await load();
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(command.help);
    return EXIT_OK;
  }
  return command.run(args);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = EXIT_FAILED;
  },
);
