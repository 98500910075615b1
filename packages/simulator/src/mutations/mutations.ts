import { channelMutations } from './channel-mutations.ts';
import { clusterMutations } from './cluster-mutations.ts';
import type { Mutation } from './plant.ts';

const CORE = 'packages/server/src/core/';
const RUNTIME = 'packages/server/src/runtime/';
const MEMORY = 'packages/server/src/adapters/memory/';
const CLIENT = 'packages/client/src/core/';

/**
 * Bugs that the simulator is trusted for because it finds each of them. Some are those that whoever writes such a server makes
 * first; some it found in this one.
 */
export const mutations = {
  ...channelMutations,
  ...clusterMutations,
  'an older generation may end the session': {
    file: `${CORE}session/resume.ts`,
    find: 'return record !== undefined && record.generation === generation;',
    replace: 'return record !== undefined;',
    seed: 204,
  },
  'rotation without overlap': {
    file: `${CORE}session/resume.ts`,
    find: 'previousTokenHash: request.tokenHash,',
    replace: 'previousTokenHash: null,',
  },
  'the presented token is not the one kept': {
    file: `${CORE}session/resume.ts`,
    find: 'previousTokenHash: request.tokenHash,',
    replace: 'previousTokenHash: record.tokenHash,',
    seed: 14,
  },
  'downtime counts as absence': {
    file: `${CORE}session/resume.ts`,
    find: 'detachedAtMs: nowMs - usedMs',
    replace: 'detachedAtMs: record.detachedAtMs ?? aliveAtMs ?? nowMs - usedMs',
    seed: 4,
  },
  'a block is published late': {
    file: `${RUNTIME}roster-edits.ts`,
    find: 'await publishEdge(viewer, subject);\n      return succeed({ changed });',
    replace:
      'context.ports.clock.setTimer(300, () => void publishEdge(viewer, subject));\n      return succeed({ changed });',
  },
  'an edge that is read again stays open': {
    file: `${RUNTIME}viewing.ts`,
    find: 'if (watchList.viewOf(link, user) !== undefined) watchList.watch(link, user, 0);',
    replace: 'watchList.viewOf(link, user);',
    seed: 3,
  },
  'grace forgotten': {
    file: `${RUNTIME}ending.ts`,
    find: 'session.detachedAtMs = steadyMs();\n  if (context.sessions.get(session.id) === session) context.grace.add(session);',
    replace:
      'session.detachedAtMs = steadyMs() - 3_600_000;\n  if (context.sessions.get(session.id) === session) expireSession(context, session);',
  },
  'a delta sync leaves out edited edges': {
    file: `${RUNTIME}login.ts`,
    find: 'watchList.deltaSync(link, since, changes.changed, changes.gone)',
    replace: 'watchList.deltaSync(link, since, [], changes.gone)',
    seed: 42,
  },
  'a delta sync leaves out who is gone': {
    file: `${RUNTIME}login.ts`,
    find: 'watchList.deltaSync(link, since, changes.changed, changes.gone)',
    replace: 'watchList.deltaSync(link, since, changes.changed, [])',
  },
  'no resync after too much was held': {
    file: `${CORE}outbox/outbox.ts`,
    find: 'if (held.friends.size > limits.heldFriends) {\n    held.friends.clear();\n    held.resync = true;',
    replace: 'if (held.friends.size > limits.heldFriends) {\n    held.friends.clear();',
    seed: 44,
  },
  'held changes keep the first state': {
    file: `${CORE}outbox/outbox.ts`,
    find: 'held.friends.set(frame.subject, (before ?? 0) | frame.change);',
    replace: 'held.friends.set(frame.subject, before ?? frame.change);',
    seed: 137,
  },
  'conflation keeps the first change': {
    file: `${CORE}presence/fields.ts`,
    find: '{ s: later.s ?? earlier.s, fields: { ...earlier.fields, ...later.fields } }',
    replace: '{ s: earlier.s ?? later.s, fields: { ...later.fields, ...earlier.fields } }',
    seed: 9,
  },
  'edits during a login are ignored': {
    file: `${RUNTIME}login.ts`,
    find: 'const edited = await settleEdits(context, link, user);',
    replace: 'const edited = false;',
    seed: 3,
  },
  'only the first watcher waits for the subscription': {
    file: `${RUNTIME}viewing.ts`,
    find: 'topics.presencePending(edge.user)',
    replace: 'undefined',
    seed: 805,
  },
  'versions do not rise with a restart': {
    file: `${MEMORY}presence-restart.ts`,
    find: 'nextRecord(offlineRecord(name, null), visible, stamps.next(nowMs), nowMs)',
    replace: 'nextRecord(offlineRecord(name, null), visible, 1, nowMs)',
    seed: 63,
  },
  'a closed connection goes on watching': {
    file: `${RUNTIME}ending.ts`,
    find: '  unwatchAll(context, link);\n',
    replace: '',
  },
  'stamps follow the wall clock back': {
    file: `${CORE}presence/stamp.ts`,
    find: 'last = Math.max(last + 1, wall);',
    replace: 'last = wall;',
    seed: 3,
  },
  'one invisible device hides only itself': {
    file: `${CORE}presence/aggregate.ts`,
    find: "if (device.s === 'Invisible') return OFFLINE;",
    replace: "if (device.s === 'Invisible') continue;",
  },
  'an invisible user who leaves was last seen then': {
    file: `${MEMORY}presence.ts`,
    find: 'users.delete(user.user);\n      return undefined;',
    replace:
      'users.delete(user.user);\n      return user.devices.size > 0 ? undefined : lastSeen.recordLastSeen([{ user: user.user, ms: nowMs() }]);',
    form: 'absent',
  },
  'missed heartbeats end nothing': {
    file: `${CORE}session/heartbeat.ts`,
    find: "return pulse.misses >= MISSES_TO_END ? 'dead' : 'missed';",
    replace: "return 'missed';",
    seed: 61,
  },
  'the grace goes on after a resume': {
    file: `${RUNTIME}login.ts`,
    find: '  context.grace.remove(session);\n',
    replace: '',
  },
  'a line that drops during a resume keeps its session': {
    file: `${RUNTIME}login.ts`,
    find: '        leaveSession(context, link);\n        return null;',
    replace: '        return null;',
    seed: 52,
  },
  'what a slow reader is owed is told as it was': {
    file: `${RUNTIME}viewing.ts`,
    find: 'context.flusher.send(link, syncFrame(context.watchList.fullSync(link)));',
    replace: 'context.flusher.send(link, controlFrame(context.watchList.fullSync(link)));',
    seed: 448,
  },
  'acknowledged before it is written': {
    file: `${MEMORY}presence.ts`,
    find: 'device.state = state;\n      const gone = show(user, stamp);\n      await both(gone, devices.write(name, deviceName));\n    },\n    async leave',
    replace:
      'device.state = state;\n      const gone = show(user, stamp);\n      void both(gone, devices.write(name, deviceName)).catch(() => undefined);\n    },\n    async leave',
    seed: 589,
  },
  'fields for close friends reach all followers': {
    file: `${CORE}presence/visibility.ts`,
    find: "(audience.rules[part] ?? 'followers') === 'followers' || edge.close",
    replace: 'part.length > 0 || edge.close',
  },
  'the client forgets a change that was not answered': {
    file: `${CLIENT}own-status.ts`,
    find: 'pending: { ...own.sent.patch, ...own.pending },',
    replace: 'pending: own.pending,',
    seed: 36,
  },
  'a client that moves to another line forgets what was not answered': {
    file: `${CLIENT}login.ts`,
    find: '  dropLine(step);\n  const socket = nextId(step);',
    replace:
      "  const left = step.state.phase;\n  if (left.name === 'live') step.effects.push({ do: 'closeSocket', socket: left.socket });\n  const socket = nextId(step);",
  },
} as const satisfies Readonly<Record<string, Mutation>>;

export type MutationName = keyof typeof mutations;

export function isMutationName(name: string): name is MutationName {
  return Object.hasOwn(mutations, name);
}
