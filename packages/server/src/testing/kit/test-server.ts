import type { Contract } from '@carillon/contract';
import { createMemoryDirectory } from '../../adapters/memory/directory.ts';
import { createMemoryJournal } from '../../adapters/memory/journal.ts';
import { createMemoryDocuments } from '../../adapters/memory/documents.ts';
import { createMemoryLog } from '../../adapters/memory/log.ts';
import { createMemoryRevocations } from '../../adapters/memory/revocations.ts';
import { createGrants } from '../../auth/grants.ts';
import {
  type AuthenticateHook,
  type CarillonConfig,
  resolveConfig,
  type ServerConfig,
} from '../../config.ts';
import type { ContractOptions } from '../../config/contract-types.ts';
import type { Grants } from '../../ports/grants.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import type { ContractApi } from '../../server/contract/contract-api.ts';
import { createContractApi } from '../../server/contract/create-contract-api.ts';
import { StartError } from '../../server/start-error.ts';
import { type BareClient, createBareClient } from './bare-client.ts';
import { presentChannels, presentDocuments, presentRoster, type RosterApi } from './present-node.ts';
import { createTestClock, type KitClock, type TestClock } from './test-clock.ts';
import { type Disk, type Life, startLife } from './test-life.ts';
import { createTestLine, type TestLine } from './test-line.ts';
import { createTestSecrets } from './test-secrets.ts';
import { createTestTelemetry, type Warning } from './test-telemetry.ts';

/** The settings of docs/configuration.md that concern what a server does, not where it runs. */
type Settings = Pick<CarillonConfig, 'presence' | 'sessions' | 'channels' | 'limits'>;

export type TestServerOptions<C extends Contract> = ContractOptions<C> &
  Settings & {
    /** The app's own check of login tokens. Absent: a token is good where it is the username, as test clients' are. */
    readonly authenticate?: AuthenticateHook;
    /** Who follows whom from the beginning: `['alice', 'bob']`, alice sees bob. */
    readonly follows?: readonly (readonly [follower: string, followee: string])[];
  };

/** A server in the test's own process: what `createServer` gives an app, and what only a test may do. */
export type TestServer<C extends Contract = Contract> = ContractApi<C> &
  RosterApi & {
    readonly contract: C;
    readonly clock: TestClock;
    /** The node of the present life. */
    readonly node: RealtimeNode;
    /** What the server would have logged: rules that threw, schemas that failed. */
    readonly warnings: readonly Warning[];
    /** How much the server holds; without anybody, nothing. */
    counts(): ReturnType<RealtimeNode['counts']>;
    /** A way to the server that the test controls; `createTestClient` of `@carillon/client/testing` puts a client on one. */
    line(): TestLine;
    /** A client that knows only frames, on a line of its own. */
    connect(): BareClient;
    /** As `kill -9` and a new start: what is stored is kept, histories of `memory` channels are lost, connections drop. */
    restart(options?: {
      /** How long nobody answers, ms. Absent: 0. */
      readonly downMs?: number;
    }): Promise<void>;
    /** Ends all connections. The test's process would end without it: there is nothing that holds it. */
    close(): Promise<void>;
  };

/** Signs grants: a test has nothing to keep secret. */
const GRANT_SECRET = 'the secret of servers that only tests ever see';

/**
 * The real server over in-process stores and a virtual clock: nothing of the machine is used but memory.
 *
 * @param options rules and handlers as `createServer` takes them
 * @throws StartError with one line about the first setting that is wrong, as `createServer` does
 */
export async function createTestServer<C extends Contract>(
  contract: C,
  options: TestServerOptions<NoInfer<C>>,
): Promise<TestServer<C>> {
  const { authenticate = believeUsername, follows = [], ...settings } = options;
  const config = configOf(contract, settings, authenticate);
  const clock = createTestClock();
  const warnings: Warning[] = [];
  const shared = {
    config,
    authenticate,
    clock,
    secrets: createTestSecrets(),
    telemetry: createTestTelemetry(warnings),
    disk: createDisk(clock),
  };
  const deaths: (() => void)[] = [];
  let lives = 0;
  let connections = 0;
  let serving = true;
  let life: Life = await startLife({ ...shared, name: `life-${++lives}` });

  const present = (): RealtimeNode => life.node;
  const roster = presentRoster(present);
  for (const [follower, followee] of follows) {
    for (const step of [
      await roster.createUser(follower),
      await roster.createUser(followee),
      await roster.follow(follower, followee),
    ])
      if (!step.ok) throw new StartError(`follows: ${follower} cannot follow ${followee}: ${step.detail}`);
  }

  function line(): TestLine {
    const made = createTestLine({
      clock,
      gate: () => (serving ? (connection) => life.open(connection) : null),
      nextId: () => ++connections,
    });
    deaths.push(made.die);
    return made.line;
  }

  const server: TestServer<Contract> = {
    ...createContractApi(presentChannels(present), presentDocuments(present)),
    ...roster,
    contract,
    clock,
    get node() {
      return life.node;
    },
    warnings,
    counts: () => life.node.counts(),
    line,
    connect: () => createBareClient(line()),
    async restart({ downMs = 0 } = {}) {
      serving = false;
      life.kill();
      for (const die of deaths) die();
      await clock.advance(downMs);
      life = await startLife({ ...shared, name: `life-${++lives}` });
      serving = true;
    },
    async close() {
      serving = false;
      await life.node.stop();
      await clock.settle();
      life.kill();
    },
  };
  // One code for all contracts: which it is, only the compiler knows.
  return server as unknown as TestServer<C>;
}

function configOf(contract: Contract, settings: object, authenticate: AuthenticateHook): ServerConfig {
  const resolved = resolveConfig({ ...settings, contract, auth: { authenticate } }, '/');
  if (!resolved.ok) throw new StartError(resolved.problem);
  return resolved.config;
}

function createDisk(clock: KitClock): Disk {
  return {
    journal: createMemoryJournal(),
    directory: createMemoryDirectory(),
    storedLog: createMemoryLog({ newEpoch: () => 'stored' }),
    storedDocuments: createMemoryDocuments(),
    revocations: createMemoryRevocations(() => clock.nowMs()),
    grants: awaited(createGrants(GRANT_SECRET), clock),
  };
}

/** Signatures are made in a thread of the machine's: no virtual time, but no end of the turn either before they are there. */
function awaited(grants: Grants, clock: KitClock): Grants {
  return {
    sign: (grant) => clock.during(Promise.resolve(grants.sign(grant))),
    verify: (text, user, channel, nowMs) =>
      clock.during(Promise.resolve(grants.verify(text, user, channel, nowMs))),
  };
}

const believeUsername: AuthenticateHook = ({ token, username }) =>
  token === username ? { user: username } : null;
