import { isIP } from 'node:net';
import type { Consumer, Producer } from '@platformatic/kafka';
import type { KafkaSettings, KafkaTiming, KafkaTls } from './kafka-settings.ts';

/** Time for a broker to answer beyond what it was allowed to wait. */
const ANSWER_MS = 10_000;
const CONNECT_MS = 5_000;

/** The two halves of the package that are used. */
export type Driver = Pick<typeof import('@platformatic/kafka'), 'Consumer' | 'Producer'>;

/**
 * The package is an optional peer: who takes nothing from Kafka need not have it.
 *
 * @throws Error in words for an operator
 */
export async function loadDriver(): Promise<Driver> {
  try {
    return await import('@platformatic/kafka');
  } catch (cause) {
    throw new Error(
      'taking events from Kafka needs the package @platformatic/kafka beside Carillon: npm install @platformatic/kafka@2',
      { cause },
    );
  }
}

/**
 * The three lines to the brokers. They are apart because a broker answers one connection's requests in their order: a fetch
 * that waits for events would hold up the signs of life to the group, and the dead letters.
 */
export type Clients = {
  /** A member of the group to be; made anew where the group has thrown one out for good. */
  openMember(): Consumer;
  readonly fetcher: Consumer;
  readonly producer: Producer;
};

/** Makes the clients; none of them connects yet. They retry nothing: the source does, and says so. */
export function openClients(driver: Driver, settings: KafkaSettings, timing: KafkaTiming): Clients {
  const common = {
    clientId: settings.clientId,
    bootstrapBrokers: [...settings.brokers],
    retries: 0,
    connectTimeout: CONNECT_MS,
    // Topics are made by operators: one that is created by a slip of the pen would be consumed in silence for ever.
    autocreateTopics: false,
    ...(settings.sasl === null ? {} : { sasl: { ...settings.sasl } }),
    ...(settings.tls === null ? {} : tlsOptions(settings, settings.tls)),
  };
  const consumer = (requestTimeout: number): Consumer => {
    const made = new driver.Consumer({
      ...common,
      requestTimeout,
      groupId: settings.groupId,
      autocommit: false,
      sessionTimeout: settings.sessionMs,
      rebalanceTimeout: timing.rebalanceMs,
      heartbeatInterval: Math.min(timing.heartbeatMs, Math.floor(settings.sessionMs / 3)),
    });
    made.topics.trackAll(...settings.topics);
    return made;
  };
  const producer = new driver.Producer({ ...common, requestTimeout: ANSWER_MS });
  // Whatever fails rejects the call that it fails; without a listener the same would end the process.
  producer.on('error', () => undefined);
  const fetcher = consumer(timing.fetchWaitMs + ANSWER_MS);
  fetcher.on('error', () => undefined);
  return { openMember: () => consumer(timing.rebalanceMs + ANSWER_MS), fetcher, producer };
}

function tlsOptions({ brokers }: KafkaSettings, tls: KafkaTls) {
  const byAddress = brokers.some(
    (broker) => isIP(broker.slice(0, broker.lastIndexOf(':')).replaceAll(/[[\]]/g, '')) !== 0,
  );
  return {
    tls: {
      ...(tls.ca === null ? {} : { ca: tls.ca }),
      ...(tls.cert === null ? {} : { cert: tls.cert }),
      ...(tls.key === null ? {} : { key: tls.key }),
    },
    // True: the name of the host, which a broker behind an address of many needs to be told. An address is no name.
    tlsServerName: tls.serverName ?? !byAddress,
  };
}
