import * as z from 'zod';
import type { FieldSpec } from '../core/presence/fields.ts';
import { originProblem, proxyProblem } from './address.ts';
import { authSchema } from './auth-settings.ts';
import { callbackSchema } from './callback-settings.ts';
import { feedsSchema } from './feeds/feed-settings.ts';
import { gatewaysProblem, gatewaysSchema } from './gateway-settings.ts';
import {
  authorizeSchema,
  callsSchema,
  contractFields,
  contractPartsProblem,
  contractSchema,
} from './contract-settings.ts';
import { databaseProblem, databaseSchema } from './database.ts';
import { documentsSchema } from './document-settings.ts';
import { socketIoProblem } from './socketio-settings.ts';
import { grantSecretProblem, grantsSchema } from './grant-settings.ts';
import { channelsSchema, limitsSchema, sessionsSchema } from './limit-settings.ts';
import { audienceProblem, presenceSchema, toFieldSpecs } from './presence-settings.ts';
import { redisSchema } from './redis-settings.ts';
import { list, text, whole } from './setting.ts';
import { webhooksSchema } from './webhook-settings.ts';

/** A shorter key could be tried out over the network. */
export const MIN_API_KEY_LENGTH = 16;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

const settings = z.strictObject({
  port: whole('TCP port; 0 takes a free one.', 8005, 0, 65_535, { env: 'PORT' }),
  host: text('Address to listen on; 0.0.0.0 or :: for every interface.', { env: 'HOST' }, (host) =>
    /^[A-Za-z0-9.:_-]{1,253}$/.test(host) ? undefined : 'is no host name and no IP address',
  ).default('127.0.0.1'),
  databaseUrl: text(
    'Where the server keeps its data: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:5432/DATABASE`.',
    { env: 'CARILLON_DATABASE_URL', secret: true },
    databaseProblem,
  ).default('sqlite:.carillon/carillon.sqlite'),
  database: databaseSchema,
  redis: redisSchema.prefault({}),
  apiKey: text(
    'Bearer key of the HTTP API; without one the API answers nobody.',
    { env: 'CARILLON_API_KEY', secret: true },
    (key) =>
      key.length < MIN_API_KEY_LENGTH
        ? `has ${key.length} characters, and at least ${MIN_API_KEY_LENGTH} are needed`
        : /^[\x21-\x7e]+$/.test(key)
          ? undefined
          : 'has characters that no HTTP header carries: use printable ASCII without spaces',
  ).optional(),
  allowedOrigins: list(
    "Origins of pages that may connect beside the server's own, or `*` for all.",
    { env: 'CARILLON_ALLOWED_ORIGINS' },
    originProblem,
  ).default([]),
  trustedProxies: list(
    'Addresses or networks (CIDR) of proxies whose X-Forwarded-For is believed.',
    { env: 'CARILLON_TRUSTED_PROXIES' },
    proxyProblem,
  ).default([]),
  auth: authSchema.optional(),
  contract: contractSchema.optional(),
  authorize: authorizeSchema.optional(),
  authorizeCallback: callbackSchema.prefault({}),
  grants: grantsSchema.prefault({}),
  calls: callsSchema.optional(),
  feeds: feedsSchema.prefault({}),
  gateways: gatewaysSchema.prefault({}),
  presence: presenceSchema.prefault({}),
  sessions: sessionsSchema.prefault({}),
  channels: channelsSchema.prefault({}),
  documents: documentsSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  webhooks: webhooksSchema.prefault({}),
  drain: z
    .strictObject({
      windowMs: whole(
        'On SIGTERM clients are sent away, and told to come back spread over this time.',
        5_000,
        0,
        600_000,
      ),
    })
    .prefault({}),
  workers: z
    .strictObject({
      startTimeoutMs: whole(
        'A worker of `carillon serve --workers` that does not serve this long after its start hangs, and is replaced.',
        60_000,
        1_000,
        3_600_000,
      ),
    })
    .prefault({}),
  http: z
    .strictObject({
      corsOrigins: list(
        'Origins of pages that may call the HTTP API (they would need its key).',
        {},
        originProblem,
      ).default([]),
    })
    .prefault({}),
  logging: z
    .strictObject({
      level: z
        .enum(LOG_LEVELS)
        .default('info')
        .meta({ description: 'What is logged.', env: 'CARILLON_LOG_LEVEL' }),
    })
    .prefault({}),
});

/** Everything that can be configured; docs/configuration.md lists it, and a test keeps the two equal. */
export const configSchema = settings.superRefine(
  ({ auth, grants, contract, authorize, calls, gateways, presence }, context) => {
    const refuse = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    const grantSecret = grantSecretProblem(grants.secret, auth?.secret);
    if (grantSecret !== undefined) refuse(['grants', 'secret'], grantSecret);
    const parts = contractPartsProblem({ contract, authorize, calls });
    if (parts !== undefined) refuse([parts.setting], parts.message);
    const wrong = gatewaysProblem(gateways, contract);
    if (wrong !== undefined) refuse(['gateways', wrong.gateway, 'channel'], wrong.message);
    const socketIo = socketIoProblem(gateways.socketio.channel, contract);
    if (socketIo !== undefined) refuse(['gateways', 'socketio', 'channel'], socketIo);
    const given = toFieldSpecs(presence.fields);
    const fields = contract === undefined ? given : contractFields(contract);
    if (presence.fields !== undefined && !sameFields(given, fields)) {
      const names = fields.map(({ name }) => name).join(', ');
      refuse(['presence', 'fields'], `differ from those of the contract (${names}): remove them here`);
    }
    const audience = audienceProblem(presence.audience, fields);
    if (audience !== undefined) refuse(['presence', 'audience'], audience);
  },
);

function sameFields(one: readonly FieldSpec[], other: readonly FieldSpec[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ name, maxLength }) =>
      other.some((field) => field.name === name && field.maxLength === maxLength),
    )
  );
}

/** What an app writes in carillon.config.ts. */
export type CarillonConfig = z.input<typeof configSchema>;
