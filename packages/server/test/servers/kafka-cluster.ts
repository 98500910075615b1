import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './child-server.ts';

const SOURCE = fileURLToPath(new URL('../kafka/native/kafka-fixture.c', import.meta.url));

/** Whether KAFKA_BROKERS names a real cluster, whose brokers the tests cannot take down. */
export const onRealKafka = (process.env['KAFKA_BROKERS'] ?? '') !== '';

/** A message as another client produces it or reads it; null: none. Headers in their order. */
export type KafkaMessage = {
  readonly partition: number;
  readonly key: string | null;
  readonly value: Uint8Array | string | null;
  readonly headers: readonly (readonly [string, string | null])[];
};

export type ReadMessage = Omit<KafkaMessage, 'value'> & {
  readonly offset: number;
  readonly value: string | null;
};

/** Kafka protocol's numbers, for errors that are planted. */
export const api = {
  produce: 0,
  fetch: 1,
  metadata: 3,
  offsetCommit: 8,
  joinGroup: 11,
  heartbeat: 12,
} as const;

/**
 * librdkafka's mock cluster in a process of its own, or the cluster that KAFKA_BROKERS names, and librdkafka as the
 * client beside ours. What only the mock can do is refused on a real one.
 */
export type KafkaCluster = {
  /** `host:port`, one for each broker, in the order of their ids (from 1). */
  readonly brokers: readonly string[];
  createTopic(name: string, partitions: number): Promise<void>;
  /** Resolves once the brokers have all of them. Partition -1: chosen by the key. */
  produce(topic: string, messages: readonly KafkaMessage[]): Promise<void>;
  /** As `produce`, but resolves once the producer has them: it sends them while the fixture is told other things. */
  queue(topic: string, messages: readonly KafkaMessage[]): Promise<void>;
  /** Resolves once the brokers have so many that were queued. */
  flush(count: number): Promise<void>;
  /** All that a topic holds, partition by partition as they come. */
  read(topic: string, partitions: number): Promise<readonly ReadMessage[]>;
  /** What the group has committed; -1: nothing. */
  committed(group: string, topic: string, partition: number): Promise<number>;
  /** Ends a broker's connections and lets nobody in. Mock only. */
  takeDown(broker: number): Promise<void>;
  bringUp(broker: number): Promise<void>;
  setLeader(topic: string, partition: number, broker: number): Promise<void>;
  /** What brokers say of a topic in their metadata, as an error code. Mock only: it makes topics that it is asked about. */
  setTopicError(topic: string, code: number): Promise<void>;
  /** The next requests of an API get these error codes of the protocol; -195 cuts the connection. Mock only. */
  pushErrors(apiKey: number, ...codes: readonly number[]): Promise<void>;
  clearErrors(apiKey: number): Promise<void>;
  stop(): Promise<void>;
};

