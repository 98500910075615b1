import { MAX_DEVICE_LENGTH } from '@carillon/protocol';
import { readPatch } from '../core/presence/fields.ts';
import type { Timer } from '../ports/clock.ts';
import type { LeasedDevice } from '../ports/presence.ts';
import { type NodeContext, pacingOf } from './context.ts';
import type { Lease } from './link-state.ts';
import type { RealtimeNode } from './node-api.ts';
import { failed, invalidUser, run, succeed, unknownUser } from './outcome.ts';
import { RETRY_UNAVAILABLE_MS } from './retry.ts';
import { applyHeld, forgetHeldHttpStatus, setHttpStatus } from './status.ts';

type Leases = Pick<RealtimeNode, 'setStatus' | 'clearStatus'> & {
  /** Takes up the leases that an earlier life of the process left. */
  restore(leases: readonly LeasedDevice[]): void;
  /** Another node took the status away, or set it anew: this one forgets it, unless it has it again. */
  replaced(user: string, device: string): void;
  /** Messages that said so may have been lost: asks the store about each. */
  afterGap(): void;
  /** Applies what is held back, and ends the timers; the leases stay for the next life of the process. */
  stop(): Promise<void>;
  readonly size: number;
};

/** Devices that no connection holds: a status set over HTTP, for a time. */
export function createLeases(context: NodeContext): Leases {
  const { leases } = context;
  const { clock, presence, telemetry } = context.ports;
  let retry: Timer | null = null;
  let stopped = false;

  function leaseOf(user: string, device: string): Lease | undefined {
    return leases.get(user)?.get(device);
  }

  function arm(user: string, device: string, expiresAtMs: number, state: Lease['state'] = 'set'): Lease {
    const before = leaseOf(user, device);
    before?.timer.cancel();
    const pacing = before?.pacing ?? pacingOf(context, user, device);
    const timer = clock.setTimer(Math.max(0, expiresAtMs - clock.nowMs()), () => {
      end(user, device, expiresAtMs).catch((error: unknown) => {
        telemetry.warn('lease_end_failed', { error: String(error) });
        if (leaseOf(user, device) === undefined) arm(user, device, clock.nowMs() + RETRY_UNAVAILABLE_MS);
      });
    });
    const lease: Lease = { timer, pacing, expiresAtMs, state };
    const ofUser = leases.get(user);
    if (ofUser === undefined) leases.set(user, new Map([[device, lease]]));
    else ofUser.set(device, lease);
    return lease;
  }

  /**
   * Takes a device's lease away, behind the change that is held back: a session may have the device too, and its state.
   *
   * @param dueMs when it ran out by what this node knows: another node may have been asked for a longer one
   */
  async function end(user: string, device: string, dueMs?: number): Promise<void> {
    const lease = disarm(context, user, device);
    if (lease !== undefined && lease.pacing.by !== null) {
      await applyHeld(context, lease);
      // Set anew meanwhile: what comes now would take that away.
      if (leaseOf(user, device) !== undefined) return;
    }
    await presence.leave(user, device, null, dueMs);
  }

  function settled(user: string, device: string, lease: Lease): void {
    const doubted = lease.state === 'doubted';
    lease.state = 'set';
    if (doubted) replaced(user, device);
  }

  /** Else it counted here against what the user may have, and would be put back into a store that came back empty. */
  async function forgetReplaced(user: string, device: string): Promise<void> {
    const lease = leaseOf(user, device);
    if (lease !== undefined && lease.state !== 'set') {
      lease.state = 'doubted';
      return;
    }
    if (await presence.keeps(user, device)) return;
    // Set anew meanwhile, it is another.
    if (lease !== undefined && leaseOf(user, device) === lease) disarm(context, user, device);
  }

  /** One behind the other: there may be many. */
  async function checkAll(): Promise<void> {
    const all = [...leases].flatMap(([user, ofUser]) =>
      [...ofUser.keys()].map((device) => ({ user, device })),
    );
    for (const { user, device } of all) await forgetReplaced(user, device);
  }

  /** Where the store could not be asked, it is asked about all of them a moment later. */
  function untilAnswered(asking: Promise<void>): void {
    asking.catch((error: unknown) => {
      if (stopped) return;
      telemetry.warn('status_unchecked', { error: String(error) });
      retry ??= clock.setTimer(RETRY_UNAVAILABLE_MS, () => {
        retry = null;
        untilAnswered(checkAll());
      });
    });
  }

  function replaced(user: string, device: string): void {
    untilAnswered(forgetReplaced(user, device));
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
        const ofUser = leases.get(user);
        return ofUser !== undefined && !ofUser.has(device) && ofUser.size >= leasesPerUser;
      };
      return run(context, async () => {
        const { directory } = context.ports;
        if (!(await directory.hasUser(user))) return unknownUser(user);
        // Checked and taken in one step: others set a status at the same time.
        if (full()) return failed('limit_reached', `statuses of one user held over HTTP: ${leasesPerUser}`);
        const expiresAtMs = clock.nowMs() + ttlMs;
        const lease = arm(user, device, expiresAtMs, 'setting');
        try {
          await setHttpStatus(context, lease.pacing, { user, device, expiresAtMs }, read.patch);
        } finally {
          settled(user, device, lease);
        }
        if (await directory.hasUser(user)) return succeed(read.patch);
        // Erased meanwhile: what was just written must not outlive them.
        disarm(context, user, device);
        await presence.erase(user);
        return unknownUser(user);
      });
    },
    async clearStatus(user, device) {
      return (
        invalidUser(user) ??
        run(context, async () => {
          const lease = leaseOf(user, device);
          try {
            await end(user, device);
          } catch (error) {
            // Whether it is gone nobody knows: where it is not, it ends when it runs out.
            if (lease !== undefined && leaseOf(user, device) === undefined) {
              arm(user, device, lease.expiresAtMs);
              replaced(user, device);
            }
            throw error;
          }
          return succeed(undefined);
        })
      );
    },
    restore(kept) {
      for (const { user, device, expiresAtMs } of kept) arm(user, device, expiresAtMs);
    },
    replaced,
    afterGap: () => untilAnswered(checkAll()),
    async stop() {
      stopped = true;
      retry?.cancel();
      retry = null;
      const held: Promise<void>[] = [];
      for (const [user, ofUser] of leases) {
        for (const device of [...ofUser.keys()]) {
          const lease = disarm(context, user, device);
          if (lease !== undefined) held.push(applyHeld(context, lease));
        }
      }
      await Promise.all(held);
    },
    get size() {
      let size = retry === null ? 0 : 1;
      for (const ofUser of leases.values()) size += ofUser.size;
      return size;
    },
  };
}

/** Forgets a user's leases without telling the store, which is told by whoever asks for this. */
export function forgetLeases(context: NodeContext, user: string): void {
  for (const device of [...(context.leases.get(user)?.keys() ?? [])]) {
    const lease = disarm(context, user, device);
    if (lease !== undefined) forgetHeldHttpStatus(context, lease.pacing);
  }
}

function disarm({ leases }: NodeContext, user: string, device: string): Lease | undefined {
  const ofUser = leases.get(user);
  const lease = ofUser?.get(device);
  lease?.timer.cancel();
  ofUser?.delete(device);
  if (ofUser?.size === 0) leases.delete(user);
  return lease;
}
