import type { IncomingMessage, ServerResponse } from 'node:http';
import { createDaprSource, type DaprSource } from '../adapters/dapr/dapr-source.ts';
import { createKafkaSource } from '../adapters/kafka/kafka-source.ts';
import { createOutboxSource } from '../adapters/sql/postgres/outbox-source.ts';
import type { FeedsConfig } from '../config/feeds/feed-settings.ts';
import { createPacedWarning } from '../outbound/paced-warning.ts';
import type { Clock } from '../ports/clock.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { Intake, Source } from '../ports/source.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Feeds } from '../runtime/intake/feeds.ts';
import { reasonOf } from './database-lock.ts';
import { StartError } from './start-error.ts';
import { toValidate } from './contract/validate.ts';

/** The feeds as the runtime works by them: schemas made into checks. */
export function compileFeeds(
  { topics, eventBytes }: FeedsConfig,
  onSchemaFailed: (where: string, error: unknown) => void,
): Feeds {
  return {
    eventBytes,
    topics: new Map(
      [...topics].map(([name, { schema, ...topic }]) => {
        const where = `feeds.topics[${JSON.stringify(name)}].schema`;
        return [
          name,
          { ...topic, validate: schema === null ? null : toValidate(schema, where, onSchemaFailed) },
        ];
      }),
    ),
  };
}

/** The sources of a server. */
export type FeedSources = {
  readonly sources: readonly Source[];
  /** @throws StartError where one of them can never start: then none of them runs */
  start(intake: Intake): Promise<void>;
  /** Resolves when nothing is brought any more and every source has noted how far it is. Nothing starts behind it. Never rejects. */
  stop(): Promise<void>;
  /** Answers a request that is for a source. False: it is for none. */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
};

export type FeedDeps = {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly telemetry: Telemetry;
};

/** Makes the sources that are configured. Nothing of them runs before `start`. */
export function openFeedSources(config: FeedsConfig, deps: FeedDeps): FeedSources {
  const warn = createPacedWarnings(deps);
  const dapr = daprSourceOf(config, deps, warn);
  const sources = sourcesOf(config, deps, dapr);
  let started: Source[] = [];
  let stopped = false;

  async function stop(): Promise<void> {
    stopped = true;
    const running = started;
    started = [];
    const ends = await Promise.allSettled(running.map((source) => source.stop()));
    for (const [at, end] of ends.entries())
      if (end.status === 'rejected')
        deps.telemetry.warn('source_stop_failed', { source: running[at]?.name, error: String(end.reason) });
  }

  return {
    sources,
    async start(intake) {
      for (const source of sources) {
        started.push(source);
        try {
          await source.start(intake);
        } catch (error) {
          await stop();
          throw new StartError(`feeds.${source.name}: ${reasonOf(error)}`);
        }
        // The server was stopped while this one waited for its brokers: what starts now nobody would stop.
        if (stopped) return;
      }
    },
    stop,
    serve: (request, response) => dapr?.serve(request, response) ?? false,
  };
}

function sourcesOf(
  { kafka, outbox }: FeedsConfig,
  deps: FeedDeps,
  dapr: DaprSource | null,
): readonly Source[] {
  const { clock, secrets, telemetry } = deps;
  const sources: Source[] = [];
  if (kafka !== null)
    sources.push(
      createKafkaSource({
        ...{ ...kafka, clock },
        random: () => secrets.fraction(),
        warn: (event, detail) => telemetry.warn(event, detail),
      }),
    );
  if (dapr !== null) sources.push(dapr);
  if (outbox !== null) sources.push(createOutboxSource({ ...outbox, ...deps }));
  return sources;
}

/** Of each kind of trouble at most one line a second. */
function createPacedWarnings({ clock, telemetry }: FeedDeps): Telemetry['warn'] {
  const paced = new Map<string, ReturnType<typeof createPacedWarning>>();
  return (event, detail) => {
    const warn = paced.get(event) ?? createPacedWarning(event, clock, telemetry);
    paced.set(event, warn);
    warn(detail);
  };
}

function daprSourceOf(
  { dapr, topics }: FeedsConfig,
  { clock, secrets, telemetry }: FeedDeps,
  warn: Telemetry['warn'],
): DaprSource | null {
  if (dapr === null) return null;
  return createDaprSource({
    ...{ ...dapr, clock, warn },
    id: () => secrets.id(),
    refused: (code) => telemetry.error(code),
    poison: (topic, code) => telemetry.feedEvent('dapr', topics.has(topic) ? topic : '', code, 0),
  });
}
