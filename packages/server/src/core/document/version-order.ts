import type { VersionHead } from '../../ports/documents.ts';

/** Base-36 digits of the number in an id: enough for a version each millisecond for 89 years, in the order of texts. */
const DIGITS = 8;

/**
 * The id of the version behind the newest one. Its number comes from that one and from no clock, so that nodes whose clocks differ
 * agree on it.
 *
 * @param newest null: there is none yet
 * @param tail what tells versions of one number apart. Automatic ones all have the same: two nodes that make one at once make one
 */
export function nextVersionId(newest: string | null, tail: string): string {
  const number = newest === null ? 0 : Number.parseInt(newest.slice(0, DIGITS), 36);
  return `${(number + 1).toString(36).padStart(DIGITS, '0')}-${tail}`;
}

/** Unnamed versions beyond what is kept, the oldest of them. @param heads newest first */
export function surplusVersions(heads: readonly VersionHead[], versions: number): readonly string[] {
  return heads
    .filter(({ name }) => name === null)
    .slice(versions)
    .map(({ id }) => id);
}

/**
 * Whether a named version is one too many. Of two that were saved at once on two nodes it is the later one: each of the nodes sees
 * both, and only one of them takes its own back.
 *
 * @param heads newest first
 */
export function isOneTooMany(heads: readonly VersionHead[], id: string, namedVersions: number): boolean {
  const named = heads.filter(({ name }) => name !== null);
  const newer = named.findIndex((head) => head.id === id);
  return newer !== -1 && newer < named.length - namedVersions;
}
