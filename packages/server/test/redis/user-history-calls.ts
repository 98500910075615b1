import type { DeviceState, PresenceStore } from '../../src/ports/presence.ts';
import type { CreateResult, SessionStore } from '../../src/ports/sessions.ts';
import type { Act, Whose } from './user-history.ts';
import type { Model } from './user-history-model.ts';
import type { NodeUnderTest } from './user-store-subjects.ts';

type Stores = { readonly sessions: SessionStore; readonly presence: PresenceStore };

/** A call that the model has answered, to be made of Redis too. */
export type Call = {
  readonly what: string;
  readonly make: (stores: Stores) => Promise<unknown>;
  readonly expected: unknown;
};

type Known = {
  readonly id: string;
  readonly user: string;
  readonly device: string;
  readonly tokens: string[];
  /** Which node has had it, by generation. */
  readonly homes: number[];
};

/** Makes calls out of acts, and asks the model first. */
export function createCalls(model: Model, nodes: readonly NodeUnderTest[]) {
  const known: Known[] = [];
  /** What the calls of this step begin: nobody knows of it before they were answered. */
  const fresh = new Set<string>();
  let serial = 0;

  async function asked(act: Act, make: Call['make']): Promise<Call> {
    return { what: JSON.stringify(act), make, expected: await make(model) };
  }

  /** A session that this node has, or had in the generation before; the newest first. */
  function find(node: number, { session, behind }: Whose): (Known & { readonly generation: number }) | null {
    const its = known.filter(({ id, homes }) => homes.at(-1 - behind) === node && !fresh.has(id));
    const found = its[its.length - 1 - (session % Math.max(1, its.length))];
    return found === undefined ? null : { ...found, generation: found.homes.length - behind };
  }

  async function resume(node: number, act: Extract<Act, { kind: 'resume' }>): Promise<Call | null> {
    const session = known[known.length - 1 - (act.session % Math.max(1, known.length))];
    if (session === undefined) return null;
    const tokenHash = session.tokens.at(-1 - (act.token % session.tokens.length))!;
    const nextTokenHash = `token-${++serial}`;
    const { cluster, steadyMs } = nodes[node]!;
    const request = {
      user: act.as ?? session.user,
      tokenHash,
      nextTokenHash,
      node: cluster.node,
      nowMs: steadyMs(),
    };
    const call = await asked(act, async ({ sessions }) => {
      const result = await sessions.resume(request);
      return result.ok || result.reason !== 'foreign' ? result : { ok: false, reason: 'unknown' };
    });
    if ((call.expected as { ok: boolean }).ok) {
      session.tokens.push(nextTokenHash);
      session.homes.push(node);
      fresh.add(session.id);
    }
    return call;
  }

  async function create(node: number, act: Extract<Act, { kind: 'create' }>): Promise<Call> {
    const { user, device, patch, most } = act;
    const id = `s${++serial}`;
    const tokenHash = `token-${serial}`;
    const { cluster } = nodes[node]!;
    const record = { id, user, device, node: cluster.node, generation: 1, tokenHash };
    const call = await asked(act, async ({ sessions, presence }) => {
      const [created, joined] = await Promise.all([
        sessions.create({ ...record, previousTokenHash: null, detachedAtMs: null }, most),
        presence.join(user, device, { kind: 'session', session: id, generation: 1 }, patch),
      ]);
      return [outcome(created), stateOf(joined)];
    });
    const [made] = call.expected as [{ ok: boolean }];
    fresh.add(id);
    if (made.ok) known.push({ id, user, device, tokens: [tokenHash], homes: [node] });
    return call;
  }

  return {
    answered: () => fresh.clear(),
    /** Null where there is nothing to do it to. */
    async next(node: number, act: Act): Promise<Call | null> {
      const nowMs = nodes[node]!.nowMs();
      switch (act.kind) {
        case 'create':
          return create(node, act);
        case 'resume':
          return resume(node, act);
        case 'set': {
          const { user, device, patch } = act;
          const holder = { kind: 'lease', expiresAtMs: nowMs + act.forMs } as const;
          model.setBy(nodes[node]!.cluster.node, `${user} ${device}`);
          return asked(act, async ({ presence }) =>
            stateOf(await presence.join(user, device, holder, patch)),
          );
        }
        case 'clear': {
          const dueMs = act.dueInMs === null ? undefined : nowMs + act.dueInMs;
          return asked(act, ({ presence }) => presence.leave(act.user, act.device, null, dueMs));
        }
        case 'erase':
          return asked(act, ({ presence }) => presence.erase(act.user));
        default:
          break;
      }
      const session = find(node, act.whose);
      if (session === null) return null;
      const { id, user, device, generation } = session;
      switch (act.kind) {
        case 'join':
          return asked(act, async ({ presence }) =>
            stateOf(
              await presence.join(user, device, { kind: 'session', session: id, generation }, act.patch),
            ),
          );
        case 'update':
          return asked(act, ({ presence }) =>
            presence.update(user, device, { session: id, generation }, act.patch),
          );
        case 'confirm':
          return asked(act, ({ sessions }) => sessions.confirm(id, generation));
        case 'detach': {
          const detachedAtMs = nodes[node]!.steadyMs();
          return asked(act, ({ sessions }) => sessions.detach(id, generation, detachedAtMs));
        }
        case 'end':
          return asked(act, async ({ sessions, presence }) => {
            const ended = await sessions.end(id, generation);
            if (ended) await presence.leave(user, device, id);
            return ended;
          });
      }
    },
  };
}

/** Of several sessions that were left at the same time any may be named. */
function outcome(created: CreateResult): unknown {
  return created.ok ? created : { ok: false, leftAtMs: created.oldestUnheld?.detachedAtMs ?? null };
}

/** Stamps are each store's own. */
function stateOf(state: DeviceState | null): unknown {
  return state === null ? null : { s: state.s, fields: state.fields };
}
