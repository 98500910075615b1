import type { DocumentProvider } from '@carillon/client/yjs';
import { ROLES, type Role } from './role.ts';

/** Somebody who has the document open, on one page or several. */
export type PersonHere = {
  readonly user: string;
  readonly isOwn: boolean;
  /** As their page says; null: it has not said. */
  readonly role: Role | null;
  /** Whether they changed the text a moment ago. */
  readonly edits: boolean;
};

/** How long somebody counts as editing behind a change, ms. */
export const EDITS_MS = 3_000;

/**
 * Who is here, by what the awareness says. Whose page it is the server says: what a page says of itself is its role and whether it edits.
 *
 * @param own the user of this page
 */
export function peopleHere({ awareness, userOf }: DocumentProvider, own: string): readonly PersonHere[] {
  const people = new Map<string, PersonHere>();
  for (const [client, state] of awareness.getStates()) {
    const isOwn = client === awareness.clientID;
    const user = isOwn ? own : userOf(client);
    if (user === undefined) continue;
    const before = people.get(user);
    const role = ROLES.find((each) => each === state['role']) ?? null;
    people.set(user, {
      user,
      isOwn: isOwn || before?.isOwn === true,
      role: isOwn ? role : (before?.role ?? role),
      edits: state['edits'] === true || before?.edits === true,
    });
  }
  return [...people.values()].sort((a, b) => Number(b.isOwn) - Number(a.isOwn) || (a.user < b.user ? -1 : 1));
}
