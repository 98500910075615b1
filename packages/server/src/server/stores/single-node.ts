import { createMemoryDocuments } from '../../adapters/memory/documents.ts';
import { createMemoryBroker } from '../../adapters/memory/broker.ts';
import { createMemoryLog } from '../../adapters/memory/log.ts';
import { createMemoryMembers } from '../../adapters/memory/members.ts';
import { createMemoryPresence } from '../../adapters/memory/presence.ts';
import { createMemorySessions } from '../../adapters/memory/sessions.ts';
import { createStampSource } from '../../core/presence/stamp.ts';
import type { Timer } from '../../ports/clock.ts';
import { createSteadyTime } from '../../runtime/steady-time.ts';
import { tellingBroker } from '../../webhooks/presence-events.ts';
import type { StoreOptions, Stores } from './store-options.ts';
import { openWebhooks, UNHEARD } from '../webhooks.ts';
import type { Database } from './database.ts';
import { databaseProbe } from './probes.ts';
import { newEpoch } from './new-epoch.ts';

/** How often a node notes that it lives. A crash costs the sessions in their grace at most this much of it. */
const ALIVE_INTERVAL_MS = 1_000;

/** What a node keeps that is alone: everything in its memory, journalled to its database. */
export async function openSingleNode(
  database: Database,
  { graceMs, laneLimits, clock, telemetry, secrets, webhooks: webhookConfig }: StoreOptions,
): Promise<Stores> {
  const { journal, directory } = database;
  const contents = await journal.load();
  const nowMs = clock.nowMs();
  const steadyMs = createSteadyTime(clock, contents.aliveAtMs);
  const stamps = createStampSource(contents.stamp);
  const broker = createMemoryBroker();
  const sessions = createMemorySessions({ journal, graceMs, restart: { contents, nowMs: steadyMs() } });
  const webhooks = await openWebhooks(database.eventsOf(''), {
    config: webhookConfig,
    graceMs,
    clock,
    secrets,
    telemetry,
  });
  const presence = createMemoryPresence({
    broker: webhooks === null ? broker : tellingBroker(broker, webhooks, () => clock.nowMs()),
    journal,
    lastSeen: directory,
    stamps,
    nowMs: () => clock.nowMs(),
    restart: { contents, nowMs },
  });
  const documents = createMemoryDocuments();
  const memoryLog = createMemoryLog({ newEpoch: () => newEpoch(secrets), limits: laneLimits });

  let beat: Timer | undefined;
  function noteAlive(): void {
    journal.alive(steadyMs(), stamps.last(), clock.nowMs());
    beat = clock.setTimer(ALIVE_INTERVAL_MS, noteAlive);
  }

  return {
    clock,
    cluster: null,
    sessions,
    presence,
    members: createMemoryMembers(broker),
    directory,
    broker,
    // Without stored channels nothing is ever asked of what is for them; what would be replicated is refused at the start.
    documents: { memory: documents, replicated: documents, stored: database.storedDocuments ?? documents },
    logs: { memory: memoryLog, replicated: memoryLog, stored: database.storedLog ?? memoryLog },
    revocations: database.revocations,
    events: webhooks ?? UNHEARD,
    ownSecret: database.ownSecret,
    stamps,
    seen: () => stamps.next(clock.nowMs()),
    steadyMs,
    beginLife() {
      noteAlive();
      void webhooks?.start(presence);
    },
    probes: [databaseProbe(() => database.probe(steadyMs(), stamps.last(), clock.nowMs()))],
    async close() {
      // What it learns of its last deliveries is still written.
      await webhooks?.close();
      if (beat !== undefined) journal.alive(steadyMs(), stamps.last(), clock.nowMs());
      beat?.cancel();
      await database.close();
    },
  };
}
