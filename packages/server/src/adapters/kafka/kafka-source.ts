import type { Intake, Source } from '../../ports/source.ts';
import { createBringing } from './bringing.ts';
import { createCommits } from './commits.ts';
import { createDeadLetters } from './dead-letters.ts';
import { type Clients, loadDriver, openClients } from './driver.ts';
import { createFetching } from './fetching.ts';
import { type Held, partitionName } from './held.ts';
import { hopeless, reasonOf } from './kafka-error.ts';
import { type KafkaSourceOptions, type KafkaTiming, usualTiming } from './kafka-settings.ts';
import { type Assignment, createMembership } from './membership.ts';
import { createOffsets } from './offsets.ts';
import { createPauses } from './pauses.ts';
import { createTroubles, type Troubles } from './troubles.ts';

/**
 * Events of Kafka topics, taken by a consumer group of all nodes.
 *
 * An offset is committed once everything before it in its partition had its verdict, and poison its place in the
 * dead-letter topic. What was not is brought again: by this node, or by the one that has the partition then.
 */
export function createKafkaSource(options: KafkaSourceOptions, timing: KafkaTiming = usualTiming): Source {
  const troubles = createTroubles(options);
  const held = new Map<string, Held>();
  let running: { stop(): Promise<void> } | null = null;
  let starting: Clients | null = null;
  let stopped = false;

  return {
    name: 'kafka',
    async start(intake) {
      const { topics, deadLetterTopic } = options;
      if (deadLetterTopic !== null && topics.includes(deadLetterTopic))
        throw new Error(
          `the dead-letter topic "${deadLetterTopic}" is one of the topics that are consumed: its letters would come back for ever; name another`,
        );
      const driver = await loadDriver();
      if (stopped) return;
      const clients = openClients(driver, options, timing);
      starting = clients;
      try {
        await check(clients, options, troubles);
      } catch (error) {
        await close(clients);
        throw error;
      } finally {
        starting = null;
      }
      // While it looked for its brokers: a member that joins now would hold partitions and bring nothing.
      if (stopped) return close(clients);
      running = run(options, timing, clients, intake, held, troubles);
    },
    async stop() {
      stopped = true;
      if (starting !== null) await close(starting);
      await running?.stop();
      running = null;
    },
    trouble: () => troubles.current(),
    positions: () =>
      [...held.values()].flatMap(({ topic, partition, reading }) =>
        reading === null
          ? []
          : [
              {
                topic,
                partition: String(partition),
                position: reading.watermark.position,
                lag: Math.max(0, reading.end - reading.watermark.position),
              },
            ],
      ),
  } satisfies Source;
}

const explainer = ({ topics, deadLetterTopic, groupId }: KafkaSourceOptions) => {
  const all = deadLetterTopic === null ? topics : [...topics, deadLetterTopic];
  return {
    all,
    hopeless: (error: unknown) => hopeless(error, all, groupId),
    explain: (error: unknown) => hopeless(error, all, groupId) ?? reasonOf(error),
  };
};

/** Refuses what cannot ever work; brokers that cannot be reached now may be starting, as this node is. */
async function check({ fetcher }: Clients, options: KafkaSourceOptions, troubles: Troubles): Promise<void> {
  const { all, hopeless: isHopeless, explain } = explainer(options);
  try {
    await fetcher.metadata({ topics: [...all] });
    await fetcher.findGroupCoordinator();
  } catch (error) {
    const reason = isHopeless(error);
    if (reason !== null) throw new Error(reason, { cause: error });
    troubles.set('metadata', 'kafka_unreachable', explain(error));
  }
}

async function close({ fetcher, producer }: Clients): Promise<void> {
  // Nothing is owed to them, and what fails now is a connection that is gone anyway.
  await Promise.allSettled([fetcher.close(true), producer.close(true)]);
}

function run(
  options: KafkaSourceOptions,
  timing: KafkaTiming,
  clients: Clients,
  intake: Intake,
  held: Map<string, Held>,
  troubles: Troubles,
): { stop(): Promise<void> } {
  const { clock, topics, warn } = options;
  const { fetcher, producer } = clients;
  const { explain } = explainer(options);
  const pauses = createPauses(options, timing);
  const patience = new AbortController();
  let stopping = false;
  let rebalancing = false;
  let stepDue = false;

  const deadLetters = createDeadLetters(options.deadLetterTopic, producer, troubles, warn);
  const bringing = createBringing({
    held,
    intake,
    deadLetters,
    inFlight: options.inFlight,
    pauses,
    signal: patience.signal,
    isStopping: () => stopping,
    mayBring: () => !stopping && !rebalancing,
    onDone() {
      commits.note();
      step();
    },
  });
  const membership = createMembership({
    openMember: clients.openMember,
    troubles,
    pauses,
    explain,
    onRebalance() {
      rebalancing = true;
      void commits.flush();
    },
    onAssigned: assign,
    onOut: () => lose(() => true),
  });
  const member = membership.member;
  const offsets = createOffsets({ ...options, fetcher, member, timing, troubles, pauses, explain });
  const commits = createCommits({ held, member, clock, timing, troubles, explain });
  const fetching = createFetching({
    held,
    fetcher,
    topics,
    timing,
    clock,
    troubles,
    pauses,
    explain,
    mayFetch: () => !stopping && !rebalancing && bringing.hasRoom(),
    onFetched: step,
    onOutOfRange: offsets.reset,
  });

  /** Brings and fetches once a turn, however many verdicts came in it. */
  function step(): void {
    if (stepDue) return;
    stepDue = true;
    clock.defer(() => {
      stepDue = false;
      bringing.bring();
      fetching.wake();
    });
  }

  function lose(isLost: (name: string) => boolean): void {
    for (const [name, partition] of held) {
      if (!isLost(name)) continue;
      partition.mine = false;
      held.delete(name);
    }
  }

  function assign(assignments: readonly Assignment[], stayed: boolean): void {
    rebalancing = false;
    const given = new Set(
      assignments.flatMap(({ topic, partitions }) =>
        partitions.map((number) => partitionName(topic, number)),
      ),
    );
    lose((name) => !stayed || !given.has(name));
    for (const { topic, partitions } of assignments)
      for (const partition of partitions) {
        const name = partitionName(topic, partition);
        if (held.has(name)) continue;
        const added: Held = { topic, partition, mine: true, reading: null };
        held.set(name, added);
        void offsets.begin(added).then(() => {
          // A start that nobody has committed is committed at once.
          commits.note();
          step();
        });
      }
    step();
  }

  async function watchLag(): Promise<void> {
    while (await pauses.wait(timing.lagMs)) await offsets.refresh(held.values());
  }

  void watchLag();
  const membershipEnded = membership.run();
  return {
    async stop() {
      stopping = true;
      const late = clock.setTimer(timing.stopMs, () => {
        patience.abort();
        pauses.end();
      });
      await bringing.idle();
      late.cancel();
      await commits.flush();
      commits.end();
      pauses.end();
      await membership.leave();
      await close(clients);
      lose(() => true);
      await membershipEnded;
    },
  };
}
