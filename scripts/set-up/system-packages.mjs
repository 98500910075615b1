import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fail, runQuietly, say } from './report.mjs';

/**
 * What the tests need from the system beside Node: where it may be, the Debian packages that bring it, and the
 * variable that names it, for the tests to read and for the user to point elsewhere.
 */
const needed = [
  {
    what: 'Chromium',
    programs: ['chromium', 'google-chrome', 'chromium-browser'],
    debian: ['chromium', 'fonts-dejavu-core'], // without a font its pages have no letters
    variable: 'CARILLON_CHROMIUM',
  },
  {
    what: 'a C compiler', // for the benchmarks' load generator
    programs: ['gcc', 'cc', 'clang'],
    debian: ['gcc', 'libc6-dev'],
    variable: 'CC',
  },
];

/**
 * Finds each, or installs it where that can be done without asking: as root, on a Debian.
 * @returns {Promise<NodeJS.ProcessEnv>} The variables, all set.
 */
export async function ensureSystemPackages() {
  const missing = needed.filter((piece) => !find(piece));
  if (missing.length > 0) install(missing);

  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  for (const piece of needed) {
    env[piece.variable] =
      find(piece) ?? fail(`${piece.what} was installed, but ${piece.programs[0]} is not on the PATH`);
  }
  return env;
}

/** @param {typeof needed[number]} piece */
function find({ programs, variable }) {
  const named = process.env[variable];
  if (named) return isProgram(named) ? named : fail(`${variable}=${named} cannot be run`);
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'];
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find(isProgram);
}

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not ours to run: the same to the tests.
  }
}

/** @param {typeof needed} pieces */
function install(pieces) {
  const names = pieces.flatMap((piece) => piece.debian);
  const canInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (!canInstall) {
    const ways = pieces.map(
      (piece) =>
        `${piece.what} (on Debian: apt-get install ${piece.debian.join(' ')}; or set ${piece.variable} to its program)`,
    );
    fail(`the tests need ${ways.join(' and ')}`);
  }
  say(`installing ${names.join(', ')} for the tests (once)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  runQuietly('apt-get update', 'apt-get', ['update'], { env });
  runQuietly('apt-get install', 'apt-get', ['install', '-y', '--no-install-recommends', ...names], { env });
}
