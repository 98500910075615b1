import type { Broker, Directory, Journal, PresenceStore, SessionStore } from '@carillon/server/simulation';
import type { Random } from '../random.ts';
import type { Owner, VirtualTime } from '../time/virtual-time.ts';
import type { Calls } from './calls.ts';
import type { Disk } from './disk.ts';
import { drawMs } from './latencies.ts';

// The real in-process adapters behind a distance: each call takes time, may overtake another where its port lets it,
// and is never answered to a node that died meanwhile.

/** The journal on the simulated disk. */
export function journalOnDisk(journal: Journal, disk: Disk, calls: Calls): Journal {
  return {
    putSession: (session) => calls.atOnce(() => disk.write(() => journal.putSession(session))),
    dropSession: (id) => calls.atOnce(() => disk.drop(() => journal.dropSession(id))),
    putDevice: (device) => calls.atOnce(() => disk.write(() => journal.putDevice(device))),
    dropDevice: (user, device) => calls.atOnce(() => disk.drop(() => journal.dropDevice(user, device))),
    alive(nowMs, stamp) {
      // Not awaited, so a refusal is nobody's: the next beat says the same.
      disk.write(async () => journal.alive(nowMs, stamp)).catch(() => undefined);
    },
    load: () => calls.anytime(() => journal.load()),
  } satisfies Journal;
}

/** The directory on the simulated disk: writes as the journal's, in one order with them; reads whenever. */
export function directoryOnDisk(directory: Directory, disk: Disk, calls: Calls): Directory {
  const write = <T>(change: () => Promise<T>): Promise<T> => calls.atOnce(() => disk.write(change));
  return {
    ensureUser: (user) => write(() => directory.ensureUser(user)),
    hasUser: (user) => calls.anytime(() => directory.hasUser(user)),
    rosterOf: (viewer) => calls.anytime(() => directory.rosterOf(viewer)),
    edgesAmong: (viewer, users) => calls.anytime(() => directory.edgesAmong(viewer, users)),
    edge: (viewer, user) => calls.anytime(() => directory.edge(viewer, user)),
    followersOf: (user) => calls.anytime(() => directory.followersOf(user)),
    changesSince: (viewer, at) => calls.anytime(() => directory.changesSince(viewer, at)),
    follow: (follower, followee, at, limit) => write(() => directory.follow(follower, followee, at, limit)),
    unfollow: (follower, followee, at) => write(() => directory.unfollow(follower, followee, at)),
    block: (user, other, at) => write(() => directory.block(user, other, at)),
    unblock: (user, other, at) => write(() => directory.unblock(user, other, at)),
    setClose: (user, other, close, at) => write(() => directory.setClose(user, other, close, at)),
    importEdges: (edges, at, limit) => write(() => directory.importEdges(edges, at, limit)),
    lastSeen: (users) => calls.anytime(() => directory.lastSeen(users)),
    recordLastSeen: (batch) => write(() => directory.recordLastSeen(batch)),
    erase: (user, at) => write(() => directory.erase(user, at)),
    export: (user) => calls.anytime(() => directory.export(user)),
  } satisfies Directory;
}

export function distantSessions(sessions: SessionStore, calls: Calls): SessionStore {
  return {
    create: (session, most) => calls.inOrder(() => sessions.create(session, most)),
    resume: (request) => calls.inOrder(() => sessions.resume(request)),
    confirm: (id, generation) => calls.inOrder(() => sessions.confirm(id, generation)),
    detach: (id, generation, nowMs) => calls.inOrder(() => sessions.detach(id, generation, nowMs)),
    end: (id, generation) => calls.inOrder(() => sessions.end(id, generation)),
    sessionsOf: (user) => calls.inOrder(() => sessions.sessionsOf(user)),
    restore: () => calls.inOrder(() => sessions.restore()),
  } satisfies SessionStore;
}

export function distantPresence(presence: PresenceStore, calls: Calls): PresenceStore {
  return {
    join: (user, device, holder, state) => calls.inOrder(() => presence.join(user, device, holder, state)),
    update: (user, device, session, patch) =>
      calls.inOrder(() => presence.update(user, device, session, patch)),
    leave: (user, device, session, dueMs) =>
      calls.inOrder(() => presence.leave(user, device, session, dueMs)),
    keeps: (user, device) => calls.inOrder(() => presence.keeps(user, device)),
    read: (users) => calls.inOrder(() => presence.read(users)),
    devicesOf: (user) => calls.inOrder(() => presence.devicesOf(user)),
    erase: (user) => calls.inOrder(() => presence.erase(user)),
    leases: () => calls.inOrder(() => presence.leases()),
  } satisfies PresenceStore;
}

/** Subscribing takes time; what is published to a topic that is not subscribed yet is missed. */
export function distantBroker(
  broker: Broker,
  time: VirtualTime,
  life: Owner,
  random: Random,
  subscribeMs: number,
): Broker {
  const unsubscribed = new Map<string, number>();
  return {
    publish: (topic, message) => broker.publish(topic, message),
    subscribe(topic) {
      if (subscribeMs === 0) return broker.subscribe(topic);
      const before = unsubscribed.get(topic);
      return time.sleep(drawMs(random, subscribeMs), life).then(() => {
        if (unsubscribed.get(topic) === before) return broker.subscribe(topic);
        return undefined;
      });
    },
    unsubscribe(topic) {
      unsubscribed.set(topic, (unsubscribed.get(topic) ?? 0) + 1);
      broker.unsubscribe(topic);
    },
    listen: (listener) => broker.listen(listener),
  } satisfies Broker;
}
