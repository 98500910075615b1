import { offlineRecord } from '../../core/presence/aggregate.ts';
import type { Directory } from '../../ports/directory.ts';
import type {
  ActingSession,
  DeviceHolder,
  DevicePatch,
  PresenceStore,
  ReplacedStatus,
} from '../../ports/presence.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import { readKeeper, readRecord, readState } from './device-text.ts';
import { type HeldUser, forgetDevices, heldDevice, holdDevice, releaseDevice } from './held-user.ts';
import type { Holders } from './holders.ts';
import type { Keys } from './keys.ts';
import type { Missing } from './missing.ts';
import type { RedisLink, Reply } from './redis-link.ts';
import { pairsOf } from './reply-values.ts';
import type { RedisSessions } from './sessions.ts';
import { recordKey, userKeys } from './user-keys.ts';
import { type UserScripts, loadUserScript } from './user-scripts.ts';

const JOIN = loadUserScript('presence-join');
const UPDATE = loadUserScript('presence-update');
const LEAVE = loadUserScript('presence-leave');
const ERASE = loadUserScript('presence-erase');

export type RedisPresenceOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly scripts: UserScripts;
  readonly holders: Holders;
  readonly missing: Missing;
  readonly sessions: Pick<RedisSessions, 'letGo'>;
  /** Numbers what this node sends about holders. */
  readonly nextChange: () => number;
  readonly lastSeen: Pick<Directory, 'lastSeen'>;
  /** Told of statuses that another node looks after, which is to be sent a message; not awaited. */
  readonly onReplaced: (status: ReplacedStatus) => void;
};

/**
 * Presence that all nodes share, in Redis. Each change is one script, which publishes it where others see a difference. A
 * session may hold a device only as long as the store has it, in the generation that asks.
 */
export function createRedisPresence(options: RedisPresenceOptions): PresenceStore {
  const { link, keys, scripts, holders, missing, sessions, nextChange, lastSeen, onReplaced } = options;

  /** Redis knows nothing of the session. Where it lives here, Redis lost it; else it is over. */
  function putBackWhereOurs(user: string, { session, generation }: ActingSession): void {
    if (!holders.lives(session, generation) || holders.session(session)?.user !== user) return;
    missing.note(user);
    throw storeUnavailable('Redis has lost a session, which is put back');
  }

  function argsOf(device: string, patch: DevicePatch): readonly string[] {
    return [device, patch.s ?? '', JSON.stringify(patch.fields), String(nextChange())];
  }

  /** Until the answer comes nobody knows whether the status holds: then the node is the one that looks after it. */
  function keepLease(held: HeldUser, device: string, holder: DeviceHolder): void {
    if (holder.kind === 'lease') holdDevice(held, device, null, { leaseUntilMs: holder.expiresAtMs });
  }

  function tellKeeper(node: Reply | undefined, user: string, device: string): void {
    if (typeof node === 'string' && node !== holders.node) onReplaced({ node, user, device });
  }

  return {
    async join(user, device, holder, patch) {
      const held = holders.enter(user);
      try {
        keepLease(held, device, holder);
        const by =
          holder.kind === 'session'
            ? [holder.session, String(holder.generation)]
            : ['', String(holder.expiresAtMs)];
        const args = [...argsOf(device, patch), ...by, holders.node];
        const reply = await holders.noted(held, () => scripts.run(JOIN, user, args));
        const [code, state, shown, record, keeper] = reply;
        tellKeeper(keeper, user, device);
        if (code === -1 && holder.kind === 'session') putBackWhereOurs(user, holder);
        if (code !== 1 || typeof state !== 'string') return null;
        holdDevice(
          held,
          device,
          state,
          holder.kind === 'session' ? holder : { leaseUntilMs: holder.expiresAtMs },
        );
        if (typeof record === 'string') held.record = record;
        scripts.shown(shown, held);
        return readState(state);
      } finally {
        holders.exit(held);
      }
    },
    async update(user, device, by, patch) {
      const acting = by === null ? ['', ''] : [by.session, String(by.generation)];
      const args = [...argsOf(device, patch), ...acting, holders.node];
      const held = holders.enter(user);
      try {
        const [code, state, shown] = await scripts.run(UPDATE, user, args);
        if (code === -1 && by !== null) putBackWhereOurs(user, by);
        const known = heldDevice(held, device);
        if (known !== undefined && typeof state === 'string') known.state = state;
        scripts.shown(shown, held);
      } finally {
        holders.exit(held);
      }
    },
    async leave(user, device, session, dueMs) {
      // The end of a session lets go of its device in the same step.
      if (session !== null && sessions.letGo(session)) return;
      const due = dueMs === undefined ? '' : String(dueMs);
      const held = holders.enter(user);
      try {
        const args = [device, session ?? '', holders.node, String(nextChange()), due];
        const [shown, stays, keeper] = await scripts.run(LEAVE, user, args);
        tellKeeper(keeper, user, device);
        const untilMs = heldDevice(held, device)?.leaseUntilMs ?? null;
        // One that stays was set anew: here, or over another node, which looks after it from then on.
        const elsewhere = untilMs !== null && dueMs !== undefined && untilMs <= dueMs;
        if (stays !== 1 || elsewhere) releaseDevice(held, device, session);
        scripts.shown(shown, held);
      } finally {
        holders.exit(held);
      }
    },
    async keeps(user, device) {
      const { devices } = userKeys(keys, user);
      const held = holders.enter(user);
      try {
        const before = heldDevice(held, device)?.leaseUntilMs ?? null;
        const text = await link.command(devices, 'HGET', devices, device);
        if (typeof text === 'string' && readKeeper(text) === holders.node) return true;
        // One that was set meanwhile is another.
        if (before === (heldDevice(held, device)?.leaseUntilMs ?? null)) releaseDevice(held, device, null);
        return false;
      } finally {
        holders.exit(held);
      }
    },
    async read(users) {
      const texts = await link.getMany(users.map((user) => recordKey(keys, user)));
      const unknown = users.filter((_, i) => typeof texts[i] !== 'string');
      const seen = unknown.length === 0 ? null : await lastSeen.lastSeen(unknown);
      return users.map((user, i) => {
        const text = texts[i];
        if (typeof text === 'string') return readRecord(text);
        const ms = seen?.get(user) ?? null;
        // The version that the last change had, to the millisecond: whoever resumes with an older stamp learns of it.
        return offlineRecord(user, ms, ms === null ? 0 : ms * 1000);
      });
    },
    async devicesOf(user) {
      const { devices } = userKeys(keys, user);
      const reply = await link.command(devices, 'HGETALL', devices);
      return Object.fromEntries(pairsOf(reply).map(([device, text]) => [device, readState(text)]));
    },
    async erase(user) {
      const [shown] = await scripts.run(ERASE, user, []);
      const held = holders.get(user);
      if (held !== undefined) {
        const kept = holders.enter(user);
        forgetDevices(kept);
        holders.exit(kept);
      }
      // No last seen is written: it would bring back a trace of somebody who is to leave none.
      scripts.told(shown);
    },
    /** Statuses outlive the nodes here: those of a dead one are taken over by who sweeps it. */
    leases: () => Promise.resolve([]),
  } satisfies PresenceStore;
}
