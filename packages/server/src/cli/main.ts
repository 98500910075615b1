#!/usr/bin/env node
import { type Command, complain, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './command.ts';
import { dev } from './dev.ts';
import { doctor } from './doctor.ts';
import { importCommand } from './import.ts';
import { pub } from './pub.ts';
import { serve } from './serve.ts';
import { sub } from './sub.ts';
import { token } from './token.ts';

const commands: ReadonlyMap<string, Command> = new Map([
  ['dev', dev],
  ['serve', serve],
  ['token', token],
  ['pub', pub],
  ['sub', sub],
  ['import', importCommand],
  ['doctor', doctor],
]);

/** Commands of the design that are still to come. */
const LATER: ReadonlySet<string> = new Set(['migrate', 'bench']);

const HELP = `carillon: a self-hosted realtime backend

Usage: carillon <command> [options]

${[...commands].map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`).join('\n')}

carillon <command> --help says more. Settings come from carillon.config.ts and the environment; docs/configuration.md lists them.
`;

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return name === undefined ? EXIT_USAGE : EXIT_OK;
  }
  const command = commands.get(name);
  if (command === undefined) {
    complain(
      LATER.has(name)
        ? `${name} is not in this version`
        : `there is no command ${JSON.stringify(name.slice(0, 40))}; carillon --help lists them`,
    );
    return EXIT_USAGE;
  }
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
