import type { Contract } from '@carillon/contract';
import type { CallbackSettings } from '../auth/authorize/callback-authorizer.ts';
import type { AuthorizeRules } from '../auth/authorize/rule-authorizer.ts';
import { type AuthConfig, toAuthConfig } from './auth-settings.ts';
import { toCallbackSettings } from './callback-settings.ts';
import { type CallHandlers, NO_CONTRACT, toCallHandlers } from './contract-settings.ts';
import { type FeedsConfig, toFeedsConfig } from './feeds/feed-settings.ts';
import { loadConfigFile } from './config-file.ts';
import { type DatabaseConfig, toDatabaseConfig } from './database.ts';
import { toEngineSettings } from './document-settings.ts';
import { type SocketIoConfig, toSocketIoConfig } from './socketio-settings.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { configProblem } from './problem.ts';
import { type CarillonConfig, configSchema } from './schema.ts';
import { toNodeSettings } from './node-settings.ts';
import { type GatewaysConfig, toGateways } from './gateway-settings.ts';
import { type RedisConfig, toRedisSettings } from './redis-settings.ts';
import { toWebhookConfig, type WebhookConfig } from './webhook-settings.ts';
import type { PoolSettings } from '../adapters/yjs/pool.ts';
import type { NodeSettings } from '../runtime/node-options.ts';
import type * as z from 'zod';

type Parsed = z.output<typeof configSchema>;

/** A configuration that was checked: what `createServer` takes. */
export type ServerConfig = {
  readonly port: number;
  readonly host: string;
  readonly database: DatabaseConfig;
  /** What several nodes share; null: this one is alone. */
  readonly redis: RedisConfig | null;
  readonly apiKey: string | null;
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  /** How logins are checked; null where nothing was configured, with which no server starts. */
  readonly auth: AuthConfig | null;
  readonly contract: Contract;
  readonly authorize: AuthorizeRules;
  /** Who is asked where no rule is; null: nobody. */
  readonly authorizeCallback: CallbackSettings | null;
  /** What grants are signed with; null: a secret of the server's own. */
  readonly grantSecret: string | null;
  readonly callHandlers: CallHandlers;
  /** Where events of other systems come from, and what they become. */
  readonly feeds: FeedsConfig;
  /** Where clients enter that other projects made. */
  readonly gateways: GatewaysConfig;
  /** How clients of Socket.IO are served; null: not at all. */
  readonly socketIo: SocketIoConfig | null;
  /** Without the contract and the feeds, which are compiled where the server is put together. */
  readonly node: Omit<NodeSettings, 'contract' | 'callHandlers' | 'feeds'>;
  /** The threads that make documents of their updates. */
  readonly documents: PoolSettings;
  readonly limits: Parsed['limits'];
  /** Who is told what happens; null: nobody. */
  readonly webhooks: WebhookConfig | null;
  readonly drainWindowMs: number;
  readonly workers: Parsed['workers'];
  readonly corsOrigins: readonly string[];
  readonly logLevel: Parsed['logging']['level'];
};

export type ConfigResult =
  | {
      readonly ok: true;
      readonly config: ServerConfig;
      readonly file: string | null;
      readonly unknownVariables: readonly string[];
    }
  /** One line: the setting, what is wrong, what to do. */
  | { readonly ok: false; readonly problem: string };

export type ConfigSources = {
  readonly cwd: string;
  readonly env: Environment;
  /** The file given with --config. */
  readonly file: string | null;
  /** What a command takes where neither the file nor the environment says anything. */
  readonly defaults?: CarillonConfig;
};

/** Reads the configuration file, lets the environment override it, and checks the whole. */
export async function loadConfig({ cwd, env, file, defaults }: ConfigSources): Promise<ConfigResult> {
  const loaded = await loadConfigFile(cwd, file);
  if (!loaded.ok) return loaded;
  const environment = readEnvironment(env);
  if (!environment.ok) return environment;
  const resolved = resolveConfig(
    overlay(underlay(loaded.config, defaults), environment.values),
    cwd,
    environment.values,
  );
  if (!resolved.ok) return resolved;
  return { ok: true, config: resolved.config, file: loaded.path, unknownVariables: environment.unknown };
}

/** Checks a configuration given as an object, as the library's users do. */
export function resolveConfig(
  input: unknown,
  cwd: string,
  fromEnvironment: ReadonlyMap<string, unknown> = new Map(),
): { readonly ok: true; readonly config: ServerConfig } | { readonly ok: false; readonly problem: string } {
  const parsed = configSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return {
      ok: false,
      problem:
        issue === undefined
          ? 'the configuration is not understood'
          : configProblem(issue, input, fromEnvironment),
    };
  }
  const config = parsed.data;
  const redis = toRedisSettings(config.redis, cwd);
  if (typeof redis === 'string') return { ok: false, problem: redis };
  const feeds = toFeedsConfig(config.feeds, cwd);
  if (typeof feeds === 'string') return { ok: false, problem: feeds };
  return {
    ok: true,
    config: {
      port: config.port,
      host: config.host,
      database: toDatabaseConfig(config.databaseUrl, config.database, cwd),
      redis,
      apiKey: config.apiKey ?? null,
      allowedOrigins: config.allowedOrigins,
      trustedProxies: config.trustedProxies,
      auth: toAuthConfig(config.auth),
      contract: config.contract ?? NO_CONTRACT,
      authorize: config.authorize ?? {},
      authorizeCallback: toCallbackSettings(config.authorizeCallback),
      grantSecret: config.grants.secret ?? null,
      callHandlers: toCallHandlers(config.calls ?? {}),
      feeds,
      gateways: toGateways(config.gateways, config.contract ?? NO_CONTRACT),
      socketIo: toSocketIoConfig(config.gateways.socketio),
      node: toNodeSettings(config),
      documents: toEngineSettings(config.documents),
      limits: config.limits,
      webhooks: toWebhookConfig(config.webhooks),
      drainWindowMs: config.drain.windowMs,
      workers: config.workers,
      corsOrigins: config.http.corsOrigins,
      logLevel: config.logging.level,
    },
  };
}

/** The file's object with the defaults for what it leaves out or undefined, setting by setting of the first level. */
function underlay(base: unknown, defaults: CarillonConfig = {}): unknown {
  if (!isObject(base)) return base;
  const given = Object.entries(base).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

/** The file's object with the environment's values in their places; the file's own object stays as it was. */
function overlay(base: unknown, values: ReadonlyMap<string, unknown>): unknown {
  if (values.size === 0 || !isObject(base)) return base;
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of values) {
    const path = name.split('.');
    const last = path.pop() ?? name;
    let target = merged;
    for (const part of path) {
      const inner: unknown = target[part];
      // A section that is no object stays for the schema to refuse.
      if (inner !== undefined && !isObject(inner)) return merged;
      const copy = { ...inner };
      target[part] = copy;
      target = copy;
    }
    target[last] = value;
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
