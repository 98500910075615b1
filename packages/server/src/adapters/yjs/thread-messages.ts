import type { DocumentParts } from '../../ports/document-engine.ts';
import type { Asked, JobName } from './jobs.ts';

/** Parts of a document as they cross to a thread: all updates in one buffer, for thousands would be cloned one by one. */
type PackedParts = {
  readonly state: Uint8Array | null;
  readonly tail: Uint8Array;
  readonly lengths: readonly number[];
};

export type ToThread =
  | { readonly kind: 'job'; readonly id: number; readonly name: JobName; readonly asked: PackedAsked }
  | { readonly kind: 'retained'; readonly id: number };

export type FromThread = { readonly id: number; readonly answer: unknown };

/** What a job is asked, with its parts packed. */
export type PackedAsked = { readonly packed: Readonly<Record<string, PackedParts>>; readonly rest: object };

const PARTS: ReadonlySet<string> = new Set(['parts', 'before', 'after']);

/**
 * Copies what a job is asked, once: the caller goes on using its bytes. The copies are moved to the thread.
 */
export function packAsked(asked: Asked<JobName>): {
  readonly asked: PackedAsked;
  readonly moved: ArrayBuffer[];
} {
  const packed: Record<string, PackedParts> = {};
  const rest: Record<string, unknown> = {};
  const moved: ArrayBuffer[] = [];
  function copy(bytes: Uint8Array): Uint8Array {
    // Not `slice`: of a Buffer that is a view of the pool that it shares with others.
    const copied = new Uint8Array(bytes);
    moved.push(copied.buffer);
    return copied;
  }
  for (const [name, value] of Object.entries(asked) as [string, unknown][]) {
    if (PARTS.has(name)) {
      const { state, tail } = value as DocumentParts;
      const all = concatenated(tail);
      moved.push(all.buffer);
      packed[name] = {
        state: state === null ? null : copy(state),
        tail: all,
        lengths: tail.map((update) => update.length),
      };
    } else rest[name] = value instanceof Uint8Array ? copy(value) : value;
  }
  return { asked: { packed, rest }, moved };
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

export function unpackAsked({ packed, rest }: PackedAsked): Asked<JobName> {
  const parts = Object.entries(packed).map(([name, { state, tail, lengths }]) => {
    let at = 0;
    const updates = lengths.map((length) => tail.subarray(at, (at += length)));
    return [name, { state, tail: updates }] as const;
  });
  return { ...rest, ...Object.fromEntries(parts) } as unknown as Asked<JobName>;
}
