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
      const leases = await presence.leases();
      for (const user of USERS) {
        const devices = await presence.devicesOf(user);
        const going = (await sessions.sessionsOf(user)).filter(({ node }) => node === dead);
        ended += going.length;
        const departures = going.map(({ id, device, generation }) => ({
          device,
          async leave() {
            await sessions.end(id, generation);
            await presence.leave(user, device, id);
          },
        }));
        for (const { user: of, device, expiresAtMs } of leases) {
          if (of !== user || setBy.get(`${user} ${device}`) !== dead) continue;
          if (expiresAtMs > atMs) taken.push(`${user} ${device}`);
          else departures.push({ device, leave: () => presence.leave(user, device, null) });
        }
        // In one step nobody is shown for a moment because the device that hid them was the first to go.
        const hides = ({ device }: { readonly device: string }): number =>
          devices[device]?.s === 'Invisible' ? 1 : 0;
        for (const { leave } of departures.toSorted((one, other) => hides(one) - hides(other))) await leave();
      }
      return { ended, taken: taken.toSorted() };
    },
  };
}
