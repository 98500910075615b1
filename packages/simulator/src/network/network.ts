import type { Connection, Link } from '@carillon/server/simulation';
import type { Random } from '../random.ts';
import { type Owner, type VirtualTime, createOwner } from '../time/virtual-time.ts';
import type { Violations } from '../violations.ts';
import { type ClientEnd, type Line, type LineConditions, type WireObserver, createLine } from './line.ts';

/** The node that takes connections at the moment, or null. */
export type Gate = () => { readonly life: Owner; open(connection: Connection): Link } | null;

/** How connecting goes wrong for a while. */
export type Trouble = 'refused' | 'unanswered' | 'slow';

export type Network = {
  /** The client connects; `end` hears how it goes. */
  connect(client: string, end: ClientEnd): Line;
  /** Connections that a node still has, or that are being made. */
  lines(): readonly Line[];
  /** Connecting goes wrong for this long. */
  disturb(trouble: Trouble, forMs: number): void;
  /** From now on nothing goes wrong by itself. */
  calm(): void;
};

export type NetworkParts = {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly gate: Gate;
  readonly observer: WireObserver;
  readonly violations: Violations;
  /** What the lines of a client are like; asked for each. */
  readonly conditions: (client: string, random: Random) => LineConditions;
};

/** A connection that is made slowly takes up to this long. */
const SLOW_CONNECT_MS = 15_000;

export function createNetwork(parts: NetworkParts): Network {
  const { time, gate, conditions } = parts;
  const owner = createOwner('network');
  const lines = new Set<Line>();
  const randoms = new Map<string, Random>();
  let nextId = 0;
  let trouble: { readonly kind: Trouble; readonly untilMs: number } | null = null;

  /** One stream a client: what happens to others moves nothing on their lines. */
  function randomOf(client: string): Random {
    const known = randoms.get(client) ?? parts.random.fork(client);
    randoms.set(client, known);
    return known;
  }

  function arriveAtGate(line: Line, kind: Trouble | null): void {
    const open = gate();
    if (kind === 'refused' || open === null) return line.refuse();
    line.accept(open.life, (connection) => open.open(connection));
  }

  return {
    connect(client, end) {
      const random = randomOf(client);
      const chosen = conditions(client, random);
      const line = createLine({
        ...parts,
        id: ++nextId,
        client,
        owner,
        random,
        conditions: chosen,
        end,
      });
      lines.add(line);
      const kind = trouble !== null && trouble.untilMs > time.nowMs() ? trouble.kind : null;
      const delayMs = random.whole(chosen.delay.leastMs, chosen.delay.mostMs);
      const extraMs = kind === 'slow' ? random.whole(0, SLOW_CONNECT_MS) : 0;
      if (kind !== 'unanswered') time.plan(delayMs + extraMs, owner, () => arriveAtGate(line, kind));
      return line;
    },
    lines() {
      for (const line of lines)
        if (line.life !== null && !line.serverOpen && !line.clientOpen) lines.delete(line);
      return [...lines];
    },
    disturb(kind, forMs) {
      trouble = { kind, untilMs: time.nowMs() + forMs };
    },
    calm() {
      trouble = null;
      for (const line of lines) line.mend();
    },
  };
}
