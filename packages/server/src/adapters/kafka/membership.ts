import type { Consumer } from '@platformatic/kafka';
import { asksToRejoin } from './kafka-error.ts';
import type { Pauses } from './pauses.ts';
import type { Troubles } from './troubles.ts';

/** Partitions by topic, as the group gave them to this node. */
export type Assignment = { readonly topic: string; readonly partitions: readonly number[] };

/** Being one of the consumer group, whatever becomes of its coordinator. */
export type Membership = {
  /** Null while there is none. */
  member(): Consumer | null;
  /** Joins, and joins again, until `leave`. */
  run(): Promise<void>;
  leave(): Promise<void>;
};

export type MembershipDeps = {
  openMember(): Consumer;
  readonly troubles: Troubles;
  readonly pauses: Pauses;
  explain(error: unknown): string;
  /** The group is about to be divided anew: the last moment to commit as the old member. */
  onRebalance(): void;
  /** @param stayed false: it was out of the group between, and others may have had what it has now */
  onAssigned(assignments: readonly Assignment[], stayed: boolean): void;
  /** It is out of the group. */
  onOut(): void;
};

export function createMembership(deps: MembershipDeps): Membership {
  const { openMember, troubles, pauses, explain, onRebalance, onAssigned, onOut } = deps;
  let current: Consumer | null = null;
  let left = false;
  let fail: (error: unknown) => void = () => undefined;

  /** Joins and stays; resolves once this member is of no use any more. */
  async function live(member: Consumer): Promise<void> {
    let memberId: string | null = null;
    let attempt = 0;
    let stalled = false;
    member.on('consumer:group:rebalance', onRebalance);
    member.on('consumer:group:join', (joined) => {
      attempt = 0;
      troubles.clear('group');
      const stayed = memberId === joined.memberId;
      memberId = joined.memberId;
      onAssigned(joined.assignments ?? [], stayed);
    });
    member.on('consumer:heartbeat:end', () => troubles.clear('group'));
    member.on('consumer:heartbeat:error', ({ error }) => say(error));
    // No sign of life got through for long, or joining hangs: a new member knows nothing of what this one waits for.
    member.on('consumer:heartbeat:stalled', ({ lastError }) => {
      stalled = true;
      fail(lastError ?? new Error('the coordinator of the group does not answer'));
    });
    // Joining again, which the driver does by itself, has failed: it does not try another time.
    member.on('error', (error: unknown) => fail(error));
    while (!left && !stalled) {
      const failed = new Promise<unknown>((resolve) => {
        fail = resolve;
      });
      const error = await Promise.race([
        member.joinGroup({}).then(
          () => failed,
          (reason: unknown) => reason,
        ),
        failed,
      ]);
      if (left) return;
      if (!asksToRejoin(error)) {
        onOut();
        memberId = null;
        say(error);
      }
      if (!(await pauses.backoff(attempt++))) return;
    }
  }

  const say = (error: unknown): void => {
    if (!left) troubles.set('group', 'kafka_group_failed', explain(error));
  };

  return {
    member: () => current,
    async run() {
      while (!left) {
        current = openMember();
        await live(current);
        if (left) return;
        onOut();
        await close(current);
      }
    },
    async leave() {
      left = true;
      fail(null);
      if (current !== null) await close(current);
      current = null;
    },
  };
}

/** Leaves the group where its coordinator can be reached; else the group notices by itself. */
async function close(member: Consumer): Promise<void> {
  try {
    await member.close(true);
  } catch {
    // It is given up either way, and its session at the group runs out.
  }
}
