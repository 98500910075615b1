/** What somebody may do with a document, the least first. */
export const ROLES = ['none', 'read', 'comment', 'write'] as const;

/**
 * `none`: it does not exist for them. `read`: they see it, and are seen with their cursor. `comment`: they also write to the channels
 * beside it. `write`: they change it.
 */
export type Role = (typeof ROLES)[number];

/** Whether a role is at least as much as another. */
export function isAtLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

export function isRole(value: unknown): value is Role {
  return (ROLES as readonly unknown[]).includes(value);
}
