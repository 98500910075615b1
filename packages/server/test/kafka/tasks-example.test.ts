import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { signToken } from '../../src/auth/sign-token.ts';
import { BARE_ENV } from '../servers/bare-env.ts';
import { temporaryFolder } from '../servers/child-server.ts';
import { type KafkaCluster, startKafka } from '../servers/kafka-cluster.ts';
import { newName } from './kafka-kit.ts';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/tasks/', import.meta.url));
const CARILLON = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const SECRET = 'a secret of at least thirty-two bytes';
const API_KEY = 'an-api-key-of-some-length';

const children: ChildProcess[] = [];
let cluster: KafkaCluster | null = null;
afterAll(async () => {
  for (const child of children) {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
  await cluster?.stop();
});

/** A program in a process of its own, and where it says that it is. */
async function start(args: readonly string[], env: Record<string, string>, says: RegExp): Promise<string> {
  const child = spawn(
    process.execPath,
    ['--conditions=carillon-source', '--disable-warning=ExperimentalWarning', ...args],
    {
      env: { ...BARE_ENV, CARILLON_JWT_SECRET: SECRET, CARILLON_API_KEY: API_KEY, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  children.push(child);
  const found = Promise.withResolvers<string>();
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => {
      log += `${line}\n`;
      const url = says.exec(line)?.[1];
      if (url !== undefined) found.resolve(url);
    });
  child.once('exit', () => found.reject(new Error(`it did not start: ${log}`)));
  return found.promise;
}

it('a change of the example backend goes through Kafka onto the channel of its user, under its own id and name', async () => {
  cluster = await startKafka();
  const topic = newName('task-updates');
  await cluster.createTopic(topic, 2);
  const backend = await start(
    [join(EXAMPLE, 'src/main.ts')],
    {
      TASKS_PORT: '0',
      TASKS_DATABASE_URL: `sqlite:${join(temporaryFolder('tasks'), 'tasks.sqlite')}`,
      TASKS_PUBLISH: 'kafka',
      TASKS_TOPIC: topic,
      KAFKA_BROKERS: cluster.brokers.join(','),
    },
    /^The tasks are at (\S+)$/,
  );
  const carillon = await start(
    [CARILLON, 'serve', '--config', join(EXAMPLE, 'carillon.config.ts'), '--port', '0'],
    {
      TASKS_TOPIC: topic,
      CARILLON_DATABASE_URL: `sqlite:${join(temporaryFolder('tasks-carillon'), 'carillon.sqlite')}`,
      CARILLON_KAFKA_BROKERS: cluster.brokers.join(','),
      CARILLON_FEEDS_KAFKA_GROUP_ID: newName('group'),
    },
    /"url":"([^"]+)","msg":"listening"/,
  );
  const token = await signToken({
    ...{ secret: SECRET, user: 'alice', ttlMs: 60_000, issuer: null, audience: null },
    nowMs: Date.now(),
  });
  const ask = (method: string, path: string, key: string, body: object): Promise<Response> =>
    fetch(backend + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
    });
  expect((await ask('POST', '/tasks', 'key-1', { id: 'bell', title: 'Oil the clapper' })).status).toBe(201);
  expect((await ask('PATCH', '/tasks/bell', 'key-2', { done: true })).status).toBe(200);
  expect((await ask('POST', '/tasks', 'key-3', { id: 'rope', title: 'Splice the rope' })).status).toBe(201);
  expect((await ask('DELETE', '/tasks/bell', 'key-4', {})).status).toBe(200);

  const history = async (): Promise<readonly object[]> => {
    const response = await fetch(`${carillon}/v1/channels/tasks%3Aalice/history?after=0`, {
      headers: { authorization: `Bearer ${API_KEY}` },
    });
    return ((await response.json()) as { publications: object[] }).publications;
  };
  await expect.poll(history, { timeout: 20_000, interval: 50 }).toHaveLength(4);
  expect(await history()).toMatchObject([
    { key: 'bell', ref: 'key-1', data: { title: 'Oil the clapper', done: false, version: 1 } },
    { key: 'bell', ref: 'key-2', data: { done: true, version: 2 } },
    { key: 'rope', ref: 'key-3', data: { version: 1 } },
    { key: 'bell', ref: 'key-4', del: true },
  ]);

  const messages = await cluster.read(topic, 2);
  expect(messages).toHaveLength(4);
  // One user, one partition: what one user does keeps its order.
  expect(new Set(messages.map(({ partition, key }) => `${partition} ${key}`)).size).toBe(1);
  for (const { value, headers } of messages) {
    const { id } = JSON.parse(value ?? '') as { readonly id: string };
    expect(headers).toEqual([['event-id', id]]);
  }
}, 60_000);
