import { isUserId, MAX_PAGE_SIZE } from '@carillon/protocol';
import { signToken } from '../auth/sign-token.ts';
import type { ServerConfig } from '../config.ts';
import { type Command, complain, EXIT_FAILED, EXIT_USAGE, readArguments } from './command.ts';
import { CONFIG_OPTIONS, readConfig } from './load.ts';
import { parsePosition } from './position-argument.ts';
import { configuredUrl, parseServerUrl, webSocketUrl } from './server-address.ts';
import { runTail } from './tail/run-tail.ts';

/** How long a login token is good that is made for a tail; it is replaced when it runs out. */
const TOKEN_TTL_MS = 3_600_000;

/** Follows a channel from the command line. */
export const sub: Command = {
  summary: 'print what is published on a channel',
  help: `Usage: carillon sub CHANNEL --user ID [options]

Subscribes to a channel of a running server as a user, and prints what is published, one JSON value a line:
{"epoch":…,"offset":…,"atMs":…,"by":…,"data":…}, of a map with "key", "version" and, where a key was deleted, "del"; of a signal
{"session":…,"by":…,"key":…,"data":…}. When the line drops it takes up where it was: nothing is lost and nothing comes twice.
What cannot be recovered is said on stderr. It ends with Ctrl-C, and says there up to which position it printed. Of a map it
prints the changes; GET /v1/channels/{channel}/entries has what is in it. How the user is seen does not change.

  --user ID            as whom; they must have the right to subscribe
  --token TOKEN        their login token; unless given, one is signed with CARILLON_JWT_SECRET
  --from EPOCH:OFFSET  go on behind this position
  --last N             begin with the last N that are kept, at most ${MAX_PAGE_SIZE}; streams only
  --count N            end after N
  --url URL            the server; unless given, the one that this configuration makes, such as http://127.0.0.1:8005
  --config FILE        configuration file, instead of carillon.config.ts

Exits with 0, with 1 where it was refused or could not begin, with 2 where the command line is wrong, and with 3 where it
ended as it should but something was missing: a gap, or a position that could not be recovered.
`,
  async run(args) {
    const given = readArguments(args, {
      user: { type: 'string' },
      token: { type: 'string' },
      from: { type: 'string' },
      last: { type: 'string' },
      count: { type: 'string' },
      url: { type: 'string' },
      config: CONFIG_OPTIONS.config,
    });
    if (given === null) return EXIT_USAGE;
    const { values, positionals } = given;
    const [channel, ...more] = positionals;
    if (channel === undefined || channel === '' || more.length > 0) return wrong('sub needs one channel');
    const { user } = values;
    if (user === undefined || !isUserId(user))
      return wrong('sub needs --user with 1 to 255 characters, none of them a control character');
    const from = values.from === undefined ? null : parsePosition(values.from);
    if (from === null && values.from !== undefined)
      return wrong('--from must be EPOCH:OFFSET, as pub and sub print it');
    const last = wholeOf(values.last, 0, MAX_PAGE_SIZE);
    if (last === undefined) return wrong(`--last must be a whole number from 0 to ${MAX_PAGE_SIZE}`);
    if (from !== null && last !== null) return wrong('--from and --last exclude each other');
    const count = wholeOf(values.count, 1, Number.MAX_SAFE_INTEGER);
    if (count === undefined) return wrong('--count must be a whole number of at least 1');
    const url = values.url === undefined ? undefined : parseServerUrl(values.url);
    if (url === null) return wrong('--url must be an address such as http://127.0.0.1:8005');

    const loaded = await readConfig({ config: values.config });
    if (loaded === null) return EXIT_FAILED;
    const getToken = tokenSource(loaded.config, user, values.token);
    if (getToken === null) {
      complain('CARILLON_JWT_SECRET is not set to sign a login token with: give one with --token');
      return EXIT_FAILED;
    }
    return runTail(
      { channel, user, from, last, count, renewable: values.token === undefined },
      {
        url: webSocketUrl(url ?? configuredUrl(loaded.config)),
        getToken,
        print: (line) => process.stdout.write(`${line}\n`),
        tell: complain,
        drained: (then) => void process.stdout.once('drain', then),
        interrupted(then) {
          process.once('SIGINT', then);
          process.once('SIGTERM', then);
          // Whoever read has gone, as `head` does.
          process.stdout.once('error', then);
        },
      },
    );
  },
};

function tokenSource(
  { auth }: ServerConfig,
  user: string,
  token: string | undefined,
): (() => Promise<string>) | null {
  if (token !== undefined) return () => Promise.resolve(token);
  if (auth?.kind !== 'secret') return null;
  return () =>
    signToken({ secret: auth.secret, user, ttlMs: TOKEN_TTL_MS, ...auth.rules, nowMs: Date.now() });
}

/** A whole number within bounds; null where none was given, undefined where it is none. */
function wholeOf(text: string | undefined, min: number, max: number): number | null | undefined {
  if (text === undefined) return null;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function wrong(line: string): number {
  complain(line);
  return EXIT_USAGE;
}
