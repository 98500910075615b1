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
  },
  'sweeping does not ask for the home again': {
    cluster: true,
    file: `${MEMORY}cluster-leases.ts`,
    find: 'if (record?.node === node) {',
    replace: 'if (record !== undefined) {',
  },
  'a swept session keeps its device': {
    cluster: true,
    file: `${MEMORY}cluster-presence.ts`,
    find: 'store.state.sessions.delete(id);\n  leaveStored(store, user, device, id, at);',
    replace: 'store.state.sessions.delete(id);\n  void [leaveStored, user, device, at];',
  },
  'time that was lost counts as absence': {
    cluster: true,
    file: `${MEMORY}cluster-leases.ts`,
    find: 'if (gapMs > leaseMs) putOff(state, gapMs);',
    replace: 'void [gapMs, leaseMs, putOff];',
  },
  'leases are not put off by an outage': {
    cluster: true,
    file: `${MEMORY}cluster-leases.ts`,
    find: 'sweepAtMs: lease.sweepAtMs + gapMs',
    replace: 'sweepAtMs: lease.sweepAtMs',
  },
  'a grace goes on through an outage': {
    cluster: true,
    file: `${RUNTIME}ending.ts`,
    find: 'if (leftMs > PUT_OFF_MS) {',
    replace: 'if (leftMs > Infinity) {',
  },
  'a node that is cut off keeps its clients': {
    cluster: true,
    file: `${RUNTIME}cluster/cluster-runtime.ts`,
    find: 'for (const link of [...context.links])',
    replace: 'for (const link of [])',
  },
  'whoever took a session does not say so': {
    cluster: true,
    file: `${RUNTIME}login.ts`,
    find: 'if (result.from !== nodeName(context)) tellTaken(context, user, id, generation);',
    replace: '',
  },
  'what is put back replaces what is newer': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: 'if (recalled.state.changedAt > device.state.changedAt) device.state = recalled.state;',
    replace: 'device.state = recalled.state;',
  },
  'an older generation is put back': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: 'if (kept === undefined || kept.generation < session.generation || kept.node === node)',
    replace: 'if (session !== undefined)',
  },
  'putting back is published': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: '    users.add(device.user);\n    putBackDevice(store, node, device);',
    replace:
      '    users.add(device.user);\n    putBackDevice(store, node, device);\n    const shown = state.users.get(device.user);\n    if (shown !== undefined) show(store, shown, { nowMs: 0, stamp: 0 });',
  },
  'nothing is put back': {
    cluster: true,
    file: `${MEMORY}cluster-lease.ts`,
    find: 'const isNew = incarnation !== null && incarnation !== shared.incarnation;',
    replace: 'const isNew = false;',
  },
  'what was put back is not compared': {
    cluster: true,
    file: `${MEMORY}cluster-recall.ts`,
    find: 'if (user !== undefined) show(store, user, at);',
    replace: 'void [user, show, at];',
  },
  'the index is not written before the session': {
    cluster: true,
    file: `${MEMORY}cluster-sessions.ts`,
    find: 'await line.run(() => addNote(shared.state, node, note));\n          return line.run(() => {',
    replace: 'return line.run(() => {',
  },
  'the index is cleared for whoever has the session': {
    cluster: true,
    file: `${MEMORY}cluster-state.ts`,
    find: 'if (note.session !== null && sessions.get(note.session)?.node === node) return;',
    replace: 'void sessions;',
  },
  'a resume that was given up is kept': {
    cluster: true,
    file: `${MEMORY}cluster-sessions.ts`,
    find: 'giveBack(request.nextTokenHash);',
    replace: '',
  },
  "stamps by the node's own clock": {
    cluster: true,
    file: `${MEMORY}cluster.ts`,
    find: 'clock: lease.clock,',
    replace: 'clock,',
  },
  'nothing is read again behind a gap': {
    cluster: true,
    file: `${RUNTIME}node.ts`,
    find: 'audit.afterGap();',
    replace: '',
  },
  'messages that are lost are never missed': {
    cluster: true,
    file: `${RUNTIME}presence-audit.ts`,
    find: 'stopped = false;\n      note();\n      arm(presenceAuditMs);',
    replace: 'stopped = false;\n      note();',
  },
  'records that nobody puts back are believed in': {
    cluster: true,
    file: `${RUNTIME}lost-records.ts`,
    find: 'return { ...record, version: known.version + 1 };',
    replace: 'return record;',
  },
  'an older snapshot goes on in its epoch': {
    cluster: true,
    file: `${MEMORY}cluster.ts`,
    find: 'shared.log.again(`run ${runs}`, appended)',
    replace: "shared.log.again('run 1', appended)",
  },
  'an edit that could not be told is not told when it is asked for again': {
    cluster: true,
    file: `${RUNTIME}roster-edits.ts`,
    find: '      await publishEdge(viewer, subject);',
    replace: '      if (changed) await publishEdge(viewer, subject);',
  },
} as const satisfies Record<string, Mutation>;
