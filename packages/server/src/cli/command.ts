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
    return parseArgs({ args: withValues(args, options), options, allowPositionals: true, strict: true });
  } catch (error) {
    // parseArgs says what is wrong in its first sentence and goes on with how to quote.
    const [reason = ''] = (error instanceof Error ? error.message : '').split(/[.\n]/, 1);
    complain(`${reason}; --help lists the options`);
    return null;
  }
}

/**
 * Gives each option its value as `--name=value`: a position, or a user, may begin with a dash, which `parseArgs` takes for another
 * option. One that is followed by an option of the command has none, and is said to be without.
 */
function withValues(args: readonly string[], options: ParseArgsOptionsConfig): string[] {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    const value = args[i + 1];
    if (arg === '--') return [...joined, ...args.slice(i)];
    const takesValue = arg.startsWith('--') && options[arg.slice(2)]?.type === 'string';
    if (takesValue && value?.startsWith('-') === true && !isOption(value, options)) {
      joined.push(`${arg}=${value}`);
      i++;
    } else joined.push(arg);
  }
  return joined;
}

/** Looks like an option, known or misspelt; a short one is known. */
function isOption(arg: string, options: ParseArgsOptionsConfig): boolean {
  return (
    /^--([a-z][a-z-]*)?(=|$)/.test(arg) || Object.values(options).some(({ short }) => arg === `-${short}`)
  );
}
