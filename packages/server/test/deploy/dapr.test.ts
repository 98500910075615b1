import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseDocument } from 'yaml';
import * as z from 'zod';
import { resolveConfig } from '../../src/config.ts';
import { startDaprScene } from '../feeds/dapr/dapr-scene.ts';
import { APP_TOKEN, feedConfig } from '../feeds/feed-scene.ts';
import { DEPLOY_FOLDER } from './balancer.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 /* on a busy machine */ });

// The files of deploy/dapr, held against the forms of Dapr's documentation. No sidecar read them.

const FOLDER = join(DEPLOY_FOLDER, 'dapr');

function read(file: string): unknown {
  const document = parseDocument(readFileSync(join(FOLDER, file), 'utf8'), { uniqueKeys: true });
  expect(document.errors).toEqual([]);
  expect(document.warnings).toEqual([]);
  return document.toJS();
}

const named = { metadata: z.strictObject({ name: z.string() }), scopes: z.array(z.string()) };

/** What the components take, of what their documentation lists. */
const FIELDS = {
  'pubsub.kafka':
    'brokers consumerGroup clientID authType saslUsername saslPassword saslMechanism initialOffset maxMessageBytes consumeRetryEnabled version disableTls escapeHeaders',
  'pubsub.redis':
    'redisHost redisUsername redisPassword enableTLS consumerID concurrency queueDepth processingTimeout redeliverInterval maxLenApprox',
};

/** Values are texts: Dapr takes others by chance. */
function component<T extends keyof typeof FIELDS>(type: T) {
  return z.strictObject({
    apiVersion: z.literal('dapr.io/v1alpha1'),
    kind: z.literal('Component'),
    ...named,
    spec: z.strictObject({
      type: z.literal(type),
      version: z.literal('v1'),
      metadata: z.array(
        z.strictObject({ name: z.enum(FIELDS[type].split(' ') as [string]), value: z.string() }),
      ),
    }),
  });
}

const subscription = z.strictObject({
  apiVersion: z.literal('dapr.io/v2alpha1'),
  kind: z.literal('Subscription'),
  ...named,
  spec: z.strictObject({
    pubsubname: z.string(),
    topic: z.string(),
    routes: z.strictObject({ default: z.string() }),
    deadLetterTopic: z.string(),
    bulkSubscribe: z.strictObject({
      enabled: z.boolean(),
      maxMessagesCount: z.int(),
      maxAwaitDurationMs: z.int(),
    }),
  }),
});

const resiliency = z.strictObject({
  apiVersion: z.literal('dapr.io/v1alpha1'),
  kind: z.literal('Resiliency'),
  ...named,
  spec: z.strictObject({
    policies: z.strictObject({
      retries: z.record(
        z.string(),
        z.strictObject({
          policy: z.enum(['constant', 'exponential']),
          maxInterval: z.string(),
          maxRetries: z.int(),
        }),
      ),
    }),
    targets: z.strictObject({
      components: z.record(z.string(), z.strictObject({ inbound: z.strictObject({ retry: z.string() }) })),
    }),
  }),
});

const DAPR = { topics: ['task-updates'], deadLetterTopic: 'task-updates-dead' };

function defaults() {
  const resolved = resolveConfig(
    { ...feedConfig({ dapr: { token: APP_TOKEN, ...DAPR } }), databaseUrl: 'sqlite:x' },
    '/',
  );
  if (!resolved.ok || resolved.config.feeds.dapr === null) throw new Error('no Dapr is configured');
  return resolved.config.feeds.dapr;
}

describe('deploy/dapr', () => {
  it.each([
    ['kafka/pubsub.yaml', 'pubsub.kafka'],
    ['redis/pubsub.yaml', 'pubsub.redis'],
  ] as const)('%s is a component by the name that the server asks for', (file, type) => {
    const { metadata, scopes, spec } = component(type).parse(read(file));
    expect([metadata.name, scopes]).toEqual([defaults().pubsubName, ['carillon']]);
    const names = spec.metadata.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('the Redis component gives an event longer than the server takes, and fills what it sends at once', () => {
    const { spec } = component('pubsub.redis').parse(read('redis/pubsub.yaml'));
    const fields = new Map(spec.metadata.map(({ name, value }) => [name, value]));
    const { deadlineMs, topics } = defaults();
    expect(Number(/^(\d+)s$/.exec(fields.get('processingTimeout') ?? '')?.[1]) * 1_000).toBeGreaterThan(
      deadlineMs,
    );
    expect(Number(fields.get('concurrency'))).toBeGreaterThanOrEqual(topics[0]!.bulk!.maxMessages);
  });

  it('the policy brings every event again until it is taken', () => {
    const { spec } = resiliency.parse(read('resiliency.yaml'));
    const { retry } = spec.targets.components[defaults().pubsubName]!.inbound;
    expect(spec.policies.retries[retry]).toMatchObject({ maxRetries: -1 });
  });

  it('the declared subscription is what the server asks for itself', async () => {
    const { spec, scopes } = subscription.parse(read('declarative/subscription.yaml'));
    const scene = await startDaprScene({}, { dapr: DAPR });
    const answer = await fetch(`${scene.url}/dapr/subscribe`, { headers: { 'dapr-api-token': APP_TOKEN } });
    expect(await answer.json()).toEqual([spec]);
    expect(scopes).toEqual(['carillon']);
    await scene.close();
  });
});
