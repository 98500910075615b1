import type { Rejection } from './mutation.ts';
import { type SyncData, type SyncEntry, finish, isComplete } from './state.ts';
import { truthOf } from './truth.ts';

/** What a mutation is rejected with whose mutator throws. */
export function conflictOf(error: unknown, unknown: boolean): Rejection {
  return { code: 'conflict', detail: error instanceof Error ? error.message : String(error), unknown };
}

/** Applies the mutations anew to what is known of the keys that were touched. */
export function refreshView(sync: SyncData): void {
  for (const key of sync.touched) show(sync, key);
  sync.touched.clear();
}

function show(sync: SyncData, key: string): void {
  const { view, basis } = sync;
  const truth = truthOf(sync, key);
  const { value, ids } = applied(sync, key, truth?.value);
  const before = view.get(key);
  const known = basis.get(key);
  // Mutators make new objects each time; where they were given the same they made the same.
  if (known?.ids === ids && known.truth === truth) return;
  if (ids === '') basis.delete(key);
  else basis.set(key, { ids, truth });
  if (value === undefined) {
    if (view.delete(key)) sync.viewChanged = true;
    return;
  }
  const pending = ids !== '';
  const version = truth?.version ?? null;
  if (before?.value === value && before.pending === pending && before.version === version) return;
  view.set(key, { key, value, pending, version } satisfies SyncEntry);
  sync.viewChanged = true;
}

/** The value with the mutations that are held on top, and which those are. */
function applied(sync: SyncData, key: string, truth: unknown): { value: unknown; ids: string } {
  const complete = isComplete(sync);
  let value = truth;
  let ids = '';
  for (const held of sync.held.filter(({ change }) => change.key === key)) {
    const { change, state } = held;
    // Of a later version of the app: only the backend knows it.
    const mutator = sync.settings.mutators[change.name];
    try {
      const next = mutator === undefined ? value : mutator(value, change.args);
      // Accepted, and of what it deletes nothing is there: there is nothing more to come that would show it.
      if (complete && state === 'accepted' && value === undefined && next === undefined) {
        finish(sync, held, 'confirmed');
        continue;
      }
      value = next;
    } catch (error) {
      // What is under way, or was accepted, is the backend's to decide. While not everything is here nobody can tell. And of several tabs one says it.
      if (complete && state === 'queued' && sync.role === 'leads') {
        finish(sync, held, 'rejected', conflictOf(error, held.found));
        continue;
      }
    }
    ids += ` ${change.id}`;
  }
  return { value, ids };
}
