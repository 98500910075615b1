import type { Role } from './role.ts';

/** Names in the table at most: more people than that nobody changes by hand. */
const MOST_NAMES = 1_000;

/** Who may do what, as the page is told. */
export type RoleTableView = {
  readonly owner: string;
  /** Of whoever is not named. */
  readonly usual: Role;
  readonly roles: Readonly<Record<string, Role>>;
};

/** The roles that an app would keep in its database. */
export type RoleTable = {
  roleOf(user: string): Role;
  /** What a person may see of it; null: nothing, for to them there is no such document. */
  view(user: string): RoleTableView | null;
  /**
   * Gives somebody else a role. Whoever writes may; the owner's stays.
   *
   * @returns whether it was given
   */
  give(by: string, user: string, role: Role): boolean;
};

/** In the memory of the process: a new one begins with the owner, and the usual role for everybody else. */
export function createRoleTable(owner: string, usual: Role): RoleTable {
  const given = new Map<string, Role>();
  const roleOf = (user: string): Role => (user === owner ? 'write' : (given.get(user) ?? usual));
  return {
    roleOf,
    view: (user) =>
      roleOf(user) === 'none' ? null : { owner, usual, roles: Object.fromEntries(given.entries()) },
    give(by, user, role) {
      if (roleOf(by) !== 'write' || user === owner || user === by) return false;
      if (role === usual) given.delete(user);
      else if (given.has(user) || given.size < MOST_NAMES) given.set(user, role);
      else return false;
      return true;
    },
  };
}
