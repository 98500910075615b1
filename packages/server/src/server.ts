import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions as HttpServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { type Contract, DEFAULTS, type Durability } from '@carillon/contract';
import { createNodeClock } from './adapters/node/clock.ts';
import { createNodeSecrets } from './adapters/node/secrets.ts';
import { createPacedWarning } from './outbound/paced-warning.ts';
import { createGrants } from './auth/grants.ts';
import { createTickets } from './auth/tickets.ts';
import { resolveConfig, type ServerConfig, type ServerOptions } from './config.ts';
import { createDoor } from './gate/door.ts';
import { createUpgrades } from './gate/upgrades.ts';
import type { Development } from './gateways/http-api/dev-routes.ts';
import { createHttpApi } from './gateways/http-api/http-api.ts';
import { isForApi } from './gateways/http-api/own-paths.ts';
import { createWebSocketGateway } from './gateways/websocket/websocket-gateway.ts';
import { createLogger, type Logger } from './ops/logger.ts';
import { createMetrics, type Metrics } from './ops/metrics.ts';
import { readiness } from './ops/readiness.ts';
import { createNode } from './runtime/node.ts';
import type { RealtimeNode } from './runtime/node-api.ts';
import { createAuthenticator } from './server/authenticator.ts';
import { createAuthorizer } from './server/authorizer.ts';
import { openDocumentEngine } from './server/document-engine.ts';
import { compileContract } from './server/contract/compile-contract.ts';
import type { ContractApi } from './server/contract/contract-api.ts';
import { createContractApi } from './server/contract/create-contract-api.ts';
import { reasonOf } from './server/database-lock.ts';
import { compileFeeds, type FeedSources, openFeedSources } from './server/feeds.ts';
import { createEntrance, WEBSOCKET_PATH } from './server/entrance.ts';
import { createLineEntrance } from './server/line-entrance.ts';
import { isYjsPath, openYjsGateways } from './server/yjs-gateways.ts';
import type { BoundAddress } from './server/listening.ts';
import { StartError } from './server/start-error.ts';
import { toLaneLimits } from './config/limit-settings.ts';
import { loadSocketIo } from './server/socketio.ts';
import { openStores } from './server/stores.ts';

export type { Development, SamplePerson } from './gateways/http-api/dev-routes.ts';

/** A server that an app has of its own. */
type HttpServer = Server | HttpsServer;

/** A stream, or a poll that waits, has another beside it while its client sends. */
const SOCKETS_A_CONNECTION = 2;

/** TCP connections beyond `limits.connections`: for requests, and for upgrades that are refused with a reason. */
const REQUESTS_BESIDE_CONNECTIONS = 1_000;

/** A server in this process. What it does with channels and calls has the types of its contract. */
export type CarillonServer<C extends Contract = Contract> = ContractApi<C> & {
  readonly node: RealtimeNode;
  /** Where it listens; null before `listen`, after `close`, and on somebody else's HTTP server. */
  readonly address: BoundAddress | null;
  /**
   * Takes up what an earlier life of the process left, and clients, on an HTTP server of its own.
   *
   * @throws StartError where it takes clients already, or the address cannot be had: the server is then closed
   */
  listen(): Promise<BoundAddress>;
  /**
   * In place of `listen`: takes clients on an HTTP server of the app's, which may listen already or not yet. Only WebSocket
   * upgrades to `/ws` are taken; other upgrades and all requests stay the app's. Clients without WebSocket come in by `handler`.
   *
   * @throws StartError where it takes clients already
   */
  attach(server: HttpServer): Promise<void>;
  /**
   * Answers the requests of docs/http-api.md, and clients without WebSocket (`/sse`, `/poll`), on an HTTP server of the app's:
   * `app.use(server.handler)` in Express. Bodies must not have been read before, nor answers be packed.
   *
   * @param next called for every other request; without it they are answered 404
   */
  handler(request: IncomingMessage, response: ServerResponse, next?: () => void): void;
  /**
   * Sends the clients away, told to come back spread over the window, and closes everything of its own; an HTTP server of the
   * app's goes on. Sessions stay resumable.
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
  /** What measures it, where that is part of something larger; unless given, its own. */
  readonly metrics?: Metrics;
};

/**
 * A server with a contract. Relative paths start at the working directory; the environment is not read.
 *
 * @param options the settings of docs/configuration.md; `authorize` rules and `calls` handlers have the types of the contract;
 * `server`: an HTTP server of the app's to attach to at once
 * @throws StartError with one line about the first setting that is wrong, or the database that cannot be opened
 */
