import { isUserId } from '@carillon/protocol';
import { signToken } from '../auth/sign-token.ts';
import { type Command, complain, EXIT_FAILED, EXIT_OK, EXIT_USAGE, readArguments } from './command.ts';
import { parseDuration } from './duration.ts';
import { CONFIG_OPTIONS, readConfig } from './load.ts';

/** Prints a login token: what an app's own backend would sign. */
export const token: Command = {
  summary: 'print a login token signed with CARILLON_JWT_SECRET',
  help: `Usage: carillon token --user alice [--ttl 1h]

Prints a JWT signed with CARILLON_JWT_SECRET, and nothing else.

  --user ID       whom it speaks for
  --ttl DURATION  how long it is good: 90s, 15m, 1h (the default), 7d
  --config FILE   configuration file, instead of carillon.config.ts
`,
  async run(args) {
    const given = readArguments(args, {
      user: { type: 'string' },
      ttl: { type: 'string', default: '1h' },
      config: CONFIG_OPTIONS.config,
    });
    if (given === null) return EXIT_USAGE;
    const { user, ttl, config: file } = given.values;
    if (given.positionals.length > 0 || user === undefined || !isUserId(user)) {
      complain('token needs --user with 1 to 255 characters, none of them a control character');
      return EXIT_USAGE;
    }
    const ttlMs = parseDuration(ttl);
    if (ttlMs === null || ttlMs < 1_000) {
      complain('--ttl must be a duration of at least a second, such as 90s, 15m, 1h or 7d');
      return EXIT_USAGE;
    }
    const loaded = await readConfig({ config: file });
    if (loaded === null) return EXIT_FAILED;
    const { auth } = loaded.config;
    if (auth?.kind !== 'secret') {
      complain('CARILLON_JWT_SECRET is not set: token signs with it, and with nothing else');
      return EXIT_FAILED;
    }
    process.stdout.write(
      `${await signToken({ secret: auth.secret, user, ttlMs, ...auth.rules, nowMs: Date.now() })}\n`,
    );
    return EXIT_OK;
  },
};
