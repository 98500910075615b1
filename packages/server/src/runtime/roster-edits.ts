import { isUserId } from '@carillon/protocol';
import { type FollowResult, MAX_IMPORT_EDGES } from '../ports/directory.ts';
import { inboxTopic, presenceTopic } from '../ports/broker.ts';
import type { NodeContext } from './context.ts';
import type { Outcome, RealtimeNode } from './node-api.ts';
import { failed, invalidUser, run, stamp, succeed, unknownUser } from './outcome.ts';
import { RETRY_UNAVAILABLE_MS } from './retry.ts';
import { inTurns, ITEMS_A_TURN, nextTurn } from './turns.ts';

type RosterEdits = Pick<
  RealtimeNode,
  | 'createUser'
  | 'follow'
  | 'unfollow'
  | 'block'
  | 'unblock'
  | 'setClose'
  | 'importEdges'
  | 'rosterOf'
  | 'refreshRoster'
>;

/** Edits of the roster: stored first, then told to the open sessions they concern. */
export function createRosterEdits(context: NodeContext): RosterEdits {
  const { clock, directory, broker } = context.ports;
  const { followsPerUser } = context.settings;

  /**
   * Tells an edge's edit. The viewer's inbox reaches every session of theirs, also one that is still joining; the
   * user's own topic puts it ahead of every later change of that user.
   */
  async function publishEdge(viewer: string, user: string): Promise<void> {
    await Promise.all([
      broker.publish(presenceTopic(user), { kind: 'edge', viewer, user }),
      broker.publish(inboxTopic(viewer), { kind: 'edge', viewer, user }),
    ]);
  }

  /** Viewers whose import is stored and could not be told. */
  const untold = new Set<string>();

  /** Until it succeeds: whoever imports again finds nothing changed, and nobody would ever be told. */
  async function publishRoster(user: string): Promise<void> {
    try {
      await broker.publish(inboxTopic(user), { kind: 'roster', user });
    } catch (error) {
      if (untold.size === 0) clock.setTimer(RETRY_UNAVAILABLE_MS, publishUntold);
      untold.add(user);
      throw error;
    }
  }

  function publishUntold(): void {
    const users = [...untold];
    untold.clear();
    // Each that fails is noted again.
    for (const user of users) publishRoster(user).catch(() => undefined);
  }

  async function edit(
    user: string,
    other: string,
    viewer: string,
    subject: string,
    store: () => Promise<boolean | FollowResult>,
  ): Promise<Outcome<{ readonly changed: boolean }>> {
    const invalid = invalidUser(user) ?? invalidUser(other);
    if (invalid !== undefined) return invalid;
    if (user === other) return failed('self_follow', 'user and other are the same');
    return run(context, async () => {
      if (!(await directory.hasUser(other))) return unknownUser(other);
      await directory.ensureUser(user);
      const stored = await store();
      if (stored === 'limit') return failed('limit_reached', `follows of one user: ${followsPerUser}`);
      const changed = stored === true || stored === 'changed';
      // Also where nothing was left to change: an edit that could not be told is asked for again, and is there already.
      await publishEdge(viewer, subject);
      return succeed({ changed });
    });
  }

  async function editFollow(
    user: string,
    other: string,
    add: boolean,
  ): Promise<Outcome<{ readonly changed: boolean }>> {
    if (context.settings.followsOf !== null)
      return failed('roster_external', 'the roster comes from the followsOf hook');
    return edit(user, other, user, other, () =>
      add
        ? directory.follow(user, other, stamp(context), followsPerUser)
        : directory.unfollow(user, other, stamp(context)),
    );
  }

  return {
    async createUser(user) {
      return (
        invalidUser(user) ?? run(context, async () => succeed({ created: await directory.ensureUser(user) }))
      );
    },
    follow: (user, other) => editFollow(user, other, true),
    unfollow: (user, other) => editFollow(user, other, false),
    // A block takes the other's view of the user away, so the other is the viewer.
    block: (user, other) =>
      edit(user, other, other, user, () => directory.block(user, other, stamp(context))),
    unblock: (user, other) =>
      edit(user, other, other, user, () => directory.unblock(user, other, stamp(context))),
    setClose: (user, other, close) =>
      edit(user, other, other, user, () => directory.setClose(user, other, close, stamp(context))),
    async importEdges(edges) {
      if (edges.length > MAX_IMPORT_EDGES)
        return failed('too_large', `at most ${MAX_IMPORT_EDGES} edges at once`);
      if (context.settings.followsOf !== null)
        return failed('roster_external', 'the roster comes from the followsOf hook');
      return run(context, async () => {
        let read = 0;
        // Not in slices: each edge of a packed list is garbage at once, and thousands in an array would be copied first.
        for (const edge of edges) {
          if (!isUserId(edge[0]) || !isUserId(edge[1]))
            return failed('user_id_invalid', `invalid edge: ${JSON.stringify(edge).slice(0, 200)}`);
          if (++read % ITEMS_A_TURN === 0) await nextTurn(context);
        }
        const { added, users, refused, changed } = await directory.importEdges(
          edges,
          stamp(context),
          followsPerUser,
        );
        let refusal: PromiseRejectedResult | undefined;
        for await (const slice of inTurns(context, changed)) {
          // All of them, whatever becomes of one.
          const told = await Promise.allSettled(slice.map(publishRoster));
          refusal ??= told.find((result) => result.status === 'rejected');
        }
        if (refusal !== undefined) throw refusal.reason;
        return succeed({ added, users, refused });
      });
    },
    async rosterOf(user) {
      return (
        invalidUser(user) ??
        run(context, async () => {
          if (!(await directory.hasUser(user))) return unknownUser(user);
          return succeed((await directory.rosterOf(user)).map((edge) => edge.user));
        })
      );
    },
    async refreshRoster(user) {
      return (
        invalidUser(user) ??
        run(context, async () => {
          await broker.publish(inboxTopic(user), { kind: 'roster', user });
          return succeed(undefined);
        })
      );
    },
  };
}
