import type { SignedPost } from '../outbound/signed-post.ts';
import { createPacedWarning } from '../outbound/paced-warning.ts';
import {
  type EventStore,
  type EventSubject,
  type EventType,
  type KeptEvents,
  saysPresent,
} from '../ports/event-store.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Events } from '../ports/events.ts';
import type { PresenceStore } from '../ports/presence.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { createDeliveries, type DeliverySettings } from './deliveries.ts';
import { createOtherNodes, type KnownNodes } from './other-nodes.ts';
import type { WebhookEvent } from './webhook-event.ts';

export type WebhookSettings = DeliverySettings & {
  /** What is sent; of the rest it is only kept who is there. */
  readonly types: ReadonlySet<EventType>;
  /** After a start: how long clients may take to come back to channels, before those that nobody came back to are vacated. */
  readonly settleMs: number;
  /**
   * The nodes, where others tell of the same users and channels. Then what this one told last need not be what was told last, and
   * whoever calls knows that it is new: who is the first in a channel and who the last (`Members.occupied`), who came and who
   * is gone. Unless given, there are none.
   */
  readonly shared?: KnownNodes;
};

export const DEFAULT_WEBHOOKS = {
  timeoutMs: 10_000,
  atOnce: 8,
  queued: 10_000,
  maxAgeMs: 24 * 60 * 60 * 1000,
} as const;

export type WebhookPorts = {
  readonly sender: SignedPost;
  readonly store: EventStore;
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, 'id' | 'fraction'>;
  readonly telemetry: Pick<Telemetry, 'warn' | 'webhook'>;
};

export type Webhooks = Events & {
  /** Tells of an event; ignored where it says nothing new of its subject. Never throws. */
  emit(event: WebhookEvent): void;
  /**
   * Begins to deliver what an earlier life left and what came since, and tells of users who went offline unnoticed. Never
   * rejects.
   *
   * @param presence as it stands once that life's sessions have been taken up
   */
  start(presence: Pick<PresenceStore, 'read'>): Promise<void>;
  /**
   * Takes over what a node left that is gone for good. Where several are told of it, one of them does. Never rejects; where
   * the store does not answer it is asked again.
   */
  adopt(node: string): Promise<void>;
  /** Events that were not delivered yet. */
  waiting(): number;
  /** What was not delivered is, after the next start. */
  close(): Promise<void>;
};

/** Users whose presence is read at a time, after a start. */
const READ_AT_ONCE = 500;

/** A node that shows that somebody went offline has noted that within this time, ms. */
const TOLD_WITHIN_MS = 60_000;

/** Channels that are vacated in one turn, after a start: each is a write. */
const VACATED_AT_ONCE = 500;

/**
 * Tells an app's backend what happens. An event is kept before it is sent, in the order in which it happened; who is there
 * is kept with it, so that an event that a crash swallowed is made up for.
 */
export async function createWebhooks(settings: WebhookSettings, ports: WebhookPorts): Promise<Webhooks> {
  const { store, clock, secrets, telemetry } = ports;
  const { shared } = settings;
  const deliveries = createDeliveries(settings, { ...ports, fraction: () => secrets.fraction() });
  const notStored = createPacedWarning('webhook_not_stored', clock, telemetry);
  const kept = await store.load();
  const present = { user: new Set<string>(), channel: new Set<string>() };
  for (const { kind, name } of kept.present) present[kind].add(name);
  /** Of whom something was told before it was settled what became of those whom an earlier life left; null behind that. */
  const heard: { user: Set<string> | null; channel: Set<string> | null } = {
    user: new Set(),
    channel: new Set(),
  };
  let lastNumber = kept.events.at(-1)?.number ?? 0;
  let settling: Timer | undefined;
  let closed = false;
  // Ahead of whatever is told from here on.
  for (const event of kept.events) deliveries.add(event, null);

  function tell(type: EventType, subject: EventSubject, atMs: number): void {
    const isPresent = saysPresent(type);
    const { kind, name } = subject;
    heard[kind]?.add(name);
    if (shared === undefined) {
      if (present[kind].has(name) === isPresent) return;
      if (isPresent) present[kind].add(name);
      else present[kind].delete(name);
    }
    if (deliveries.disabled || !settings.types.has(type)) {
      store.mark(subject, isPresent).catch(refused);
      return;
    }
    const event = { number: ++lastNumber, id: `evt_${secrets.id()}`, type, subject, atMs };
    // Refused, it is sent all the same: that it would be lost in a crash is no reason to lose it now.
    deliveries.add(event, store.put(event).catch(refused));
  }

  function refused(error: unknown): void {
    notStored({ problem: problemOf(error) });
  }

  /** Users of whom it is noted that they are online, and whose going offline fell into the end of whoever should have told. */
  async function settleUsers(
    presence: Pick<PresenceStore, 'read'>,
    noted: KeptEvents['present'],
  ): Promise<void> {
    const users = noted.filter(({ kind }) => kind === 'user');
    for (let from = 0; from < users.length && !closed; from += READ_AT_ONCE) {
      const names = users.slice(from, from + READ_AT_ONCE).map(({ name }) => name);
      for (const { user, s, lastSeenMs } of await presence.read(names)) {
        // What was heard meanwhile is newer than what was read.
        if (s !== 'Offline' || heard.user?.has(user) === true) continue;
        // Another node may just be about to tell.
        if (shared !== undefined && lastSeenMs !== null && lastSeenMs > clock.nowMs() - TOLD_WITHIN_MS)
          continue;
        tell('user.offline', { kind: 'user', name: user }, lastSeenMs ?? clock.nowMs());
      }
    }
    heard.user = null;
  }

  /** Channels that were occupied when an earlier life ended, and that nobody came back to. */
  function settleChannels(from: number): void {
    if (closed) return;
    const channels = kept.present.filter(({ kind }) => kind === 'channel');
    for (const subject of channels.slice(from, from + VACATED_AT_ONCE)) {
      if (heard.channel?.has(subject.name) !== true) tell('channel.vacated', subject, clock.nowMs());
    }
    const next = from + VACATED_AT_ONCE;
    if (next < channels.length) clock.defer(() => settleChannels(next));
    else heard.channel = null;
  }

  const others =
    shared === undefined ? null : createOtherNodes(ports, deliveries, shared, settings.settleMs, settleUsers);

  return {
    userOnline: (user, atMs) => tell('user.online', { kind: 'user', name: user }, atMs),
    userOffline: (user, atMs) => tell('user.offline', { kind: 'user', name: user }, atMs),
    channelOccupied: (channel, atMs) => tell('channel.occupied', { kind: 'channel', name: channel }, atMs),
    channelVacated: (channel, atMs) => tell('channel.vacated', { kind: 'channel', name: channel }, atMs),
    emit(event) {
      if ('user' in event) tell(event.type, { kind: 'user', name: event.user }, event.atMs);
      else tell(event.type, { kind: 'channel', name: event.channel }, event.atMs);
    },
    async start(presence) {
      deliveries.start();
      others?.start(presence);
      settling = clock.setTimer(settings.settleMs, () => settleChannels(0));
      try {
        await settleUsers(presence, kept.present);
      } catch (error) {
        // They are told of with their next change, or after the next start.
        telemetry.warn('webhooks_unsettled', { problem: problemOf(error) });
      }
    },
    adopt: (node) => others?.adopt(node) ?? Promise.resolve(),
    waiting: () => deliveries.waiting(),
    async close() {
      closed = true;
      others?.stop();
      settling?.cancel();
      await deliveries.close();
    },
  } satisfies Webhooks;
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
