import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** One subcommand of `carillon`. */
export type Command = {
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /** @returns the exit code; a command that goes on running resolves when it ends */
  run(args: readonly string[]): Promise<number>;
};

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
/** The command line itself was wrong. */
export const EXIT_USAGE = 2;

/** Prints one clear line on stderr. */
export function complain(line: string): void {
  process.stderr.write(`carillon: ${line}\n`);
}

type Parsed<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: T; allowPositionals: true; strict: true }>
>;

/** Reads a command's arguments; null where they are wrong, which was then said. */
export function readArguments<T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: T,
): Parsed<T> | null {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // parseArgs says what is wrong in its first sentence and goes on with how to quote.
    const [reason = ''] = (error instanceof Error ? error.message : '').split(/[.\n]/, 1);
    complain(`${reason}; --help lists the options`);
    return null;
  }
}
