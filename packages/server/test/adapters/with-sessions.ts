import type { DeviceHolder, PresenceStore } from '../../src/ports/presence.ts';
import type { SessionStore } from '../../src/ports/sessions.ts';
import { T0 } from './subjects.ts';

/** The suite joins devices by sessions that it never created; here those have to be there, in the generation that joins. */
export function withSessions(presence: PresenceStore, sessions: SessionStore): PresenceStore {
  const generations = new Map<string, number>();

  async function begin(user: string, device: string, holder: DeviceHolder): Promise<void> {
    if (holder.kind !== 'session') return;
    const { session: id } = holder;
    for (;;) {
      const generation = generations.get(id) ?? 0;
      if (generation >= holder.generation) return;
      generations.set(id, generation + 1);
      const tokenHash = `${id}-${generation + 1}`;
      if (generation === 0) {
        const record = { id, user, device, node: 'n1', generation: 1, tokenHash };
        await sessions.create({ ...record, previousTokenHash: null, detachedAtMs: null }, 64);
      } else {
        const before = `${id}-${generation}`;
        await sessions.resume({ user, tokenHash: before, nextTokenHash: tokenHash, node: 'n1', nowMs: T0 });
      }
    }
  }

  return {
    ...presence,
    async join(user, device, holder, state) {
      await begin(user, device, holder);
      return presence.join(user, device, holder, state);
    },
  };
}
