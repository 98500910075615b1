import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as Y from 'yjs';
import type { DocumentParts, JobRefused } from '../../ports/document-engine.ts';

/** A collection that had begun before a document was let go of keeps it; the next one does not. */
const COLLECTIONS = 3;

/** Makes documents for as long as a job takes, and knows which of them somebody still holds. */
export type Transients = {
  /**
   * Makes the document of the parts, hands it to `work`, and lets go of it. Refused where Yjs cannot make it, or where some of
   * it waits for what is not there.
   */
  use<T>(parts: DocumentParts, work: (doc: Y.Doc) => T): T | JobRefused;
  /** Those that are still in memory, after a collection. */
  retained(): Promise<number>;
};

export function createTransients(): Transients {
  let made: WeakRef<Y.Doc>[] = [];

  function make(parts: DocumentParts, gc: boolean): Y.Doc {
    const doc = new Y.Doc({ gc });
    made.push(new WeakRef(doc));
    try {
      // One transaction for all: what was deleted is collected once, at its end.
      doc.transact(() => {
        if (parts.state !== null) Y.applyUpdate(doc, parts.state);
        for (const update of parts.tail) Y.applyUpdate(doc, update);
      });
    } catch (error) {
      doc.destroy();
      throw error;
    }
    return doc;
  }

  function makeAnyhow(parts: DocumentParts): Y.Doc {
    try {
      return make(parts, true);
    } catch {
      // Yjs fails over some structures that no editor makes only when it collects them: better a larger document than none.
      return make(parts, false);
    }
  }

  /** Of hundreds of jobs those that are gone are forgotten. */
  function forgetGone(): void {
    made = made.filter((reference) => reference.deref() !== undefined);
  }

  return {
    use(parts, work) {
      if (made.length >= 256) forgetGone();
      let doc: Y.Doc;
      try {
        doc = makeAnyhow(parts);
      } catch (error) {
        return { ok: false, detail: `no document can be made of it: ${messageOf(error)}` };
      }
      try {
        if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null)
          return { ok: false, detail: 'the document builds on what is not there' };
        return work(doc);
      } catch (error) {
        return { ok: false, detail: `Yjs could not do it: ${messageOf(error)}` };
      } finally {
        doc.destroy();
      }
    },
    async retained() {
      for (let round = 0; round < COLLECTIONS; round++) {
        // What was looked at in this turn is kept until its end.
        await nextTurn();
        collector()();
        await nextTurn();
        forgetGone();
        if (made.length === 0) break;
      }
      return made.length;
    },
  };
}

let collect: (() => void) | undefined;

/** Node gives its collector to contexts that are made while the flag is set. */
function collector(): () => void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  return collect;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
