import type { Journal } from '../../ports/journal.ts';
import type { HeldDevice } from './presence-table.ts';

/**
 * Devices as the journal has them. It remembers which writes are under way and which were refused, so that nobody is told
 * that a state is kept before it is, also where asking again changes nothing any more.
 */
export type DeviceJournal = {
  /** Writes the device as it is at this moment, or that it is gone. */
  write(user: string, device: string): Promise<void>;
  /** Resolves once the device as it is at this moment is written; undefined where it is already. */
  written(user: string, device: string): Promise<void> | undefined;
};

type Named = { readonly user: string; readonly device: string };

/**
 * @param stateOf the device as it is, undefined where nobody holds it
 * @param onWritten told of each write that succeeded: what else was refused may be tried again
 */
export function createDeviceJournal(
  journal: Journal,
  stateOf: (user: string, device: string) => HeldDevice | undefined,
  onWritten: () => void,
): DeviceJournal {
  const underWay = new Map<string, Promise<void>>();
  const refused = new Map<string, Named>();

  async function write(user: string, device: string): Promise<void> {
    const key = JSON.stringify([user, device]);
    const writing = put(user, device);
    underWay.set(key, writing);
    refused.delete(key);
    try {
      await writing;
    } catch (error) {
      if (underWay.get(key) === writing) refused.set(key, { user, device });
      throw error;
    } finally {
      if (underWay.get(key) === writing) underWay.delete(key);
    }
    rewriteRefused();
    onWritten();
  }

  function put(user: string, device: string): Promise<void> {
    const held = stateOf(user, device);
    if (held === undefined) return journal.dropDevice(user, device);
    return journal.putDevice({ user, device, state: held.state, leaseExpiresAtMs: held.leaseExpiresAtMs });
  }

  /** The journal takes writes: what it refused before, and nobody asked for again, is written now. */
  function rewriteRefused(): void {
    if (refused.size === 0) return;
    const owed = [...refused.values()];
    refused.clear();
    for (const { user, device } of owed) {
      // Refused once more: it is noted again, and tried with the next write that succeeds.
      write(user, device).catch(() => undefined);
    }
  }

  return {
    write,
    written(user, device) {
      const key = JSON.stringify([user, device]);
      return refused.has(key) ? write(user, device) : underWay.get(key);
    },
  };
}