/** Starts a cluster and waits until it is there. */
export async function startKafka(brokers = 1): Promise<KafkaCluster> {
  const real = process.env['KAFKA_BROKERS'] ?? '';
  const child = spawn(compileFixture(), [real === '' ? String(brokers) : real], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const say = talk(child);
  const ready = (await say(null)).at(-1) ?? '';
  if (!ready.startsWith('ready ')) throw new Error(`the Kafka fixture did not start: ${ready}`);
  const ask = async (line: string): Promise<readonly string[]> => {
    const lines = await say(line);
    const last = lines.at(-1) ?? '';
    if (!last.startsWith('ok')) throw new Error(`${line.slice(0, 100)}: ${last}`);
    return lines;
  };
  const command = async (line: string): Promise<void> => void (await ask(line));
  const queue = async (topic: string, messages: readonly KafkaMessage[]): Promise<void> =>
    void (await Promise.all(messages.map((message) => command(`produce ${topic} ${producedText(message)}`))));
  const flush = async (count: number): Promise<void> => {
    const [said = ''] = await ask('flush');
    if (said !== `ok ${count}`) throw new Error(`of ${count}: ${said}`);
  };
  return {
    brokers: ready.slice('ready '.length).split(','),
    createTopic: (name, partitions) => command(`topic ${name} ${partitions}`),
    async produce(topic, messages) {
      // Said in one go: what others produce meanwhile would be counted in.
      await Promise.all([queue(topic, messages), flush(messages.length)]);
    },
    queue,
    flush,
    async read(topic, partitions) {
      return (await ask(`read ${topic} ${partitions}`)).slice(0, -1).map(readMessage);
    },
    async committed(group, topic, partition) {
      return Number((await ask(`committed ${group} ${topic} ${partition}`))[0]?.slice('ok '.length));
    },
    takeDown: (broker) => command(`down ${broker}`),
    bringUp: (broker) => command(`up ${broker}`),
    setLeader: (topic, partition, broker) => command(`leader ${topic} ${partition} ${broker}`),
    setTopicError: (topic, code) => command(`trouble ${topic} ${code}`),
    pushErrors: (apiKey, ...codes) => command(`errors ${apiKey} ${codes.join(' ')}`),
    clearErrors: (apiKey) => command(`clear ${apiKey}`),
    async stop() {
      child.stdin?.end();
      await ended;
    },
  };
}

/** Each line that is said gets its answer, in turn; a fixture that ends answers what it still owes with that. */
function talk(child: ChildProcess): (line: string | null) => Promise<readonly string[]> {
  const waiting: ((lines: readonly string[]) => void)[] = [];
  let lines: string[] = [];
  let gone = false;
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('the Kafka fixture has no pipes');
  const answer = (): void => {
    waiting.shift()?.(lines);
    lines = [];
  };
  createInterface(stdout).on('line', (line) => {
    lines.push(line);
    if (!line.startsWith('m ')) answer();
  });
  child.once('exit', (code, signal) => {
    gone = true;
    while (waiting.length > 0) waiting.shift()?.([`err the Kafka fixture has ended (${signal ?? code})`]);
  });
  // Said by its exit.
  stdin.on('error', () => undefined);
  return (line) =>
    new Promise((resolve) => {
      if (gone) {
        resolve(['err the Kafka fixture has ended']);
        return;
      }
      waiting.push(resolve);
      if (line !== null) stdin.write(`${line}\n`);
    });
}

const hex = (content: Uint8Array | string | null): string => {
  if (content === null) return '-';
  // An empty word would be no word at all.
  if (content.length === 0) throw new Error('the fixture knows no empty values');
  return Buffer.from(content).toString('hex');
};

function producedText({ partition, key, value, headers }: KafkaMessage): string {
  const pairs = headers.map(([name, content]) => `${name}=${hex(content)}`);
  return `${partition} ${hex(key)} ${hex(value)} ${pairs.length === 0 ? '-' : pairs.join(',')}`;
}

const text = (content: string): string | null =>
  content === '-' ? null : Buffer.from(content, 'hex').toString();

function readMessage(line: string): ReadMessage {
  const [, partition, offset, key = '-', value = '-', headers = '-'] = line.split(' ');
  return {
    partition: Number(partition),
    offset: Number(offset),
    key: text(key),
    value: text(value),
    headers:
      headers === '-'
        ? []
        : headers.split(',').map((pair) => {
            const at = pair.indexOf('=');
            return [pair.slice(0, at), text(pair.slice(at + 1))] as const;
          }),
  };
}

let compiled: string | undefined;

/** Compiles it once for this process, against the system's librdkafka. */
function compileFixture(): string {
  if (compiled !== undefined) return compiled;
  const out = join(temporaryFolder('kafka'), 'kafka-fixture');
  const compiler = process.env['CC'] ?? 'gcc';
  const flags = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror'];
  const { error, status, stderr } = spawnSync(compiler, [...flags, '-o', out, SOURCE, '-lrdkafka'], {
    encoding: 'utf8',
  });
  if (error !== undefined)
    throw new Error(
      `there is no ${compiler}: install one (on Debian: apt-get install gcc libc6-dev) or name one in CC`,
    );
  if (status !== 0)
    throw new Error(
      `${compiler} refused ${SOURCE}; it needs librdkafka (on Debian: apt-get install librdkafka-dev):\n${stderr}`,
    );
  compiled = out;
  return out;
}
