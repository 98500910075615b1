import { afterEach, beforeEach } from 'vitest';
import type { Directory } from '../ports/directory.ts';

export type DirectorySubject = {
  readonly directory: Directory;
  close(): Promise<void>;
};

/** Gives a new, empty directory for each test. */
export type OpenDirectory = () => Promise<DirectorySubject>;

/** A stamp: microseconds since the epoch, beyond what 32 bits hold. */
export const T = 1_700_000_000_000_000;

/** Opens a directory that knows four people, for each test of the group in which this is called. */
export function eachDirectory(open: OpenDirectory, give: (directory: Directory) => void): void {
  let subject: DirectorySubject;
  beforeEach(async () => {
    subject = await open();
    for (const user of ['alice', 'bob', 'carol', 'dave']) await subject.directory.ensureUser(user);
    give(subject.directory);
  });
  afterEach(() => subject.close());
}

/** Whom somebody sees, in their order; who counts them among their close friends with a star. */
export async function rosterOf(directory: Directory, viewer: string): Promise<readonly string[]> {
  return (await directory.rosterOf(viewer)).map(({ user, close }) => (close ? `${user}*` : user)).sort();
}
