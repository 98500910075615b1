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
    seed: 14,
  },
  'a swept session keeps its device': {
    cluster: true,
    file: `${MEMORY}cluster-presence.ts`,
    find: 'store.state.sessions.delete(id);\n  leaveStored(store, user, device, id, at);',
    replace: 'store.state.sessions.delete(id);\n  void [leaveStored, user, device, at];',
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
    seed: 13,
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
    seed: 23,
  },
  'whoever took a session does not say so': {
    cluster: true,
    file: `${RUNTIME}login.ts`,
    find: 'if (result.from !== nodeName(context)) tellTaken(context, user, id, generation);',
    replace: '',
    seed: 31,
  },
  'what is put back replaces what is newer': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: 'if (recalled.state.changedAt > device.state.changedAt) device.state = recalled.state;',
    replace: 'device.state = recalled.state;',
    seed: 12,
  },
  'an older generation is put back': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: 'if (kept === undefined || kept.generation < session.generation || kept.node === node)',
    replace: 'if (session !== undefined)',
    seed: 1,
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
    seed: 30,
  },
  'the index is not written before the session': {
    cluster: true,
    file: `${MEMORY}cluster-sessions.ts`,
    find: 'await line.run(() => addNote(shared.state, node, note));\n          return line.run(() => {',
    replace: 'return line.run(() => {',
    seed: 6,
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
    seed: 3,
  },
  'leases as old as the store count': {
    cluster: true,
    file: `${MEMORY}cluster-leases.ts`,
    find: 'else if (lease.sweepAtMs < seenMs)',
    replace: 'else if (seenMs < 0)',
    seed: 153,
  },
} as const satisfies Record<string, Mutation>;
