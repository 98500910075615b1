import type { EndMessage, SubscriptionOrder } from '../../ports/broker.ts';
import type { SessionRecord } from '../../ports/sessions.ts';
import type { SessionInfo } from '../channels/channels-api.ts';
import type { Asking, AskTarget, RawAnswer } from '../channels/asking-face.ts';
import type { NodeContext } from '../context.ts';
import type { Outcome } from '../operation-outcome.ts';
import { failed, run, succeed } from '../outcome.ts';
import type { ClusterOperations, Spread } from './cluster-face.ts';
import type { RelayRequest } from './relay.ts';

/** How long another node may take to answer an operation, ms. Calls to clients take their own time beside it. */
const NODE_TIME_LIMIT_MS = 5_000;

/** The other nodes, as operations see them. */
export type OtherNodes = {
  /** Those that have a lease. */
  live(): readonly string[];
  ask(nodes: readonly string[], request: RelayRequest, timeoutMs: number): Promise<readonly unknown[]>;
};

/**
 * The operations on users and channels over all nodes: each is what this node says, and what the others say that the store
 * names for the user, or all of them.
 *
 * @param local the same operations on this node alone
 * @param obey does what another node had published, and makes sure of; what it returns is waited for
 */
export function createClusterOperations(
  context: NodeContext,
  nodes: OtherNodes,
  local: () => Spread & Pick<Asking, 'collect'>,
  obey: (order: SubscriptionOrder | EndMessage) => void | Promise<void>,
): ClusterOperations {
  const { sessions, cluster } = context.ports;
  const self = cluster?.node ?? '';

  /** Where these sessions are, this node apart. A dead node is named by its records too, until it is swept. */
  function homesOf(records: readonly SessionRecord[]): readonly string[] {
    const live = new Set(nodes.live());
    const named = new Set(records.map(({ node }) => node));
    return [...named].filter((node) => node !== self && live.has(node));
  }

  async function nodesOf(user: string): Promise<readonly string[]> {
    return homesOf(await sessions.sessionsOf(user));
  }

  function others(): readonly string[] {
    return nodes.live().filter((node) => node !== self);
  }

  /** Values of those that answered with one; and how many did not answer. */
  async function values<T>(
    asked: readonly string[],
    op: keyof Spread,
    args: readonly unknown[],
  ): Promise<{ readonly there: readonly T[]; readonly unheard: number }> {
    const answers = await nodes.ask(asked, { op, args }, NODE_TIME_LIMIT_MS);
    const there = answers.flatMap((answer) => {
      const outcome = answer as Outcome<T> | undefined;
      return outcome?.ok === true ? [outcome.value] : [];
    });
    return { there, unheard: answers.filter((answer) => answer === undefined).length };
  }

  function notHeard(): Outcome<never> {
    return failed('unavailable', 'a node that would have to answer does not');
  }

  async function makeSure(asked: readonly string[], order: SubscriptionOrder | EndMessage): Promise<boolean> {
    const answers = await nodes.ask(asked, { op: 'order', args: [order] }, NODE_TIME_LIMIT_MS);
    return !answers.includes(undefined);
  }

  function infoOf(record: SessionRecord, told: ReadonlyMap<string, SessionInfo>): SessionInfo {
    const { id, user, device, detachedAtMs } = record;
    return told.get(id) ?? { session: id, user, device, connected: detachedAtMs === null, channels: [] };
  }

  return {
    async disconnect(user, session) {
      const here = await local().disconnect(user, session);
      if (!here.ok) return here;
      return run(context, async () => {
        const { there, unheard } = await values<{ disconnected: number }>(
          await nodesOf(user),
          'disconnect',
          session === undefined ? [user] : [user, session],
        );
        if (unheard > 0) return notHeard();
        return succeed({
          disconnected: there.reduce((sum, { disconnected }) => sum + disconnected, here.value.disconnected),
        });
      });
    },

    async sessionsOf(user) {
      const here = await local().sessionsOf(user);
      if (!here.ok) return here;
      return run(context, async () => {
        const records = await sessions.sessionsOf(user);
        const { there } = await values<readonly SessionInfo[]>(homesOf(records), 'sessionsOf', [user]);
        const told = new Map<string, SessionInfo>();
        // A session that went on elsewhere is known for a while to the node it left: who has its connection knows better.
        for (const info of [...here.value, ...there.flat()])
          if (info.connected || !told.has(info.session)) told.set(info.session, info);
        return succeed(records.map((record) => infoOf(record, told)));
      });
    },

    async session(id) {
      const here = await local().session(id);
      if (here.ok && here.value.connected) return here;
      return run(context, async () => {
        const { there, unheard } = await values<SessionInfo>(others(), 'session', [id]);
        const found = there.find(({ connected }) => connected) ?? there[0];
        if (found !== undefined) return succeed(found);
        return unheard > 0 ? notHeard() : here;
      });
    },

    async channels(after, limit) {
      const here = await local().channels(after, limit);
      if (!here.ok) return here;
      return run(context, async () => {
        const { there, unheard } = await values<typeof here.value>(others(), 'channels', [after, limit]);
        if (unheard > 0) return notHeard();
        const pages = [here.value, ...there];
        // Plain comparison: by UTF-16 units, as each node's own page is.
        const names = [...new Set(pages.flatMap(({ channels }) => channels))].sort((a, b) =>
          a < b ? -1 : 1,
        );
        const page = names.slice(0, limit);
        const more = names.length > limit || pages.some(({ next }) => next !== null);
        return succeed({ channels: page, next: more ? (page.at(-1) ?? null) : null });
      });
    },

    async channelInfo(channel) {
      const here = await local().channelInfo(channel);
      if (!here.ok) return here;
      return run(context, async () => {
        const { there, unheard } = await values<typeof here.value>(others(), 'channelInfo', [channel]);
        if (unheard > 0) return notHeard();
        const subscribers = there.reduce((sum, info) => sum + info.subscribers, here.value.subscribers);
        return succeed({ ...here.value, subscribers });
      });
    },

    async unsubscribeUser(user, channel) {
      const here = await local().unsubscribeUser(user, channel);
      if (!here.ok) return here;
      return run(context, async () => {
        const sure = await makeSure(await nodesOf(user), {
          kind: 'subscription',
          user,
          channel,
          grant: null,
        });
        return sure ? here : notHeard();
      });
    },

    async recheckRole(user, channel) {
      // All nodes, for any of them may keep what the app's callback said of the user.
      const [here, there] = await Promise.all([
        local().recheckRole(user, channel),
        nodes.ask(others(), { op: 'recheckRole', args: [user, channel] }, NODE_TIME_LIMIT_MS),
      ]);
      if (!here.ok) return here;
      const told = there as readonly (Outcome | undefined)[];
      if (told.includes(undefined)) return notHeard();
      return told.find((outcome) => outcome?.ok === false) ?? here;
    },

    others,
    nodesOf,
    makeSure,

    async collectElsewhere(target: AskTarget, name, input, timeoutMs) {
      const asked = 'user' in target ? await nodesOf(target.user) : others();
      // Whoever is connected here is asked here, and is nowhere else.
      if ('session' in target && context.sessions.get(target.session)?.link?.phase === 'live') return [];
      const request = { op: 'collect', args: [target, name, input, timeoutMs] };
      const answers = await nodes.ask(asked, request, timeoutMs + NODE_TIME_LIMIT_MS);
      return answers.flatMap((answer) => (answer as readonly RawAnswer[] | undefined) ?? []);
    },

    async serve({ op, args }) {
      const own = local();
      switch (op) {
        case 'disconnect':
          return own.disconnect(...(args as Parameters<Spread['disconnect']>));
        case 'sessionsOf':
          return own.sessionsOf(...(args as Parameters<Spread['sessionsOf']>));
        case 'session':
          return own.session(...(args as Parameters<Spread['session']>));
        case 'channels':
          return own.channels(...(args as Parameters<Spread['channels']>));
        case 'channelInfo':
          return own.channelInfo(...(args as Parameters<Spread['channelInfo']>));
        case 'recheckRole':
          return own.recheckRole(...(args as Parameters<Spread['recheckRole']>));
        case 'order':
          await obey(args[0] as SubscriptionOrder | EndMessage);
          return true;
        case 'collect':
          return own.collect(...(args as Parameters<Asking['collect']>));
        default:
          throw new Error(`an operation this version does not know: ${op}`);
      }
    },
  };
}
