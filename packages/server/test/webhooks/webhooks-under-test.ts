import { setImmediate as nextPhase } from 'node:timers/promises';
import type { PostResult } from '../../src/outbound/signed-post.ts';
import type { PresenceRecord } from '../../src/ports/presence.ts';
import { createWebhooks, type Webhooks, type WebhookSettings } from '../../src/webhooks/webhooks.ts';
import { EVENT_TYPES } from '../../src/webhooks/webhook-event.ts';
import { createVirtualClock, type VirtualClock } from '../runtime/virtual-clock.ts';
import { createTestEventStore, type TestEventStore } from './test-event-store.ts';

/** A webhook as it was posted. */
export type Posted = {
  readonly id: string;
  readonly type: string;
  /** `user alice`, `channel chat:lobby` */
  readonly subject: string;
  readonly timestamp: string;
  readonly atMs: number;
};

export const OK: PostResult = { kind: 'answered', status: 204, body: '' };
export const BROKEN: PostResult = { kind: 'answered', status: 500, body: '' };

export type Bench = {
  readonly clock: VirtualClock;
  readonly store: TestEventStore;
  readonly posted: Posted[];
  readonly warnings: (Readonly<Record<string, unknown>> & { readonly event: string })[];
  readonly results: string[];
  /** What the receiver answers from now on. */
  answer: (posted: Posted) => PostResult | Promise<PostResult>;
  /** What comes after the decimal point of every random number. */
  fraction: number;
  readonly senderClosed: () => boolean;
  /** Users that are online when presence is read. */
  readonly online: Set<string>;
  /** When users were last seen, unless long ago. */
  readonly lastSeen: Map<string, number>;
  /** A life of the server over the same store, not started yet. */
  open(settings?: Partial<WebhookSettings>): Promise<Webhooks>;
  /** The same, started. */
  begin(settings?: Partial<WebhookSettings>): Promise<Webhooks>;
  /** Until nothing more happens without time passing, however long the chain of promises. */
  settle(): Promise<void>;
  /** Ends the life that was begun last as a kill does: from here on it sends and stores nothing. */
  kill(): void;
  /** What was posted, in short: `user.online alice`. */
  told(): string[];
};

/** @param another of the same nodes, in the same time, with the same receiver; and what this one is called */
export function bench(another?: { readonly of: Bench; readonly node: string }): Bench {
  const clock = another?.of.clock ?? createVirtualClock();
  const store = another?.of.store.another(another.node) ?? createTestEventStore();
  const posted: Posted[] = another?.of.posted ?? [];
  const online = another?.of.online ?? new Set<string>();
  const lastSeen = another?.of.lastSeen ?? new Map<string, number>();
  const idPrefix = another?.node ?? '';
  let ids = 0;
  let senderClosed = false;
  let life = { alive: true };
  const never = new Promise<never>(() => undefined);

  function record(user: string): PresenceRecord {
    return {
      user,
      version: 1,
      s: online.has(user) ? 'Online' : 'Offline',
      fields: {},
      lastSeenMs: online.has(user) ? null : (lastSeen.get(user) ?? 1_700_000_000_000),
    };
  }

  const one: Bench = {
    clock,
    store,
    posted,
    online,
    lastSeen,
    warnings: [],
    results: [],
    answer: () => OK,
    fraction: 0,
    senderClosed: () => senderClosed,
    async begin(settings) {
      const webhooks = await one.open(settings);
      await webhooks.start({ read: (users) => Promise.resolve(users.map(record)) });
      return webhooks;
    },
    open(settings = {}) {
      senderClosed = false;
      const mine = { alive: true };
      life = mine;
      const inLife = <T>(act: () => Promise<T>): Promise<T> => (mine.alive ? act() : never);
      return createWebhooks(
        {
          receiver: 'http://127.0.0.1/hooks',
          timeoutMs: 10_000,
          atOnce: 4,
          queued: 1_000,
          maxAgeMs: 3_600_000,
          types: new Set(EVENT_TYPES),
          settleMs: 90_000,
          ...settings,
        },
        {
          sender: {
            post: async (id, body) => {
              const { type, timestamp, data } = JSON.parse(body) as {
                type: string;
                timestamp: string;
                data: Record<string, string>;
              };
              const [[kind, name] = []] = Object.entries(data);
              const arrived = { id, type, subject: `${kind} ${name}`, timestamp, atMs: clock.nowMs() };
              if (!mine.alive) return never;
              posted.push(arrived);
              return one.answer(arrived);
            },
            close: () => void (senderClosed = true),
          },
          store: {
            put: (event) => inLife(() => store.put(event)),
            mark: (subject, present) => inLife(() => store.mark(subject, present)),
            drop: (number) => inLife(() => store.drop(number)),
            clear: () => inLife(() => store.clear()),
            adopt: (node) => inLife(() => store.adopt(node)),
            load: () => store.load(),
            owners: () => store.owners(),
          },
          clock,
          secrets: { id: () => `${idPrefix}${++ids}`, fraction: () => one.fraction },
          telemetry: {
            warn: (event, detail) => void one.warnings.push({ event, ...detail }),
            webhook: (result) => void one.results.push(result),
          },
        },
      );
    },
    kill() {
      life.alive = false;
    },
    async settle() {
      for (let turn = 0; turn < 5; turn++) {
        await clock.settle();
        // Node goes to its next phase when no promise is left to be settled.
        await nextPhase();
      }
    },
    told: () => posted.map(({ type, subject }) => `${type} ${subject.slice(subject.indexOf(' ') + 1)}`),
  };
  return one;
}
