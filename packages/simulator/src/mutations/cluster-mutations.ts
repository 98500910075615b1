import type { Mutation } from './plant.ts';

const RUNTIME = 'packages/server/src/runtime/';
const MEMORY = 'packages/server/src/adapters/memory/';

/** Bugs of many nodes. Some are those that whoever shares a store makes first; some it found in this server. */
export const clusterMutations = {
  'an older generation changes the device': {
    cluster: true,
    file: `${MEMORY}cluster-presence.ts`,
    find: 'return generation === holder.generation && change > holder.change;',
    replace: 'return true;',
    seed: 35,
  },
  'a swept session keeps its device': {
    cluster: true,
    file: `${MEMORY}cluster-presence.ts`,
    find: '  leaveStored(store, user, device, id, at);',
    replace: '  void [leaveStored, user, device];',
    seed: 14,
  },
  'time that was lost counts as absence': {
    cluster: true,
    file: `${MEMORY}cluster-leases.ts`,
    find: 'if (gapMs > leaseMs) putOff(state, gapMs);',
    replace: 'void [gapMs, leaseMs, putOff];',
    seed: 8,
  },
  'leases are not put off by an outage': {
    cluster: true,
    file: `${MEMORY}cluster-leases.ts`,
    find: 'sweepAtMs: lease.sweepAtMs + gapMs',
    replace: 'sweepAtMs: lease.sweepAtMs',
    seed: 3,
  },
  'a grace goes on through an outage': {
    cluster: true,
    file: `${RUNTIME}ending.ts`,
    find: 'if (leftMs > PUT_OFF_MS) {',
    replace: 'if (leftMs > Infinity) {',
    seed: 13,
  },
  'a node that is cut off keeps its clients': {
    cluster: true,
    file: `${RUNTIME}cluster/cluster-runtime.ts`,
    find: 'for (const link of [...context.links])',
    replace: 'for (const link of [])',
    seed: 27,
  },
  'what is put back replaces what is newer': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: 'if (recalled.state.changedAt > device.state.changedAt) device.state = recalled.state;',
    replace: 'device.state = recalled.state;',
    seed: 62,
  },
  'an older generation is put back': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: 'if (kept === undefined || kept.generation < session.generation || kept.node === node)',
    replace: 'if (session !== undefined)',
    seed: 4,
  },
  'nothing is put back': {
    cluster: true,
    file: `${MEMORY}cluster-lease.ts`,
    find: 'const isNew = incarnation !== null && incarnation !== shared.incarnation;',
    replace: 'const isNew = false;',
    seed: 1,
  },
  'what was put back is not compared': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: 'if (user !== undefined) show(store, user, at);',
    replace: 'void [user, show, at];',
    seed: 4,
  },
  'the index is not written before the session': {
    cluster: true,
    file: `${MEMORY}cluster-sessions.ts`,
    find: 'await line.run(() => addNote(shared.state, node, note));\n          return line.run(() => {',
    replace: 'return line.run(() => {',
    seed: 8,
  },
  "stamps by the node's own clock": {
    cluster: true,
    file: `${MEMORY}cluster.ts`,
    find: 'clock: lease.clock,',
    replace: 'clock,',
    seed: 18,
  },
  'nothing is read again behind a gap': {
    cluster: true,
    file: `${RUNTIME}node.ts`,
    find: 'audit.afterGap();',
    replace: '',
    seed: 18,
  },
  'messages that are lost are never missed': {
    cluster: true,
    file: `${RUNTIME}presence-audit.ts`,
    find: 'stopped = false;\n      note();\n      arm(presenceAuditMs);',
    replace: 'stopped = false;\n      note();',
    seed: 2,
  },
  'a session that went on elsewhere is never missed': {
    cluster: true,
    file: `${RUNTIME}session-audit.ts`,
    find: 'if (!areSessionsShared(sessions)) return;\n      stopped = false;',
    replace: 'if (stopped) return;',
    seed: 396,
  },
  'an older snapshot goes on in its epoch': {
    cluster: true,
    file: `${MEMORY}cluster.ts`,
    find: 'shared.log.again(`run ${runs}`, appended)',
    replace: "shared.log.again('run 1', appended)",
    seed: 2,
  },
  'an edit that could not be told is not told when it is asked for again': {
    cluster: true,
    file: `${RUNTIME}roster-edits.ts`,
    find: '      await publishEdge(viewer, subject);',
    replace: '      if (changed) await publishEdge(viewer, subject);',
    seed: 50,
  },
  'who joins does not say that the channel began anew': {
    cluster: true,
    file: `${RUNTIME}channels/subscribing.ts`,
    find: 'parts.hub.begunAnew(channel, start.top);',
    replace: 'void 0;',
    seed: 420,
  },
} as const satisfies Record<string, Mutation>;
