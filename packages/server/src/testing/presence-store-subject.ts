import { afterEach, beforeEach, expect } from 'vitest';
import { type Broker, type PresenceMessage, presenceTopic } from '../ports/broker.ts';
import type {
  DeviceHolder,
  DevicePatch,
  LeasedDevice,
  PresenceRecord,
  PresenceStore,
} from '../ports/presence.ts';

export type PresenceStoreSubject = {
  readonly store: PresenceStore;
  /** The broker that the store publishes on. */
  readonly broker: Broker;
  /** Whether the store outlives its nodes: then it lists no leases, for those of a dead node are swept. */
  readonly outlivesNodes?: boolean;
  /** The store's clock, ms since the epoch; moved by the test alone. */
  readonly clock: { nowMs: number };
  /** Resolves when everything that was published has been delivered, and what was written is readable. */
  settle(): Promise<void>;
  close(): Promise<void>;
};

/** Gives a new store for each test, in whose directory the named users exist. */
export type OpenPresenceStore = (users: readonly string[]) => Promise<PresenceStoreSubject>;

export const PATCH: DevicePatch = { fields: {} };

/** Any number; typed as unknown, because vitest's matchers are `any`. */
export const SOME_VERSION: unknown = expect.any(Number);

export function bySession(session: string): DeviceHolder {
  return { kind: 'session', session, generation: 1 };
}

/** What tests look at. */
export type PresenceUnderTest = {
  /** What was published since this or `published` was last asked, with its topic. */
  messages(): Promise<{ topic: string; message: PresenceMessage }[]>;
  /** What was published since this was last asked. */
  published(): Promise<PresenceMessage[]>;
  read(user: string): Promise<PresenceRecord | undefined>;
  expectLeases(...leases: readonly LeasedDevice[]): Promise<void>;
};

/** Opens a store for three people, for each test of the group in which this is called. */
export function eachPresenceStore(
  open: OpenPresenceStore,
  give: (subject: PresenceStoreSubject) => void,
): PresenceUnderTest {
  let subject: PresenceStoreSubject;
  let store: PresenceStore;
  let heard: { topic: string; message: PresenceMessage }[];
  beforeEach(async () => {
    heard = [];
    subject = await open(['alice', 'bob', 'carol']);
    store = subject.store;
    subject.broker.listen((topic, message) => {
      if (message.kind === 'presence') heard.push({ topic, message });
    });
    for (const user of ['alice', 'bob', 'carol']) await subject.broker.subscribe(presenceTopic(user));
    give(subject);
  });
  afterEach(() => subject.close());

  async function messages(): Promise<{ topic: string; message: PresenceMessage }[]> {
    await subject.settle();
    return heard.splice(0);
  }

  return {
    messages,
    published: async () => (await messages()).map(({ message }) => message),
    read: async (user) => (await store.read([user]))[0],
    async expectLeases(...leases) {
      expect(await store.leases()).toEqual(subject.outlivesNodes === true ? [] : leases);
    },
  };
}
