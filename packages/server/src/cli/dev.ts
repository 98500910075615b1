import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeJwt } from 'jose';
import { pino } from 'pino';
import { createSecretAuthenticator } from '../auth/secret-authenticator.ts';
import { signToken } from '../auth/sign-token.ts';
import type { AuthConfig } from '../config.ts';
import { createLogger } from '../ops/logger.ts';
import { assembleServer, type CarillonServer, type Development } from '../server.ts';
import { type AppProcess, startApp } from './app-process.ts';
import { type Command, complain, EXIT_FAILED, EXIT_USAGE, readArguments } from './command.ts';
import { devSecret } from './dev-secret.ts';
import { CONFIG_OPTIONS, readConfig } from './load.ts';
import { endOnUncaught, runUntilSignalled, startFailed } from './run-server.ts';
import { SAMPLE_FOLLOWS, SAMPLE_PEOPLE } from './sample-people.ts';

/** How long a demo login is good; the page fetches a new one before. */
const LOGIN_TTL_MS = 3_600_000;

/** Of a key of the HTTP API that is made up, bytes. */
const KEY_BYTES = 32;

/** Apart from that of `serve`: sample people have no place among an app's users. */
const DEV_FILE = '.carillon/dev.sqlite';

/** Where the repository has the built studio page; a published package has none. */
const STUDIO_FOLDER = fileURLToPath(new URL('../../../../examples/studio/dist/', import.meta.url));

/** Runs a server for whoever builds on it: nothing to configure, and people to log in as. */
export const dev: Command = {
  summary: 'run a server to try things out: its own secret, demo logins, sample people',
  help: `Usage: carillon dev [options]

Runs a server that needs no configuration. Where none says who may log in it makes a secret of its own, kept beside the
database, and hands out logins of sample people to pages on this machine: GET /dev/logins, POST /dev/token {"user":"alice"}.
Its data lie in .carillon/dev.sqlite, unless a database is configured.

  --studio       serve the studio page at /
  --app FILE     run an app's own backend beside it, as a Node.js process that ends with it, and hand it what is asked under /app/.
                 It is told CARILLON_URL, CARILLON_API_KEY and CARILLON_JWT_SECRET, and says by process.send({ url }) where it listens
  --config FILE  configuration file, instead of carillon.config.ts
  --port N       TCP port, instead of PORT
  --host HOST    address to listen on, instead of HOST
`,
  async run(args) {
    const given = readArguments(args, {
      ...CONFIG_OPTIONS,
      studio: { type: 'boolean', default: false },
      app: { type: 'string' },
    });
    if (given === null) return EXIT_USAGE;
    const loaded = await readConfig(given.values, { databaseUrl: `sqlite:${DEV_FILE}` });
    if (loaded === null) return EXIT_FAILED;
    if (given.values.studio && !existsSync(join(STUDIO_FOLDER, 'index.html'))) {
      complain('--studio: the page is not built; npm start builds it first');
      return EXIT_FAILED;
    }
    const { config } = loaded;
    const logger = createLogger(config.logLevel, pino.destination({ fd: 2, sync: true }));
    endOnUncaught(logger);
    const auth: AuthConfig = config.auth ?? {
      kind: 'secret',
      secret: devSecret(config.database.kind === 'sqlite' ? config.database.path : resolve(DEV_FILE)),
      rules: { issuer: null, audience: null },
    };
    const appFile = given.values.app;
    if (appFile !== undefined && auth.kind !== 'secret') {
      complain(
        '--app: the app checks logins by the secret that they are signed with, and this server has none',
      );
      return EXIT_FAILED;
    }
    // Where nobody chose a key, the app's is one that nobody else knows, and that ends with this process.
    const apiKey =
      config.apiKey ?? (appFile === undefined ? null : randomBytes(KEY_BYTES).toString('base64url'));
    let app: AppProcess | null = null;
    const development: Development = {
      logins: await demoLogins(auth),
      studioFolder: given.values.studio ? STUDIO_FOLDER : null,
      app: appFile === undefined ? null : { url: () => app?.url() ?? null },
    };
    let server: CarillonServer;
    try {
      server = await assembleServer({ ...config, auth, apiKey }, { logger, development });
      await introduceSamplePeople(server);
      const { url } = await server.listen();
      if (appFile !== undefined && auth.kind === 'secret' && apiKey !== null)
        app = await appBeside(server, appFile, appEnvironment(url, auth, apiKey), logger);
      process.stdout.write(`Carillon is at ${url}\n`);
    } catch (error) {
      return startFailed(error);
    }
    const code = await runUntilSignalled(server, logger);
    await app?.stop();
    return code;
  },
};

/** What the app is told of the server: where it is, and what logins and events are signed with. */
function appEnvironment(
  url: string,
  { secret, rules }: Extract<AuthConfig, { readonly kind: 'secret' }>,
  apiKey: string,
): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CARILLON_URL: url,
    CARILLON_API_KEY: apiKey,
    CARILLON_JWT_SECRET: secret,
    CARILLON_JWT_ISSUER: rules.issuer ?? '',
    CARILLON_JWT_AUDIENCE: rules.audience?.[0] ?? '',
  };
}

/** Starts the app; a server whose app does not start is closed. */
async function appBeside(server: CarillonServer, ...app: Parameters<typeof startApp>): Promise<AppProcess> {
  try {
    return await startApp(...app);
  } catch (error) {
    await server.close(0);
    throw error;
  }
}

/** Logins of the sample people. Only a secret can sign them: others' keys are not ours to sign with. */
async function demoLogins(auth: AuthConfig): Promise<Development['logins']> {
  if (auth.kind !== 'secret') return null;
  const { secret, rules } = auth;
  const authenticator = await createSecretAuthenticator({ secret, rules, clock: { nowMs: Date.now } });
  return {
    people: SAMPLE_PEOPLE,
    issueToken: (user) => signToken({ secret, user, ttlMs: LOGIN_TTL_MS, ...rules, nowMs: Date.now() }),
    async userOf(token) {
      const result = await authenticator.verify(token, claimedUser(token));
      return result.ok ? { ok: true, value: result.principal.user } : result;
    },
  };
}

/** Whom a token claims to speak for, unchecked; empty where it claims nobody. */
function claimedUser(token: string): string {
  try {
    return decodeJwt(token).sub ?? '';
  } catch {
    // Not a JWT: the check that follows says so.
    return '';
  }
}

/** At the first start, the sample people and whom they follow. Later what was edited since stays. */
async function introduceSamplePeople({ node }: CarillonServer): Promise<void> {
  const created = await Promise.all(SAMPLE_PEOPLE.map(({ user }) => node.createUser(user)));
  if (!created.every((outcome) => outcome.ok && outcome.value.created)) return;
  const edges = Object.entries(SAMPLE_FOLLOWS).flatMap(([user, others]) =>
    others.map((other) => [user, other] as const),
  );
  // Refused where a hook supplies the roster: then the sample people have whom the hook gives them.
  await node.importEdges(edges);
}
