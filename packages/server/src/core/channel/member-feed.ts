import type { MemberNotice } from '../../ports/broker.ts';
import type { MemberCount } from '../../ports/members.ts';

/**
 * How many users are in a channel, as one node has told it to its clients: each `join` and `leave` that they are sent counts
 * behind the number that they were told ([MEM1]). What a broker loses is found by the versions.
 */
export type MemberFeed = {
  count: number;
  /** The last change that was told; `UNKNOWN` where the count could not be read. */
  version: number;
  /** Changes that came while the count is being read; null while it is not. */
  waiting: MemberNotice[] | null;
  /** More came than may wait: it has to be read once more. */
  overflowed: boolean;
  /** A version that the list had reached when it was last compared; one that was not told by the next time is lost. */
  expected: number;
};

/** Changes that may wait for the count. More means that it is surely read again sooner than they are told. */
export const MAX_WAITING = 1_000;

const UNKNOWN = -1;

/** A feed whose count is being read. */
export function newMemberFeed(): MemberFeed {
  return { count: 0, version: UNKNOWN, waiting: [], overflowed: false, expected: 0 };
}

/** What is to be done about a change that came in. */
export type MemberTaken =
  | 'tell'
  /** It is part of what is known already, or waits for the count that is being read. */
  | 'nothing'
  /** One before it is missing: read the count, and then `settle`. It waits for that. */
  | 'read';

export function takeMember(feed: MemberFeed, notice: MemberNotice): MemberTaken {
  if (feed.waiting !== null) {
    if (feed.waiting.length < MAX_WAITING) feed.waiting.push(notice);
    else feed.overflowed = true;
    return 'nothing';
  }
  if (notice.version <= feed.version) return 'nothing';
  if (apply(feed, notice)) return 'tell';
  feed.waiting = [notice];
  return 'read';
}

/** Counts a change, where it is the next one. */
function apply(feed: MemberFeed, { prev, version, joined }: MemberNotice): boolean {
  const isNext = prev === feed.version || (prev === 0 && feed.count === 0 && feed.version !== UNKNOWN);
  if (!isNext) return false;
  feed.version = version;
  feed.count += joined ? 1 : -1;
  return true;
}

export type MembersSettled = {
  /** Changes are missing from what was told: whoever counts has to ask for the number. */
  readonly missed: boolean;
  /** Changes behind the count, in their order: to be told. */
  readonly tell: readonly MemberNotice[];
  /** What came meanwhile does not go on from the count: it has to be read once more. */
  readonly again: boolean;
};

/** The count was read, while a reading was under way. What came meanwhile is applied to it. */
export function settle(feed: MemberFeed, { count, version }: MemberCount): MembersSettled {
  const { waiting, overflowed } = feed;
  const missed = version !== feed.version;
  feed.count = count;
  feed.version = version;
  feed.waiting = null;
  feed.overflowed = false;
  feed.expected = 0;
  const tell: MemberNotice[] = [];
  let again = overflowed;
  for (const notice of waiting ?? []) {
    if (notice.version <= feed.version) continue;
    if (apply(feed, notice)) tell.push(notice);
    // An empty channel may have forgotten its version: what does not begin there was before it.
    else if (feed.version !== 0) again = true;
  }
  if (again) feed.waiting = [];
  return { missed, tell, again };
}

/** The count could not be read: the next change, or comparison, asks again. */
export function giveUp(feed: MemberFeed): void {
  feed.version = UNKNOWN;
  feed.waiting = null;
  feed.overflowed = false;
}

/**
 * Holds what was told against the list.
 *
 * @param asked the version that had been told when the list was asked
 * @returns whether the count has to be read: a reading is then under way
 */
export function compareMembers(feed: MemberFeed, asked: number, top: MemberCount): boolean {
  // What came while the list was asked may be newer than its answer.
  if (feed.waiting !== null || feed.version !== asked) return false;
  // Older than what was told, the list has lost something. What is newer may still be on its way, until the next time.
  const isLost = top.version < asked || asked === UNKNOWN || asked < feed.expected;
  feed.expected = top.version;
  // An empty channel has forgotten its version, which nobody misses.
  if (!isLost || (top.version === 0 && top.count === 0 && feed.count === 0 && asked !== UNKNOWN))
    return false;
  feed.waiting = [];
  return true;
}
