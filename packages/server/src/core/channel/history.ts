import type { HistoryQuery, Publication, Retention } from '../../ports/log.ts';
import { isOverdue, unitsOf } from './log-rules.ts';

/**
 * The publications of a channel that are kept, oldest first. A ring, because the oldest leaves with nearly every one that
 * comes, and nothing else may move for that.
 */
export type History = {
  /** As many as a power of two, or none. */
  slots: (Publication | undefined)[];
  /** Where the oldest is. */
  first: number;
  size: number;
  /** UTF-16 units of all payloads. */
  units: number;
};

const SLOTS_AT_FIRST = 4;

export function createHistory(): History {
  return { slots: [], first: 0, size: 0, units: 0 };
}

/** Adds the newest publication. */
export function addPublication(history: History, publication: Publication): void {
  if (history.size === history.slots.length) grow(history);
  history.slots[(history.first + history.size) & (history.slots.length - 1)] = publication;
  history.size++;
  history.units += unitsOf(publication.data);
}

/** Drops what the retention no longer allows. Returns how many. */
export function trimHistory(history: History, retention: Retention, nowMs: number): number {
  const before = history.size;
  for (let oldest = oldestOf(history); oldest !== undefined; oldest = oldestOf(history)) {
    if (!isOverdue(history.size, history.units, oldest.atMs, retention, nowMs)) break;
    dropOldest(history, oldest);
  }
  return before - history.size;
}

/** Drops what ran out by age alone. Returns how many. */
export function trimByAge(history: History, ageMs: number, nowMs: number): number {
  const before = history.size;
  for (let oldest = oldestOf(history); oldest !== undefined; oldest = oldestOf(history)) {
    if (oldest.atMs + ageMs > nowMs) break;
    dropOldest(history, oldest);
  }
  giveRoomBack(history);
  return before - history.size;
}

/** Drops the oldest so many, of those that there are. Returns how many. */
export function trimOldest(history: History, count: number): number {
  const before = history.size;
  for (let left = count; left > 0; left--) {
    const oldest = oldestOf(history);
    if (oldest === undefined) break;
    dropOldest(history, oldest);
  }
  giveRoomBack(history);
  return before - history.size;
}

export function oldestOf(history: History): Publication | undefined {
  return history.size === 0 ? undefined : history.slots[history.first];
}

/** The newest `count` publications, oldest first. */
export function newestOf(history: History, count: number): Publication[] {
  const found: Publication[] = [];
  for (let i = history.size - count; i < history.size; i++) found.push(at(history, i));
  return found;
}

/**
 * What a query asks for.
 *
 * @param top the offset of the newest publication
 */
export function pageOf(
  history: History,
  top: number,
  query: HistoryQuery,
): { publications: Publication[]; more: boolean } {
  const publications: Publication[] = [];
  const floor = top - history.size;
  const step = query.reverse ? -1 : 1;
  let i = query.reverse
    ? Math.min(query.offset ?? Infinity, top + 1) - floor - 2
    : Math.max(query.offset ?? 0, floor) - floor;
  for (; i >= 0 && i < history.size; i += step) {
    const publication = at(history, i);
    if (query.sinceMs !== null && publication.atMs < query.sinceMs) continue;
    if (publications.length >= query.limit) return { publications, more: true };
    publications.push(publication);
  }
  return { publications, more: false };
}

/** The publication at a place, 0 the oldest. The place is one that is kept. */
function at({ slots, first }: History, place: number): Publication {
  return slots[(first + place) & (slots.length - 1)] as Publication;
}

function dropOldest(history: History, oldest: Publication): void {
  history.slots[history.first] = undefined;
  history.first = (history.first + 1) & (history.slots.length - 1);
  history.size--;
  history.units -= unitsOf(oldest.data);
}

/** A channel that fell silent gives its room back. */
function giveRoomBack(history: History): void {
  if (history.size === 0 && history.slots.length > SLOTS_AT_FIRST) history.slots = [];
}

function grow(history: History): void {
  const larger: (Publication | undefined)[] = [];
  for (let i = 0; i < history.size; i++) larger.push(at(history, i));
  const length = Math.max(history.slots.length * 2, SLOTS_AT_FIRST);
  while (larger.length < length) larger.push(undefined);
  history.slots = larger;
  history.first = 0;
}
