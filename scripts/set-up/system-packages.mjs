import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fail, runQuietly, say } from './report.mjs';

/**
 * @typedef {object} Piece
 * @property {string} what
 * @property {string[]} programs
 * @property {string[]} debian
 * @property {string} variable
 * @property {() => string[]} [folders] Where it may be beside the PATH.
 * @property {true} [namesFolder] The variable names the folder of the program.
 * @property {true} [header] It is a header of a library, which is read and not run.
 */

/**
 * What the tests need from the system beside Node: where it may be, the Debian packages that bring it, and the
 * variable that names it, for the tests to read and for the user to point elsewhere.
 * @type {Piece[]}
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
  {
    what: 'Redis 7 or newer',
    programs: ['redis-server'],
    debian: ['redis-server'],
    variable: 'CARILLON_REDIS_SERVER',
  },
  {
    what: 'Postgres',
    programs: ['postgres'],
    debian: ['postgresql'],
    variable: 'CARILLON_POSTGRES_BIN',
    folders: postgresFolders,
    namesFolder: true, // initdb, which lies beside it, is needed as well
  },
  {
    what: 'nginx',
    programs: ['nginx'],
    debian: ['nginx'],
    variable: 'CARILLON_NGINX',
  },
  {
    what: 'HAProxy',
    programs: ['haproxy'],
    debian: ['haproxy'],
    variable: 'CARILLON_HAPROXY',
  },
  {
    what: 'OpenSSL', // makes the certificates of a test
    programs: ['openssl'],
    debian: ['openssl'],
    variable: 'CARILLON_OPENSSL',
  },
  {
    what: "librdkafka's headers", // its mock cluster is the Kafka of the tests
    programs: ['librdkafka/rdkafka_mock.h'],
    debian: ['librdkafka-dev'],
    variable: 'CARILLON_RDKAFKA_MOCK_H',
    folders: () => ['/usr/include', '/usr/local/include'],
    header: true,
  },
  {
    what: 'curl', // for the requests of a guide
    programs: ['curl'],
    debian: ['curl'],
    variable: 'CARILLON_CURL',
  },
];

/** Asked by Debian's packages whether they may start what they bring. */
const POLICY = '/usr/sbin/policy-rc.d';
const NEVER = '#!/bin/sh\nexit 101\n';

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
    const program =
      find(piece) ?? fail(`${piece.what} was installed, but ${piece.programs[0]} is not on the PATH`);
    env[piece.variable] = piece.namesFolder ? dirname(program) : program;
  }
  return env;
}

/** @param {Piece} piece */
function find({ programs, variable, folders = () => [], namesFolder, header }) {
  const isThere = header ? existsSync : isProgram;
  const named = process.env[variable];
  if (named) {
    const program = namesFolder ? join(named, programs[0] ?? '') : named;
    return isThere(program) ? program : fail(`${variable}=${named}: ${program} cannot be run`);
  }
  // Servers lie where only root has them on the PATH.
  const all = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', ...folders()];
  return programs.flatMap((program) => all.map((folder) => join(folder, program))).find(isThere);
}

/** Debian keeps each version of Postgres in a folder of its own; the newest first. */
function postgresFolders() {
  const parent = '/usr/lib/postgresql';
  const versions = existsSync(parent) ? readdirSync(parent).filter((name) => /^\d+$/.test(name)) : [];
  return versions
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => join(parent, version, 'bin'));
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

/** @param {Piece[]} pieces */
function install(pieces) {
  const names = pieces.flatMap((piece) => piece.debian);
  const canInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (!canInstall) {
    const ways = pieces.map(
      (piece) =>
        `${piece.what} (on Debian: apt-get install ${piece.debian.join(' ')}; or set ${piece.variable} to its ${piece.namesFolder ? 'folder' : 'program'})`,
    );
    fail(`the tests need ${ways.join(' and ')}`);
  }
  say(`installing ${names.join(', ')} for the tests (once)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  runQuietly('apt-get update', 'apt-get', ['update'], { env });
  withoutServices(() =>
    runQuietly('apt-get install', 'apt-get', ['install', '-y', '--no-install-recommends', ...names], { env }),
  );
}

/**
 * The tests start servers of their own: what is installed for them is to start none on this machine.
 * @param {() => void} run
 */
function withoutServices(run) {
  if (existsSync(POLICY)) return run(); // Somebody decided about it already.
  writeFileSync(POLICY, NEVER, { mode: 0o755 });
  try {
    run();
  } finally {
    rmSync(POLICY, { force: true });
  }
}
