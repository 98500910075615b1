import { createServer as createHttpServer, type Server, type ServerOptions } from 'node:http';
import { createMemoryRevocations } from './adapters/memory/revocations.ts';
import { createNodeClock } from './adapters/node/clock.ts';
import { createNodeSecrets } from './adapters/node/secrets.ts';
import { createRuleAuthorizer } from './auth/authorize/rule-authorizer.ts';
import { createGrants } from './auth/grants.ts';
import { type CarillonConfig, resolveConfig, type ServerConfig } from './config.ts';
import type { Development } from './gateways/http-api/dev-routes.ts';
import { createHttpApi } from './gateways/http-api/http-api.ts';
import { createWebSocketGateway, type WebSocketGateway } from './gateways/websocket/websocket-gateway.ts';
import { createLogger, type Logger } from './ops/logger.ts';
import { createMetrics } from './ops/metrics.ts';
import { readiness } from './ops/readiness.ts';
import { createNode } from './runtime/node.ts';
import type { RealtimeNode } from './runtime/node-api.ts';
import { createAuthenticator } from './server/authenticator.ts';
import { bind, type BoundAddress, unbind } from './server/listening.ts';
import { StartError } from './server/start-error.ts';
import { openStores } from './server/stores.ts';

export type { Development, SamplePerson } from './gateways/http-api/dev-routes.ts';

/** TCP connections beyond `limits.connections`: for requests, and for upgrades that are refused with a reason. */
const REQUESTS_BESIDE_CONNECTIONS = 1_000;

/** A server in this process. */
export type CarillonServer = {
  readonly node: RealtimeNode;
  /** Where it listens; null before `listen` and after `close`. */
  readonly address: BoundAddress | null;
  /**
   * Takes up what an earlier life of the process left, and clients.
   *
   * @throws StartError where the address cannot be had; the server is then closed
   */
  listen(): Promise<BoundAddress>;
  /**
   * Sends the clients away, told to come back spread over the window, and closes everything. Sessions stay resumable.
   *
   * @param windowMs what reconnects are spread over; unless given, what is configured
   */
  close(windowMs?: number): Promise<void>;
  /**
   * Resolves with the reason if the server can never store anything again: `/health` says so from then on. Whoever runs
   * it closes it and starts a new process, as `carillon serve` does by exiting with a failure. Else never settles.
   */
  readonly failed: Promise<string>;
};

/** What a server is given beside its configuration. */
export type ServerParts = {
  readonly logger: Logger;
  /** Only `carillon dev` gives it. */
  readonly development: Development | null;
};

/**
 * A server from a configuration, as an app writes it. Relative paths start at the working directory; the environment
 * is not read.
 *
 * @throws StartError with one line about the first setting that is wrong, or the database that cannot be opened
 */
export async function createServer(config: CarillonConfig): Promise<CarillonServer> {
  const resolved = resolveConfig(config, process.cwd());
  if (!resolved.ok) throw new StartError(resolved.problem);
  return assembleServer(resolved.config, {
    logger: createLogger(resolved.config.logLevel),
    development: null,
  });
}

/**
 * Wires everything there is. Top to bottom: what is told, who may log in, what is kept, the node, the gateways.
 *
 * @throws StartError where nothing says who may log in, or the database cannot be opened
 */
export async function assembleServer(
  config: ServerConfig,
  { logger, development }: ServerParts,
): Promise<CarillonServer> {
  if (config.auth === null) throw new StartError(NO_LOGIN);
  const clock = createNodeClock();
  const secrets = createNodeSecrets();
  const metrics = createMetrics(logger);
  const { telemetry } = metrics;

  const failed = Promise.withResolvers<string>();
  let hasFailed = false;
  function fail(reason: string): void {
    hasFailed = true;
    logger.fatal({ reason }, 'database_lost');
    failed.resolve(reason);
  }

  const auth = await createAuthenticator(config.auth, clock, telemetry);
  const stores = await openStores({
    databasePath: config.databasePath,
    graceMs: config.node.graceMs,
    clock,
    telemetry,
    secrets,
    onFailed: fail,
  });

  const { probe, beginLife, close: closeStores, ...kept } = stores;
  const access = {
    authorizer: createRuleAuthorizer({}, clock, telemetry),
    grants: createGrants(secrets.token() + secrets.token()),
    revocations: createMemoryRevocations(() => clock.nowMs()),
    events: { userOnline() {}, userOffline() {}, channelOccupied() {}, channelVacated() {} },
  };
  const node = createNode({
    ports: { ...kept, ...access, clock, secrets, auth, telemetry },
    settings: config.node,
  });
  metrics.watch(() => node.counts());

  const http: Server = createHttpServer(
    HTTP_OPTIONS,
    createHttpApi({
      node,
      secrets,
      telemetry,
      operations: {
        alive: () => !hasFailed,
        readiness: () => readiness({ state: () => node.state, probe }),
        metrics: () => metrics.render(),
      },
      apiKey: config.apiKey,
      corsOrigins: config.corsOrigins,
      limits: config.limits,
      development,
    }),
  );
  http.maxConnections = config.limits.connections + REQUESTS_BESIDE_CONNECTIONS;

  let address: BoundAddress | null = null;
  let webSockets: WebSocketGateway | null = null;
  let closing: Promise<void> | null = null;

  async function open(): Promise<BoundAddress> {
    // The address first: a second server started by mistake fails before it touches anybody's session.
    const bound = await bind(http, config.host, config.port);
    // Out of descriptors, mostly: unheard it would end the process, and with it everybody who is connected.
    http.on('error', (error) => telemetry.warn('accept_failed', { error: error.message }));
    await node.start();
    beginLife();
    webSockets = createWebSocketGateway({
      server: http,
      path: '/ws',
      node,
      telemetry,
      // Pages that this server serves itself; which those are is known only now, for the port may be any.
      origins: [...config.allowedOrigins, ...bound.origins],
      trustedProxies: config.trustedProxies,
      limits: config.limits,
      monotonicMs: () => clock.monotonicMs(),
    });
    address = bound;
    return bound;
  }

  async function end(windowMs: number): Promise<void> {
    address = null;
    await node.drain(windowMs);
    await webSockets?.close();
    await unbind(http);
    await node.stop();
    await closeStores();
  }

  function close(windowMs = config.drainWindowMs): Promise<void> {
    return (closing ??= end(windowMs));
  }

  return {
    node,
    failed: failed.promise,
    get address() {
      return address;
    },
    async listen() {
      try {
        const bound = await open();
        logger.info({ url: bound.url }, 'listening');
        return bound;
      } catch (error) {
        // Whoever cannot start must not hold the database, nor keep the process alive.
        await close(0);
        throw error;
      }
    },
    async close(windowMs) {
      await close(windowMs);
      logger.info('stopped');
    },
  };
}

/**
 * A connection that says nothing is ended within some ten seconds: idle it holds more memory than a WebSocket, and
 * nobody counts it. An offer to upgrade to something else (curl's `h2c`) is no upgrade, and is answered as a request.
 */
const HTTP_OPTIONS: ServerOptions = {
  headersTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
};

/** What `serve` says instead of starting. */
const NO_LOGIN =
  'nothing says who may log in: set CARILLON_JWT_SECRET (at least 32 bytes) or CARILLON_JWKS_URL, or give an authenticate hook in carillon.config.ts; to try things out, run carillon dev';
