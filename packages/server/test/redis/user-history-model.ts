import { createMemoryBroker } from '../../src/adapters/memory/broker.ts';
import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { noJournal } from '../../src/adapters/memory/journal.ts';
import { createMemoryPresence } from '../../src/adapters/memory/presence.ts';
import { createMemorySessions } from '../../src/adapters/memory/sessions.ts';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import { type PresenceMessage, presenceTopic } from '../../src/ports/broker.ts';
import type { DeviceHolder, DevicePatch, DeviceState, PresenceStore } from '../../src/ports/presence.ts';
import type { SessionStore } from '../../src/ports/sessions.ts';
import { GRACE_MS } from '../adapters/subjects.ts';
import { USERS } from './user-history.ts';

/** The stores of one node alone, made to say what several must say together. */
export type Model = {
  readonly sessions: SessionStore;
  readonly presence: PresenceStore;
  /** What was published since this was last asked. */
  published(): PresenceMessage[];
  /** Notes which node looks after an HTTP status. */
  setBy(node: string, status: string): void;
  /** What sweeping a dead node must do. */
  sweep(dead: string, nowMs: number): Promise<{ readonly ended: number; readonly taken: readonly string[] }>;
};

export function createModel(nowMs: () => number): Model {
  const messages: PresenceMessage[] = [];
  const broker = createMemoryBroker();
  broker.listen((_topic, message) => {
    if (message.kind === 'presence') messages.push(message);
  });
  for (const user of USERS) void broker.subscribe(presenceTopic(user));
  const directory = createMemoryDirectory();
  for (const user of USERS) void directory.ensureUser(user);
  const sessions = createMemorySessions({ journal: noJournal, graceMs: GRACE_MS });
  const presence = createMemoryPresence({
    broker,
    journal: noJournal,
    lastSeen: directory,
    stamps: createStampSource(0),
    nowMs,
  });
  /** Node by user and device. */
  const setBy = new Map<string, string>();

  /** A shared store knows of a later generation also before that has joined, and of sessions that are over. */
  async function join(
    user: string,
    device: string,
    holder: DeviceHolder,
    patch: DevicePatch,
  ): Promise<DeviceState | null> {
    if (holder.kind === 'session') {
      const session = (await sessions.sessionsOf(user)).find(({ id }) => id === holder.session);
      if (session?.generation !== holder.generation) return null;
    }
    return presence.join(user, device, holder, patch);
  }

  return {
    sessions,
    presence: { ...presence, join },
    published: () => messages.splice(0),
    setBy: (node, status) => void setBy.set(status, node),
    async sweep(dead, atMs) {
      let ended = 0;
      const taken: string[] = [];
      for (const user of USERS) {
        for (const session of await sessions.sessionsOf(user)) {
          if (session.node !== dead) continue;
          await sessions.end(session.id, session.generation);
          await presence.leave(user, session.device, session.id);
          ended++;
        }
      }
      for (const { user, device, expiresAtMs } of await presence.leases()) {
        if (setBy.get(`${user} ${device}`) !== dead) continue;
        if (expiresAtMs <= atMs) await presence.leave(user, device, null);
        else taken.push(`${user} ${device}`);
      }
      return { ended, taken: taken.toSorted() };
    },
  };
}
