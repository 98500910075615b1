/** One of the sample people of a development server. */
export type Person = {
  /** User id, as on the wire. */
  readonly user: string;
  /** For people to read. */
  readonly name: string;
};

/** The deep link to the page as one person; also what keeps two tabs two friends. */
export function linkTo(user: string): string {
  return `?${new URLSearchParams({ as: user })}`;
}

/** Whom the address asks for, or null. */
export function personInAddress(search: string): string | null {
  return new URLSearchParams(search).get('as') || null;
}

/** What one calls them: "Alice" of "Alice Moreau". */
export function firstNameOf(name: string): string {
  return name.trim().split(/\s/u, 1)[0] ?? name;
}

/** "Alice Moreau" is "AM"; one word gives its first letter. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/u).filter((word) => word !== '');
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends
    .map((word) => Array.from(word ?? '')[0] ?? '')
    .join('')
    .toUpperCase();
}
