import type { PresenceRecord } from '../ports/presence.ts';
import { inboxTopic, presenceTopic } from '../ports/broker.ts';
import type { NodeContext } from './context.ts';
import type { RealtimeNode } from './node-api.ts';
import { forgetLeases } from './leases.ts';
import { failed, invalidUser, run, stamp, succeed, unknownUser } from './outcome.ts';
import { inTurns } from './turns.ts';

type Users = Pick<RealtimeNode, 'presenceOf' | 'eraseUser' | 'exportUser'>;

export function createUsers(context: NodeContext): Users {
  const { directory, presence, sessions, broker } = context.ports;

  async function recordOf(user: string): Promise<PresenceRecord | undefined> {
    const [record] = await presence.read([user]);
    return record;
  }

  return {
    async presenceOf(user) {
      return (
        invalidUser(user) ??
        run(context, async () => {
          if (!(await directory.hasUser(user))) return unknownUser(user);
          const record = await recordOf(user);
          return record === undefined ? failed('unavailable', 'no record') : succeed(record);
        })
      );
    },

    /** Sessions first, so that nothing writes the user back; then presence; then the edges, whose viewers are told. */
    async eraseUser(user) {
      return (
        invalidUser(user) ??
        run(context, async () => {
          if (!(await directory.hasUser(user))) return unknownUser(user);
          // All of them: any may look after an HTTP status of the user, and would put it back into a store that forgot.
          const others = context.cluster?.operations.others() ?? [];
          for (const session of await sessions.sessionsOf(user))
            await sessions.end(session.id, session.generation);
          const end = { kind: 'end', user, reason: 'user_erased', tokenId: null } as const;
          await broker.publish(inboxTopic(user), end);
          // Before the user is forgotten: so it can be asked for again.
          if (others.length > 0 && (await context.cluster?.operations.makeSure(others, end)) === false)
            return failed('unavailable', 'a node that may hold something of the user does not answer');
          forgetLeases(context, user);
          await presence.erase(user);
          const followers = await directory.erase(user, stamp(context));
          // An HTTP status that was being set, for a user who was still known, may have come after the first time.
          forgetLeases(context, user);
          await presence.erase(user);
          await broker.publish(presenceTopic(user), { kind: 'edge', viewer: user, user });
          for await (const slice of inTurns(context, followers)) {
            await Promise.all(
              slice.map(async (viewer) => broker.publish(inboxTopic(viewer), { kind: 'edge', viewer, user })),
            );
          }
          // A login that began before the edges were gone may have read them, and its session is not among the first.
          await broker.publish(inboxTopic(user), end);
          return succeed(undefined);
        })
      );
    },

    async exportUser(user) {
      return (
        invalidUser(user) ??
        run(context, async () => {
          const kept = await directory.export(user);
          const record = await recordOf(user);
          if (kept === null || record === undefined) return unknownUser(user);
          const devices = await presence.devicesOf(user);
          const open = await sessions.sessionsOf(user);
          return succeed({ ...kept, presence: record, devices, sessions: open.length });
        })
      );
    },
  };
}
