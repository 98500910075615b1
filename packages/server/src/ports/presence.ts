import type { Status, VisibleStatus } from '@carillon/protocol';

/** The app's presence fields (activity, project, language …) by name; absent means empty. */
export type PresenceFields = Readonly<Record<string, string>>;

/** What one device says of itself. */
export type DeviceState = {
  readonly s: Status;
  readonly fields: PresenceFields;
  /** When it last changed, as a stamp; breaks ties between devices of equal status. */
  readonly changedAt: number;
};

/** One user's state over all devices, as others may see it. Never tells an invisible user from an offline one. */
export type PresenceRecord = {
  readonly user: string;
  /** Stamp of the last visible change: max(previous + 1, microseconds since the epoch). 0 = never seen. */
  readonly version: number;
  readonly s: VisibleStatus;
  readonly fields: PresenceFields;
  /** When the user was last visibly online, ms since the epoch; null while online or never seen. */
  readonly lastSeenMs: number | null;
};

/** A session in one of its generations. */
export type ActingSession = { readonly session: string; readonly generation: number };

/** Who holds a device open: sessions, or an HTTP status by its time to live. */
export type DeviceHolder =
  | ({ readonly kind: 'session' } & ActingSession)
  | { readonly kind: 'lease'; readonly expiresAtMs: number };

export type DevicePatch = { readonly s?: Status | undefined; readonly fields: PresenceFields };

/** An HTTP status that another node looks after, and that was taken away or set anew over this one. */
export type ReplacedStatus = { readonly node: string; readonly user: string; readonly device: string };

/** A device held by a time to live, for the runtime to arm its timer. */
export type LeasedDevice = { readonly user: string; readonly device: string; readonly expiresAtMs: number };

/**
 * The shared truth of who is online. Whoever changes the visible aggregate also publishes it, in the same step.
 *
 * - Every method that changes the aggregate MUST raise the version and publish one `PresenceMessage` on
 *   `presenceTopic(user)`; one that leaves it as it was MUST do neither.
 * - A change by a session MUST be refused (no effect) when that session no longer holds the device, or holds it by a
 *   later generation than the one that asks: what an older connection still sends may not change anything.
 * - A change that was given up because the store did not answer MUST NOT take effect behind a later one of that session.
 * - An empty string in a patch clears the field.
 * - `read` MUST return one record for each user asked, in the order asked; users without devices are `Offline`.
 * - An HTTP status is looked after by the node over which it was set last, or which swept that one. Where another did before, or it
 *   is taken away over another, that node MUST be sent a `StatusMessage`.
 * - Changes MUST be durable at the store's level when the promise resolves. An in-process store MAY make them visible
 *   to followers before.
 */
export interface PresenceStore {
  /**
   * Adds a holder to a device. `state` is taken when the device is new, and applied as a patch when it is not.
   *
   * @returns the device's state after that; null where a later generation of the session holds it, and nothing was changed
   * @throws {StoreUnavailable} where the store has lost the session, which is put back first: a device that began anew would show
   *   the user as they are not
   */
  join(user: string, device: string, holder: DeviceHolder, state: DevicePatch): Promise<DeviceState | null>;
  /** Changes a device. `by` is the acting session, or null for a lease. */
  update(user: string, device: string, by: ActingSession | null, patch: DevicePatch): Promise<void>;
  /**
   * Takes a holder away; the device goes with its last one. `session` null takes the lease away.
   *
   * @param dueMs only a lease that holds no longer than until then: a timer ran out, and it may have been set anew over
   *   another node
   */
  leave(user: string, device: string, session: string | null, dueMs?: number): Promise<void>;
  /**
   * Whether this node is the one that looks after a device's HTTP status. Where it is not, it forgets here what it would put back
   * into a store that came back empty.
   */
  keeps(user: string, device: string): Promise<boolean>;
  read(users: readonly string[]): Promise<readonly PresenceRecord[]>;
  /** The devices of one user, for export. */
  devicesOf(user: string): Promise<Readonly<Record<string, DeviceState>>>;
  /**
   * Forgets a user entirely; publishes that they are offline if they were not. Where several nodes share the store, each forgets
   * by this what it would put back into one that came back empty.
   */
  erase(user: string): Promise<void>;
  /** Devices whose holder is a time to live, after a restart; none where the store outlives its nodes (`Cluster.sweep`). */
  leases(): Promise<readonly LeasedDevice[]>;
}
