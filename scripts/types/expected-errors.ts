import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** An error of the compiler, where it says it is. */
export interface CompilerError {
  readonly line: number;
  readonly code: string;
}

/** `@ts-expect-error` is content with any error at all, so each names the one it means: `// @ts-expect-error TS2322: why`. */
const EXPECTATION = /@ts-expect-error(?: (TS\d+): \S)?/;

/** The errors that a source expects, by its comments: each on the line behind. */
export function expectedErrors(source: string): CompilerError[] {
  const expected: CompilerError[] = [];
  for (const [index, text] of source.split('\n').entries()) {
    const found = EXPECTATION.exec(text);
    if (found === null) continue;
    expected.push({ line: index + 2, code: found[1] ?? 'no code is named' });
  }
  return expected;
}

/**
 * The errors that the compiler finds in a source whose expectations are taken out, in the order of their lines.
 *
 * @param source imports packages by their names only: it is compiled in another place
 */
export async function actualErrors(source: string): Promise<CompilerError[]> {
  const cache = resolve('node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'carillon-types-'));
  try {
    writeFileSync(join(folder, 'source.ts'), source.replaceAll('@ts-expect-error', 'expected'));
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: resolve('tsconfig.base.json'),
        compilerOptions: { types: ['node'], lib: ['ES2024', 'DOM'] },
        files: ['source.ts'],
      }),
    );
    return errorsIn(await compile(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads a file and answers with what it expects and what the compiler finds. */
export async function errorsOf(
  file: string,
): Promise<{ readonly expected: CompilerError[]; readonly actual: CompilerError[] }> {
  const source = readFileSync(file, 'utf8');
  return { expected: expectedErrors(source), actual: await actualErrors(source) };
}

/** What the compiler prints; that it ends with a failure is what is hoped for. */
function compile(folder: string): Promise<string> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      ['node_modules/typescript/bin/tsc', '-p', folder, '--pretty', 'false'],
      { maxBuffer: Infinity },
      (_failure, stdout, stderr) => done(stdout + stderr),
    );
  });
}

function errorsIn(output: string): CompilerError[] {
  const errors = [...output.matchAll(/^.*source\.ts\((\d+),\d+\): error (TS\d+):/gm)].map(
    ([, line, code]) => ({
      line: Number(line),
      code: code ?? '',
    }),
  );
  // Of anything else that went wrong, the compiler's own words.
  if (errors.length === 0 && output.trim() !== '') throw new Error(output);
  return errors;
}
