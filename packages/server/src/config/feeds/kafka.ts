import * as z from 'zod';
import type { KafkaSettings } from '../../adapters/kafka/kafka-settings.ts';
import { emptyProblem, file, list, text, whole } from '../setting.ts';
import { readTlsFiles } from '../tls-files.ts';
import { topicProblem } from './topic-name.ts';

const BROKER = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/;

/** Where and how Kafka is consumed. */
export const kafkaSchema = z
  .strictObject({
    brokers: list(
      'Kafka brokers to begin with, `HOST:PORT`; unless set, nothing is consumed from Kafka.',
      { env: 'CARILLON_KAFKA_BROKERS' },
      (broker) => (BROKER.test(broker) ? undefined : 'is no HOST:PORT'),
    ).default([]),
    clientId: text('What a node calls itself to the brokers.', {}, emptyProblem).default('carillon'),
    groupId: text('The consumer group that all nodes share.', {}, emptyProblem).default('carillon'),
    topics: list('What is consumed; unless set, every topic of `feeds.topics`.', {}, topicProblem).default(
      [],
    ),
    from: z.enum(['earliest', 'latest']).default('earliest').meta({
      description: 'Where a partition begins of which the group has committed nothing.',
    }),
    deadLetterTopic: text(
      'Topic that takes poison, with the reason in headers; unless set, poison is logged and dropped.',
      {},
      topicProblem,
    ).optional(),
    inFlight: whole('Events without a verdict at most; then fetching pauses.', 1_000, 1, 100_000),
    sessionMs: whole(
      'A node that is silent for so long loses its partitions to the others. Brokers take 6,000 and more unless they are told otherwise.',
      10_000,
      1_000,
      1_800_000,
    ),
    sasl: z
      .strictObject({
        mechanism: z
          .enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
          .default('PLAIN')
          .meta({ description: 'How a node logs in to the brokers.' }),
        username: text(
          'The user it logs in as; unless set, it does not log in.',
          {},
          emptyProblem,
        ).optional(),
        password: text('Its password.', { secret: true }, emptyProblem).optional(),
      })
      .prefault({}),
    tls: z
      .strictObject({
        mode: z.enum(['off', 'on']).default('off').meta({ description: 'Whether the brokers speak TLS.' }),
        caFile: file(
          'Certificates, in PEM, that those of the brokers are checked with, instead of those that Node trusts.',
        ),
        certFile: file('A certificate of our own, in PEM.'),
        keyFile: file('Its key, in PEM.'),
        serverName: text(
          'The name that the certificates of the brokers must bear, instead of their hosts.',
          {},
          emptyProblem,
        ).optional(),
      })
      .prefault({}),
  })
  .superRefine(({ brokers, topics, deadLetterTopic, sasl, tls }, context) => {
    const refuse = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (deadLetterTopic !== undefined && topics.includes(deadLetterTopic))
      refuse(['deadLetterTopic'], 'is one of the topics that are consumed: poison would come back for ever');
    if ((sasl.username === undefined) !== (sasl.password === undefined))
      refuse(
        ['sasl', sasl.username === undefined ? 'username' : 'password'],
        'is missing: set both or neither',
      );
    if ((tls.certFile === undefined) !== (tls.keyFile === undefined))
      refuse(
        ['tls', tls.certFile === undefined ? 'certFile' : 'keyFile'],
        'is missing: set both files or neither',
      );
    if (tls.mode === 'off' && (tls.caFile ?? tls.certFile ?? tls.serverName) !== undefined)
      refuse(['tls', 'mode'], 'is off, and files for TLS are set: set it to on');
    if (brokers.length === 0 && sasl.username !== undefined)
      refuse(['brokers'], 'is missing, and a login for Kafka is set');
  });

/**
 * @param mapped the topics that are consumed where none are named
 * @param cwd what relative paths start at
 * @returns null where nothing is consumed; a text where a file cannot be read
 */
export function toKafkaSettings(
  { brokers, topics, deadLetterTopic, sasl, tls, ...rest }: z.output<typeof kafkaSchema>,
  mapped: readonly string[],
  cwd: string,
): KafkaSettings | null | string {
  if (brokers.length === 0) return null;
  const read = readTlsFiles('feeds.kafka.tls', tls, cwd);
  if (typeof read === 'string') return read;
  const { mechanism, username, password } = sasl;
  return {
    ...rest,
    brokers,
    topics: topics.length > 0 ? topics : mapped,
    deadLetterTopic: deadLetterTopic ?? null,
    sasl: username === undefined || password === undefined ? null : { mechanism, username, password },
    tls: tls.mode === 'on' ? { ...read, serverName: tls.serverName ?? null } : null,
  };
}
