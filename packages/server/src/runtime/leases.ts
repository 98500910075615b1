import { MAX_DEVICE_LENGTH } from '@carillon/protocol';
import { readPatch } from '../core/presence/fields.ts';
import type { Timer } from '../ports/clock.ts';
import type { LeasedDevice } from '../ports/presence.ts';
import type { NodeContext } from './context.ts';
import type { RealtimeNode } from './node-api.ts';
import { failed, invalidUser, run, succeed, unknownUser } from './outcome.ts';

type Leases = Pick<RealtimeNode, 'setStatus' | 'clearStatus'> & {
  /** Takes up the leases that an earlier life of the process left. */
  restore(leases: readonly LeasedDevice[]): void;
  /** Forgets a user's leases without telling the store (which has forgotten the user already). */
  forget(user: string): void;
  clear(): void;
  readonly size: number;
};

/** Devices that no connection holds: a status set over HTTP, for a time. */
export function createLeases(context: NodeContext): Leases {
  const timers = new Map<string, Map<string, Timer>>();
  const { clock, presence, telemetry } = context.ports;

  function arm(user: string, device: string, expiresAtMs: number): void {
    const ofUser = timers.get(user) ?? new Map<string, Timer>();
    timers.set(user, ofUser);
    ofUser.get(device)?.cancel();
    ofUser.set(
      device,
      clock.setTimer(Math.max(0, expiresAtMs - clock.nowMs()), () => {
        disarm(user, device);
        presence.leave(user, device, null).catch((error: unknown) => {
          telemetry.warn('lease_end_failed', { error: String(error) });
          arm(user, device, clock.nowMs() + 1_000);
        });
      }),
    );
  }

  function disarm(user: string, device: string): void {
    const ofUser = timers.get(user);
    ofUser?.get(device)?.cancel();
    ofUser?.delete(device);
    if (ofUser?.size === 0) timers.delete(user);
  }

  return {
    async setStatus(user, device, message, ttlMs) {
      const invalid = invalidUser(user);
      if (invalid !== undefined) return invalid;
      if (device.length === 0 || device.length > MAX_DEVICE_LENGTH)
        return failed('bad_message', `device: 1 to ${MAX_DEVICE_LENGTH} characters`);
      const { maxStatusTtlMs, leasesPerUser } = context.settings;
      if (!Number.isSafeInteger(ttlMs) || ttlMs < 1 || ttlMs > maxStatusTtlMs)
        return failed('bad_message', `ttlMs: a whole number from 1 to ${maxStatusTtlMs}`);
      const read = readPatch(context.settings.fields, message);
      if (!read.ok) return failed('bad_message', read.detail);
      const full = (): boolean => {
        const ofUser = timers.get(user);
        return ofUser !== undefined && !ofUser.has(device) && ofUser.size >= leasesPerUser;
      };
      return run(context, async () => {
        const { directory } = context.ports;
        if (!(await directory.hasUser(user))) return unknownUser(user);
        // Checked and taken in one step: others set a status at the same time.
        if (full()) return failed('limit_reached', `statuses of one user held over HTTP: ${leasesPerUser}`);
        const expiresAtMs = clock.nowMs() + ttlMs;
        arm(user, device, expiresAtMs);
        await presence.join(user, device, { kind: 'lease', expiresAtMs }, read.patch);
        if (await directory.hasUser(user)) return succeed(read.patch);
        // Erased meanwhile: what was just written must not outlive them.
        disarm(user, device);
        await presence.erase(user);
        return unknownUser(user);
      });
    },
    async clearStatus(user, device) {
      return (
        invalidUser(user) ??
        run(context, async () => {
          disarm(user, device);
          await presence.leave(user, device, null);
          return succeed(undefined);
        })
      );
    },
    restore(leases) {
      for (const { user, device, expiresAtMs } of leases) arm(user, device, expiresAtMs);
    },
    forget(user) {
      for (const device of [...(timers.get(user)?.keys() ?? [])]) disarm(user, device);
    },
    clear() {
      for (const user of [...timers.keys()])
        for (const device of [...(timers.get(user)?.keys() ?? [])]) disarm(user, device);
    },
    get size() {
      let size = 0;
      for (const ofUser of timers.values()) size += ofUser.size;
      return size;
    },
  };
}
