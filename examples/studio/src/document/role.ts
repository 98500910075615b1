/** What one may do with the document, from nothing to everything. */
export const ROLES = ['none', 'read', 'comment', 'write'] as const;

export type Role = (typeof ROLES)[number];

/** What a person with that role does, as it stands behind a name. */
export const ROLE_WORDS: Readonly<Record<Role, string>> = {
  none: 'shut out',
  read: 'reads',
  comment: 'comments',
  write: 'writes',
};

/** Why the text cannot be changed here, for the one who would like to; null: it can. */
export function whyReadOnly(role: Role | null): string | null {
  switch (role) {
    case null:
      return 'The document is being opened.';
    case 'none':
      return 'You are shut out of this document.';
    case 'read':
      return 'You may read this document, and not change it.';
    case 'comment':
      return 'You may read this document and comment on it, and not change it.';
    case 'write':
      return null;
  }
}
