import { CAUSE_MS, type Lease, type WorldModel, leaseKey } from '../model/world-model.ts';
import type { EdgeKind } from '../model/roster.ts';
import { type DeviceWrite, settleWrite } from '../model/devices.ts';
import type { OwnPatch } from '../clients/sim-client.ts';
import type { ApiCall } from './api-caller.ts';

// Each call tells the model what is asked for, and what was acknowledged.

export function editEdge(model: WorldModel, kind: EdgeKind, a: string, b: string, to: boolean): ApiCall {
  const { roster } = model;
  return {
    about: `${kind} ${a} ${b}`,
    name: `${to ? '' : 'not '}${kind} ${a} ${b}`,
    begin: () => roster.begin(kind, a, b, to),
    run(node) {
      switch (kind) {
        case 'follow':
          return to ? node.follow(a, b) : node.unfollow(a, b);
        case 'block':
          return to ? node.block(a, b) : node.unblock(a, b);
        case 'close':
          return node.setClose(a, b, to);
      }
    },
    done: () => roster.settle(kind, a, b, to),
    refused: () => roster.abandon(kind, a, b),
  };
}

export function importFollows(model: WorldModel, edges: readonly (readonly [string, string])[]): ApiCall {
  const { roster } = model;
  return {
    about: '*',
    name: `import ${edges.map((edge) => edge.join(' ')).join(', ')}`,
    begin() {
      for (const [a, b] of edges) roster.begin('follow', a, b, true);
    },
    run: (node) => node.importEdges(edges),
    done() {
      for (const [a, b] of edges) roster.settle('follow', a, b, true);
    },
    refused() {
      for (const [a, b] of edges) roster.abandon('follow', a, b);
    },
  };
}

export function refreshRoster(user: string): ApiCall {
  return {
    about: `refresh ${user}`,
    name: `refresh ${user}`,
    begin: () => undefined,
    run: (node) => node.refreshRoster(user),
    done: () => undefined,
    refused: () => undefined,
  };
}

export function setStatus(
  model: WorldModel,
  user: string,
  device: string,
  patch: OwnPatch,
  ttlMs: number,
): ApiCall {
  const { nowMs, leases, causes } = model;
  const key = leaseKey(user, device);
  let write: DeviceWrite | null = null;
  let sent = false;
  let cause: { close(untilMs: number): void } | null = null;

  return {
    about: `status ${key}`,
    name: `status ${key} ${JSON.stringify(patch)} for ${ttlMs} ms`,
    begin() {
      cause = causes.open(user, nowMs(), Infinity);
      write = model.joinNamed(user, device, patch, {});
      leases.set(key, {
        user,
        device: write.device,
        certain: false,
        nodes: new Set(leases.get(key)?.nodes),
        expiresMs: { least: nowMs() + ttlMs, most: Infinity },
      });
    },
    run(node) {
      // Sent again, it is written again: what others wrote since the first time may be replaced by it.
      if (sent) write = model.joinNamed(user, device, patch, {});
      sent = true;
      leases.get(key)?.nodes.add(node);
      return node.setStatus(user, device, patch, ttlMs);
    },
    done() {
      cause?.close(nowMs() + CAUSE_MS);
      if (write !== null) settleWrite(write, nowMs());
      const lease = leases.get(key);
      if (lease === undefined) return;
      lease.certain = true;
      lease.expiresMs = { least: lease.expiresMs.least, most: nowMs() + ttlMs };
    },
    refused() {
      cause?.close(nowMs() + CAUSE_MS);
      leases.delete(key);
    },
  };
}

export function clearStatus(model: WorldModel, user: string, device: string): ApiCall {
  const { nowMs, leases, causes } = model;
  const key = leaseKey(user, device);
  let cause: { close(untilMs: number): void } | null = null;
  const settle = (): void => {
    cause?.close(nowMs() + CAUSE_MS);
    leases.delete(key);
  };
  return {
    about: `status ${key}`,
    name: `clear ${key}`,
    begin() {
      cause = causes.open(user, nowMs(), Infinity);
      const lease: Lease | undefined = leases.get(key);
      if (lease !== undefined) lease.certain = false;
      if (lease !== undefined) model.letGo(lease.device);
    },
    run: (node) => node.clearStatus(user, device),
    done: settle,
    refused: settle,
  };
}

export function eraseUser(model: WorldModel, user: string, onErased: () => void): ApiCall {
  const { nowMs, roster, causes } = model;
  let cause: { close(untilMs: number): void } | null = null;
  const erased = (): void => {
    cause?.close(nowMs() + CAUSE_MS);
    for (const { kind, a, b } of roster.flagsOf(user)) roster.settle(kind, a, b, false);
    model.eraseUser(user);
    onErased();
  };
  return {
    about: '*',
    name: `erase ${user}`,
    begin() {
      cause = causes.open(user, nowMs(), Infinity);
      for (const { kind, a, b } of roster.flagsOf(user)) roster.begin(kind, a, b, false);
      for (const session of model.sessions.of(user)) session.ended = true;
    },
    run: (node) => node.eraseUser(user),
    done: erased,
    // Unknown: somebody whose erasure was under way when the node died is gone by now.
    refused: erased,
  };
}
