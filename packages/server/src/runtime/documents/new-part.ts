import { type Ahead, type DocumentState, partlyKnown } from '../../core/document/document-state.ts';
import type { DocumentEngine, UpdateContent } from '../../ports/document-engine.ts';

/** What of a change goes into the log. */
export type Taken = { readonly update: Uint8Array; readonly content: UpdateContent };

/**
 * Leaves out what is known where a change begins in the middle of it. It need not be what it was when it was taken first, and a library
 * that is given another past for something it has fails: so would every reader, at this update, for ever.
 */
export function newPart(engine: DocumentEngine, change: Taken, state: DocumentState, ahead: Ahead): Taken {
  const known = partlyKnown(state, ahead, change.content);
  if (known === null) return change;
  const update = engine.trim(change.update, known);
  const inspected = engine.inspect(update);
  // A part of what passed passes.
  return inspected.ok ? { update, content: inspected.content } : change;
}
