import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import type { KafkaSourceOptions } from '../../src/adapters/kafka/kafka-settings.ts';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import { type KafkaCluster, onRealKafka, startKafka } from '../servers/kafka-cluster.ts';
import { type GuardOptions, type KafkaGuard, startKafkaGuard } from '../servers/kafka-guard.ts';
import { message, newName, optionsFor, quickTiming } from './kafka-kit.ts';
import { createLiteralIntake, type LiteralIntake, textOf } from './literal-intake.ts';

// Joining a group of the mock cluster takes three seconds and more; a busy machine has all the time it wants.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let kafka: KafkaCluster;
let certificates: Certificates;
let strangers: Certificates;
beforeAll(async () => {
  kafka = await startKafka(1);
  certificates = makeCertificates();
  strangers = makeCertificates();
});
afterAll(async () => {
  certificates.remove();
  strangers.remove();
  await kafka.stop();
});

type Scene = {
  readonly guard: KafkaGuard;
  readonly topic: string;
  start(intake: LiteralIntake): Promise<void>;
};

/** A source in front of a door of its own; both end with the test. */
async function openScene(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  door: Omit<GuardOptions, 'target'>,
  login: Partial<KafkaSourceOptions>,
): Promise<Scene> {
  const guard = await startKafkaGuard({ target: kafka.brokers[0]!, ...door });
  const topic = newName('topic');
  await kafka.createTopic(topic, 1);
  const options = optionsFor(
    { brokers: [guard.broker] },
    { topics: [topic], groupId: newName('group'), ...login },
  );
  const source = createKafkaSource(options, quickTiming);
  onTestFinished(() => guard.close());
  onTestFinished(() => source.stop());
  return { guard, topic, start: (intake) => source.start(intake) };
}

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
const alice = { username: 'alice', password: 'a secret, = and ü' };
const noTls = { ca: null, cert: null, key: null, serverName: null };
const refusal = (scene: Scene): Promise<string> =>
  scene.start(createLiteralIntake()).then(
    () => 'it started',
    (error: Error) => error.message,
  );

/** The door is in front of the mock, whose answers it readdresses. */
if (!onRealKafka)
  describe.concurrent('who may consume', () => {
    for (const mechanism of mechanisms)
      it(`events come behind a login by ${mechanism}`, async (test) => {
        const sasl = { mechanism, ...alice };
        const { guard, topic, start } = await openScene(test, { sasl }, { sasl });
        const intake = createLiteralIntake();
        await start(intake);
        await kafka.produce(topic, [message(0, 'behind a login')]);
        await intake.until(() => intake.taken.length === 1);
        expect(intake.taken.map(textOf)).toEqual(['behind a login']);
        if (mechanism === 'PLAIN')
          expect(new Set(guard.exchanges)).toEqual(new Set(['\0alice\0a secret, = and ü']));
        // SCRAM proves the password and does not say it.
        else expect(guard.exchanges.join()).not.toContain('secret');
      });

    it('events come over TLS from a broker whose authority is named', async (test) => {
      const { topic, start } = await openScene(
        test,
        { tls: certificates, sasl: { mechanism: 'PLAIN', ...alice } },
        {
          tls: { ...noTls, ca: certificates.ca, serverName: 'redis.test' },
          sasl: { mechanism: 'PLAIN', ...alice },
        },
      );
      const intake = createLiteralIntake();
      await start(intake);
      await kafka.produce(topic, [message(0, 'over TLS')]);
      await intake.until(() => intake.taken.length === 1);
      expect(intake.taken.map(textOf)).toEqual(['over TLS']);
    });

    for (const mechanism of mechanisms)
      it(`wrong credentials stop the start with one line, without the password: ${mechanism}`, async (test) => {
        const scene = await openScene(
          test,
          { sasl: { mechanism, ...alice } },
          { sasl: { mechanism, username: 'alice', password: 'guessed-wrong' } },
        );
        const line = await refusal(scene);
        expect(line).toMatch(
          /^Kafka refuses the credentials: check the user, the password and the mechanism of SASL \(.*\)$/,
        );
        expect(line).not.toContain('guessed-wrong');
      });

    it('a mechanism that the broker does not have stops the start', async (test) => {
      const scene = await openScene(
        test,
        { sasl: { mechanism: 'SCRAM-SHA-512', ...alice } },
        { sasl: { mechanism: 'PLAIN', ...alice } },
      );
      expect(await refusal(scene)).toMatch(/^Kafka refuses the credentials: .*UNSUPPORTED_SASL_MECHANISM/);
    });

    it('a broker whose certificate another authority signed is not told anything', async (test) => {
      const scene = await openScene(
        test,
        { tls: certificates, sasl: { mechanism: 'PLAIN', ...alice } },
        { tls: { ...noTls, ca: strangers.ca }, sasl: { mechanism: 'PLAIN', ...alice } },
      );
      expect(await refusal(scene)).toMatch(
        /^the TLS connection to Kafka fails: check the authority, the certificate and the server's name \(.*\)$/,
      );
      expect(scene.guard.exchanges).toEqual([]);
    });

    it('a broker that speaks TLS, and a node that does not, stop the start', async ({ onTestFinished }) => {
      // What a broker says to bytes that are no TLS: a fatal alert, protocol_version.
      const broker = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(Buffer.from('15030100020246', 'hex')));
      });
      broker.listen(0, '127.0.0.1');
      await once(broker, 'listening');
      onTestFinished(() => void broker.close());
      const brokers = [`127.0.0.1:${(broker.address() as AddressInfo).port}`];
      const options = optionsFor({ brokers }, { topics: ['t'], groupId: 'g' });
      const started = createKafkaSource(options, quickTiming).start(createLiteralIntake());
      await expect(started).rejects.toThrow(/^the TLS connection to Kafka fails: .*Broker requires TLS/);
    });

    it('a certificate that is for another name stops the start', async (test) => {
      const scene = await openScene(
        test,
        { tls: certificates },
        { tls: { ...noTls, ca: certificates.ca, serverName: 'elsewhere.test' } },
      );
      expect(await refusal(scene)).toMatch(/^the TLS connection to Kafka fails: .*elsewhere\.test/);
    });
  });
