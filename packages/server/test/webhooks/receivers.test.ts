import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import { createNodeSecrets } from '../../src/adapters/node/secrets.ts';
import { createSignedPost } from '../../src/outbound/signed-post.ts';
import { EVENT_TYPES } from '../../src/webhooks/webhook-event.ts';
import { createWebhooks, type Webhooks, type WebhookSettings } from '../../src/webhooks/webhooks.ts';
import { type Receiver, SECRET, startReceiver } from './receiver.ts';
import { createTestEventStore, type TestEventStore } from './test-event-store.ts';

// For a machine that is busy with something else: each test starts processes and waits for pauses to pass.
describe('webhooks to a real receiver', { timeout: 60_000 }, () => {
  let folder: string;
  let receiver: Receiver;
  let store: TestEventStore;
  let hooks: Webhooks;
  let warnings: Readonly<Record<string, unknown>>[];
  let results: string[];
  let onResult: () => void;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'carillon-webhooks-'));
    receiver = await startReceiver(join(folder, 'received'));
    store = createTestEventStore();
    warnings = [];
    results = [];
    onResult = () => undefined;
  });
  afterEach(async () => {
    await hooks.close();
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function begin(settings: Partial<WebhookSettings> = {}): Promise<void> {
    const clock = createNodeClock();
    const all: WebhookSettings = {
      receiver: receiver.url.origin + receiver.url.pathname,
      timeoutMs: 10_000,
      atOnce: 4,
      queued: 10_000,
      maxAgeMs: 3_600_000,
      types: new Set(EVENT_TYPES),
      settleMs: 90_000,
      ...settings,
    };
    hooks = await createWebhooks(all, {
      sender: createSignedPost({
        url: receiver.url,
        secret: SECRET,
        connections: all.atOnce,
        answerBytes: 0,
        clock,
      }),
      store,
      clock,
      secrets: createNodeSecrets(),
      telemetry: {
        warn: (event, detail) => void warnings.push({ event, ...detail }),
        webhook(result) {
          results.push(result);
          onResult();
        },
      },
    });
    await hooks.start({ read: () => Promise.resolve([]) });
  }

  /** Resolves once what became of the attempts fits. */
  function until(fits: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      onResult = () => {
        if (fits()) resolve();
      };
      onResult();
    });
  }

  /** Tells of so many users that come and go and come, and gives what each is told. */
  function tell(users: number): Map<string, string[]> {
    const told = new Map<string, string[]>();
    for (let turn = 0; turn < 3; turn++) {
      for (let i = 0; i < users; i++) {
        const type = turn === 1 ? 'user.offline' : 'user.online';
        hooks.emit({ type, user: `u${i}`, atMs: Date.now() });
        told.set(`user u${i}`, [...(told.get(`user u${i}`) ?? []), type]);
      }
    }
    return told;
  }

  /** What was taken of each subject, repetitions left out. */
  function takenBySubject(): Map<string, string[]> {
    const seen = new Set<string>();
    const taken = new Map<string, string[]>();
    for (const { id, type, subject } of receiver.taken()) {
      if (seen.has(id)) continue;
      seen.add(id);
      taken.set(subject, [...(taken.get(subject) ?? []), type]);
    }
    return taken;
  }

  const all = (count: number) => () => new Set(receiver.taken().map(({ id }) => id)).size >= count;

  it('each is signed, says when and what, and arrives in the order of its subject', async () => {
    await begin();
    const told = tell(50);
    await until(() => results.length === 150);
    expect(takenBySubject()).toEqual(told);
    for (const { headers } of receiver.received()) {
      expect(headers['content-type']).toBe('application/json');
      expect(Number(headers['webhook-timestamp'])).toBeLessThanOrEqual(Date.now() / 1000);
    }
    expect(receiver.received()).toHaveLength(150);
    expect(store.events.size).toBe(0);
  });

  it('one that answers 500 gets each again, with the same id, until it does not', async () => {
    await receiver.answerWith(500);
    await begin();
    const told = tell(10);
    // Each subject's first, and its first repetition.
    await receiver.until(() => receiver.received().length >= 20);
    const refused = receiver.received().map(({ headers }) => headers['webhook-id']);
    expect(new Set(refused).size).toBe(10);
    expect(hooks.waiting()).toBe(30);
    await receiver.answerWith(204);
    await receiver.until(all(30));
    expect(takenBySubject()).toEqual(told);
    expect(results.filter((result) => result === 'given_up')).toEqual([]);
  });

  it('one that hangs: so many are in flight and no more, they time out, and all arrive when it goes on', async () => {
    await begin({ timeoutMs: 1_500, atOnce: 4 });
    receiver.child.kill('SIGSTOP');
    const told = tell(10);
    // What is in flight is known here by its time running out, and over there by what it finds when it goes on.
    await until(() => results.length >= 8);
    expect(receiver.received()).toEqual([]);
    expect(hooks.waiting()).toBe(30);
    expect(warnings).toContainEqual(expect.objectContaining({ problem: 'no answer within 1500 ms' }));
    receiver.child.kill('SIGCONT');
    await receiver.until(all(30));
    expect(takenBySubject()).toEqual(told);
    const ids = receiver.received().map(({ headers }) => headers['webhook-id']);
    expect(
      ids.length - new Set(ids).size,
      'attempts that had reached it while it was stopped',
    ).toBeGreaterThanOrEqual(4);
  });

  it('one that is killed and started again has missed nothing', async () => {
    await begin();
    const told = tell(300);
    await receiver.until(() => receiver.received().length > 0);
    await receiver.kill();
    expect(hooks.waiting(), 'undelivered when it was killed').toBeGreaterThan(0);
    await until(() => results.includes('retried'));
    await receiver.restart();
    await receiver.until(all(900));
    expect(takenBySubject()).toEqual(told);
  });

  it('neither the secret nor the query of the URL is in the log', async () => {
    await receiver.answerWith(500);
    await begin();
    tell(1);
    await receiver.until(() => receiver.received().length > 1);
    const log = JSON.stringify(warnings);
    expect(log).toContain('/hooks');
    expect(log).not.toContain('hush');
    expect(log).not.toContain(SECRET);
  });
});