export async function createServer<C extends Contract>(
  contract: C,
  options: ServerOptions<NoInfer<C>> & { readonly server?: HttpServer },
): Promise<CarillonServer<C>> {
  const { server: http, ...settings } = options;
  const resolved = resolveConfig({ ...settings, contract }, process.cwd());
  if (!resolved.ok) throw new StartError(resolved.problem);
  const server = await assembleServer(resolved.config, {
    logger: createLogger(resolved.config.logLevel),
    development: null,
  });
  if (http !== undefined) await server.attach(http);
  // One code for all contracts: which it is, only the compiler knows.
  return server as unknown as CarillonServer<C>;
}

/**
 * Wires everything there is. Top to bottom: what is told, what is kept, who may log in, the node, the gateways.
 *
 * @throws StartError where nothing says who may log in, or the database cannot be opened
 */
export async function assembleServer(
  config: ServerConfig,
  { logger, development, metrics = createMetrics(logger) }: ServerParts,
): Promise<CarillonServer> {
  if (config.auth === null) throw new StartError(NO_LOGIN);
  // Before anything is opened: what is not installed is told at once.
  const makeSocketIo = config.socketIo === null ? null : await loadSocketIo();
  const secrets = createNodeSecrets();
  const { telemetry } = metrics;

  const failed = Promise.withResolvers<string>();
  let hasFailed = false;
  function fail(reason: string): void {
    hasFailed = true;
    logger.fatal({ reason }, 'database_lost');
    failed.resolve(reason);
  }

  const stores = await openStores({
    database: config.database,
    redis: config.redis,
    graceMs: config.node.graceMs,
    laneLimits: toLaneLimits(config.limits),
    storesChannels: hasDurability(config.contract, 'stored'),
    replicatesChannels: hasDurability(config.contract, 'replicated'),
    clock: createNodeClock(),
    telemetry,
    secrets,
    webhooks: config.webhooks,
    onFailed: fail,
  });

  const { clock, probes, beginLife, ownSecret, close: closeStores, ...kept } = stores;
  const auth = await orClosed(closeStores, createAuthenticator(config.auth, clock, telemetry));
  const engine = await orClosed(closeStores, openDocumentEngine(config.contract, config.documents, clock));
  const authorizer = createAuthorizer(config.authorize, config.authorizeCallback, {
    clock,
    secrets,
    telemetry,
  });
  const grantSecret = config.grantSecret ?? ownSecret;
  const access = {
    authorizer,
    grants: createGrants(grantSecret),
    tickets: createTickets(grantSecret),
  };
  const schemaFailed = createPacedWarning('schema_failed', clock, telemetry);
  const onSchemaFailed = (where: string, error: unknown): void =>
    schemaFailed({ where, error: reasonOf(error) });
  const node = createNode({
    ports: { ...kept, ...access, engine, clock, secrets, auth, telemetry },
    settings: {
      ...config.node,
      contract: compileContract(config.contract, onSchemaFailed),
      feeds: compileFeeds(config.feeds, onSchemaFailed),
      callHandlers: config.callHandlers,
    },
  });
  metrics.watch(() => node.counts());
  const feeds = openFeedSources(config.feeds, { clock, secrets, telemetry });
  metrics.watchSources(() => feeds.sources);
  if (engine !== null)
    metrics.watchDocuments(() => ({
      ...node.documents.sizes(),
      jobs: engine.jobs(),
      retained: () => engine.retained(),
    }));

  const api = createHttpApi({
    node,
    secrets,
    telemetry,
    operations: {
      alive: () => !hasFailed,
      readiness: () => readiness({ state: () => node.state, probes }),
      metrics: () => metrics.render(),
    },
    apiKey: config.apiKey,
    corsOrigins: config.corsOrigins,
    limits: { ...config.limits, eventBytes: config.feeds.eventBytes },
    development,
  });
  const door = createDoor({
    origins: config.allowedOrigins,
    trustedProxies: config.trustedProxies,
    limits: config.limits,
    state: () => node.state,
    monotonicMs: () => clock.monotonicMs(),
  });
  const lines = createLineEntrance({ node, door, clock, secrets, telemetry, limits: config.limits });
  const socketIo =
    config.socketIo === null || makeSocketIo === null
      ? null
      : makeSocketIo({
          ...config.socketIo,
          ...{ node, door, clock, secrets, telemetry, limits: config.limits },
          loginTimeoutMs: config.node.loginTimeoutMs,
        });
  const takesRequest = (request: IncomingMessage, response: ServerResponse): boolean =>
    lines.serve(request, response) ||
    socketIo?.serve(request, response) === true ||
    feeds.serve(request, response);
  const http: Server = createHttpServer(HTTP_OPTIONS, (request, response) => {
    if (!takesRequest(request, response)) api(request, response);
  });
  http.maxConnections = config.limits.connections * SOCKETS_A_CONNECTION + REQUESTS_BESIDE_CONNECTIONS;

  // Out of descriptors, mostly: unheard it would end the process, and with it everybody who is connected.
  http.on('listening', () =>
    http.on('error', (error) => telemetry.warn('accept_failed', { error: error.message })),
  );
  const entrance = createEntrance({
    http,
    host: config.host,
    port: config.port,
    isOurPath: (path) =>
      path === WEBSOCKET_PATH || isYjsPath(path, config.gateways) || socketIo?.takes(path) === true,
    async begin() {
      await node.start();
      beginLife();
      await feeds.start(node.intake);
    },
    openGateways(source, origins) {
      door.allow(origins);
      const upgrades = createUpgrades({ server: source, telemetry, door });
      const webSockets = createWebSocketGateway({
        ...{ upgrades, path: WEBSOCKET_PATH, node, door },
        messageBytes: config.limits.messageBytes,
      });
      socketIo?.open(upgrades);
      const { messageBytes, messagesPerSecond, messageBurst } = config.limits;
      const ofYjs = openYjsGateways(config.gateways, {
        ...{ upgrades, door, node, clock, messageBytes },
        rate: { perSecond: messagesPerSecond, burst: messageBurst },
        loginTimeoutMs: config.node.loginTimeoutMs,
      });
      return {
        async close() {
          upgrades.close();
          await Promise.all([webSockets.close(), ofYjs.close(), lines.close(), socketIo?.close()]);
        },
      };
    },
  });
  let closing: Promise<void> | null = null;

  async function end(windowMs: number): Promise<void> {
    // First: what they bring in the meantime would wait for a node that goes down.
    await endOf(feeds, node);
    await node.drain(windowMs);
    await entrance.close();
    await node.stop();
    authorizer.close();
    await engine?.close();
    await closeStores();
  }

  function close(windowMs = config.drainWindowMs): Promise<void> {
    return (closing ??= end(windowMs));
  }

  /** Whoever cannot start must not hold the database, nor keep the process alive. */
  async function orClose<T>(entering: Promise<T>): Promise<T> {
    try {
      return await entering;
    } catch (error) {
      await close(0);
      throw error;
    }
  }

  return {
    ...createContractApi(node, node.documents),
    node,
    failed: failed.promise,
    get address() {
      return entrance.address;
    },
    async listen() {
      entrance.enter();
      const bound = await orClose(entrance.listen());
      logger.info({ url: bound.url }, 'listening');
      return bound;
    },
    async attach(server) {
      entrance.enter();
      await orClose(entrance.attach(server));
      logger.info('attached');
    },
    handler(request, response, next) {
      if (takesRequest(request, response)) return;
      if (next !== undefined && !isForApi(request)) next();
      else api(request, response);
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
const HTTP_OPTIONS: HttpServerOptions = {
  headersTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
};

/** How long what sources have brought may take to be kept when the server stops, and how long they may take to end, ms. */
const FEEDS_KEEP_MS = 3_000;
const FEEDS_STOP_MS = 5_000;

/**
 * Stops the sources. Where the log does not take what they brought, they are told so, and bring it again in their next life. Clients
 * must be sent away also where a broker hangs, and with it a source.
 */
async function endOf(feeds: FeedSources, { intake }: RealtimeNode): Promise<void> {
  const given = Promise.withResolvers<void>();
  const timers = [
    setTimeout(() => intake.close(), FEEDS_KEEP_MS),
    setTimeout(() => given.resolve(), FEEDS_STOP_MS),
  ];
  await Promise.race([feeds.stop(), given.promise]);
  for (const timer of timers) clearTimeout(timer);
}

/** Whoever cannot start must not hold what is kept. */
async function orClosed<T>(close: () => Promise<void>, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    await close();
    throw error;
  }
}

function hasDurability({ channels }: ServerConfig['contract'], durability: Durability): boolean {
  return Object.values(channels).some(
    (channel) =>
      channel.kind !== 'signal' && (channel.durability ?? DEFAULTS[channel.kind].durability) === durability,
  );
}

/** What `serve` says instead of starting. */
const NO_LOGIN =
  'nothing says who may log in: set CARILLON_JWT_SECRET (at least 32 bytes) or CARILLON_JWKS_URL, or give an authenticate hook in carillon.config.ts; to try things out, run carillon dev';
