import { MIN_SECRET_BYTES } from './api/login.ts';

/** How events get to Carillon. */
export type PublishSettings =
  | { readonly by: 'http'; readonly url: string; readonly apiKey: string; readonly topic: string }
  | { readonly by: 'kafka'; readonly brokers: readonly string[]; readonly topic: string }
  | {
      readonly by: 'dapr';
      readonly url: string;
      readonly pubsub: string;
      readonly token: string | null;
      readonly topic: string;
    }
  /** Carillon reads a table of the same database. */
  | { readonly by: 'outbox'; readonly table: string; readonly topic: string };

export type Settings = {
  readonly host: string;
  readonly port: number;
  /** `sqlite:PATH` or `postgres://…`. */
  readonly databaseUrl: string;
  readonly login: {
    readonly secret: string;
    readonly issuer: string | null;
    readonly audience: string | null;
  };
  readonly publish: PublishSettings;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that is missing or wrong; the message says which, and never what a secret is. */
export class SettingError extends Error {}

/**
 * The settings out of an environment; the README lists them. An empty variable counts as unset.
 *
 * @throws SettingError
 */
export function readSettings(env: Environment): Settings {
  const optional = (name: string): string | null => env[name] || null;
  const required = (name: string, what: string): string => {
    const value = optional(name);
    if (value === null) throw new SettingError(`${name} is missing: ${what}`);
    return value;
  };
  const secret = required('CARILLON_JWT_SECRET', 'what login tokens are signed with');
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    throw new SettingError(`CARILLON_JWT_SECRET needs at least ${MIN_SECRET_BYTES} bytes`);
  const port = Number(optional('TASKS_PORT') ?? '8006');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new SettingError('TASKS_PORT is no port');
  const databaseUrl = optional('TASKS_DATABASE_URL') ?? 'sqlite:.carillon/tasks.sqlite';
  if (!/^(sqlite:.|postgres(ql)?:\/\/)/.test(databaseUrl))
    throw new SettingError('TASKS_DATABASE_URL is neither sqlite:PATH nor postgres://…');
  return {
    host: optional('TASKS_HOST') ?? '127.0.0.1',
    port,
    databaseUrl,
    login: { secret, issuer: optional('CARILLON_JWT_ISSUER'), audience: optional('CARILLON_JWT_AUDIENCE') },
    publish: publishSettings(databaseUrl, optional, required),
  };
}

function publishSettings(
  databaseUrl: string,
  optional: (name: string) => string | null,
  required: (name: string, what: string) => string,
): PublishSettings {
  const topic = optional('TASKS_TOPIC') ?? 'task-updates';
  const by = optional('TASKS_PUBLISH') ?? 'http';
  switch (by) {
    case 'http':
      return {
        by,
        topic,
        url: optional('CARILLON_URL') ?? 'http://127.0.0.1:8005',
        apiKey: required('CARILLON_API_KEY', 'the key of Carillon’s HTTP API'),
      };
    case 'kafka': {
      const brokers = required('KAFKA_BROKERS', 'HOST:PORT, several with commas between').split(',');
      return { by, topic, brokers: brokers.map((broker) => broker.trim()) };
    }
    case 'dapr':
      return {
        by,
        topic,
        url: `http://127.0.0.1:${optional('DAPR_HTTP_PORT') ?? '3500'}`,
        pubsub: optional('TASKS_DAPR_PUBSUB') ?? 'pubsub',
        token: optional('DAPR_API_TOKEN'),
      };
    case 'outbox': {
      if (databaseUrl.startsWith('sqlite:'))
        throw new SettingError('TASKS_PUBLISH=outbox needs a TASKS_DATABASE_URL of Postgres');
      const table = optional('TASKS_OUTBOX_TABLE') ?? 'carillon_outbox';
      if (!/^[a-z_][a-z0-9_]{0,62}$/.test(table))
        throw new SettingError('TASKS_OUTBOX_TABLE is no name of a table');
      return { by, topic, table };
    }
    default:
      throw new SettingError(
        `TASKS_PUBLISH: there is no way “${by}”; there are http, kafka, dapr and outbox`,
      );
  }
}
