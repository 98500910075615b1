import type { Clock } from '../../ports/clock.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';

/** How long a name is good that was asked for, ms: who renames themselves is called so by those who join later. */
export const NAME_FRESH_MS = 30_000;

/** Names that are kept; the oldest goes where there is one more. */
export const MAX_KNOWN_NAMES = 10_000;

/** What users are called, wherever their sessions are. */
export type Names = {
  /** What the login token of one of the user's sessions says, on whichever node; the user id where none does. Never rejects. */
  of(user: string): Promise<string>;
};

type Known = { readonly name: Promise<string>; readonly untilMs: number };

export function createNames(
  node: Pick<RealtimeNode, 'sessionsOf'>,
  clock: Pick<Clock, 'monotonicMs'>,
): Names {
  const known = new Map<string, Known>();

  async function ask(user: string): Promise<string> {
    const sessions = await node.sessionsOf(user);
    const named = sessions.ok ? sessions.value.find(({ name }) => name !== undefined) : undefined;
    return named?.name ?? user;
  }

  return {
    of(user) {
      const nowMs = clock.monotonicMs();
      const before = known.get(user);
      // A whole room hears of somebody at once: they are asked for once.
      if (before !== undefined && before.untilMs > nowMs) return before.name;
      known.delete(user);
      const oldest = known.size >= MAX_KNOWN_NAMES ? known.keys().next().value : undefined;
      if (oldest !== undefined) known.delete(oldest);
      const name = ask(user);
      known.set(user, { name, untilMs: nowMs + NAME_FRESH_MS });
      return name;
    },
  };
}
