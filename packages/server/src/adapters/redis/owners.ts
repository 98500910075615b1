import type { SessionRecord } from '../../ports/sessions.ts';

/** Sessions remembered at a time: what is ended is asked for just before. */
const REMEMBERED = 10_000;

/** Whose the sessions are that were told of and are at home on other nodes: they are ended by their id alone. */
export type Owners = {
  remember(session: SessionRecord): void;
  forget(id: string): void;
  of(id: string): string | undefined;
};

export function createOwners(): Owners {
  const users = new Map<string, string>();
  return {
    remember({ id, user }) {
      users.delete(id);
      users.set(id, user);
      if (users.size <= REMEMBERED) return;
      for (const oldest of users.keys()) {
        users.delete(oldest);
        return;
      }
    },
    forget: (id) => void users.delete(id),
    of: (id) => users.get(id),
  };
}
