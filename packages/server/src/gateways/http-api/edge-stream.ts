import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { EdgeList } from '../../ports/directory.ts';
import { type EdgeFormat, type EdgeProblem, parseEdgeLine } from './edge-line.ts';
import { createEdgePacker } from './packed-edges.ts';

/**
 * Edges handed on at once. Each batch is one transaction, so that fewer would make the whole slower; reading, checking
 * and handing over that many takes some 20 ms of the loop, in slices.
 */
export const EDGE_BATCH = 20_000;

/** Bytes read without a pause: with ids of usual length a millisecond or less. An upload comes in pieces of 64 KB. */
const BYTES_A_TURN = 16 * 1024;

/**
 * How long a pause is. Reading is done well before the batch in front of it is stored, so that nothing is lost; and a loop
 * that has slept is let in ahead of the thread that stores where the two share a core, one that never sleeps is not.
 */
const PAUSE_MS = 1;

/** Two ids of 255 characters, each escaped to six, and the punctuation. */
export const MAX_LINE_LENGTH = 4_096;

const CSV_HEADER = 'follower,followee';

export type EdgeStreamOptions = {
  readonly format: EdgeFormat;
  /** Each line stands for both directions. */
  readonly mutual: boolean;
  /** What is read at most, after unpacking. */
  readonly maxBytes: number;
};

/** Some edges, or the end of it: what is wrong, and on which line (from 1). */
export type EdgeBatch =
  | { readonly ok: true; readonly edges: EdgeList }
  | { readonly ok: false; readonly line: number; readonly problem: EdgeProblem };

/** Reads a file of edges, gzipped or not, as it comes in. Ends at the first line that is wrong. */
export async function* readEdges(
  source: AsyncIterable<Uint8Array>,
  options: EdgeStreamOptions,
): AsyncGenerator<EdgeBatch> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = createLineReader(options);
  let rest = '';
  let bytes = 0;
  try {
    for await (const chunk of inSmallPieces(unpacked(source))) {
      bytes += chunk.byteLength;
      if (bytes > options.maxBytes) {
        yield reader.problem({ code: 'too_large', detail: `more than ${options.maxBytes} bytes` });
        return;
      }
      const text = rest + decoder.decode(chunk, { stream: true });
      let start = 0;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
        const batch = reader.take(text.slice(start, end));
        start = end + 1;
        if (batch !== null) yield batch;
        if (batch?.ok === false) return;
      }
      rest = text.slice(start);
      if (rest.length > MAX_LINE_LENGTH) {
        yield reader.problem({
          code: 'too_large',
          detail: `a line of more than ${MAX_LINE_LENGTH} characters`,
        });
        return;
      }
      // Chunks that are there already come without a pause: a whole batch of them would hold up everybody else.
      await sleep(PAUSE_MS);
    }
    const batch = reader.take(rest + decoder.decode()) ?? reader.rest();
    if (batch !== null) yield batch;
  } catch {
    // Only the decoder, the gunzip and a broken upload throw here; all mean that what came cannot be read.
    yield reader.problem({ code: 'bad_message', detail: 'not UTF-8 text, not whole, or not gzip' });
  }
}

type LineReader = {
  /** Takes one line; answers with a full batch, a problem, or nothing yet. */
  take(line: string): EdgeBatch | null;
  /** What is left at the end. */
  rest(): EdgeBatch | null;
  /** A problem with the line that comes next. */
  problem(problem: EdgeProblem): EdgeBatch;
};

function createLineReader({ format, mutual }: EdgeStreamOptions): LineReader {
  const edges = createEdgePacker();
  let line = 0;

  function rest(): EdgeBatch | null {
    return edges.count() === 0 ? null : { ok: true, edges: edges.take() };
  }

  return {
    rest,
    problem: (problem) => ({ ok: false, line: line + 1, problem }),
    take(raw) {
      line++;
      let text = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === 1 && text.startsWith('\ufeff')) text = text.slice(1);
      if (text === '' || (line === 1 && format === 'csv' && text.toLowerCase() === CSV_HEADER)) return null;
      const parsed = parseEdgeLine(text, format);
      if ('code' in parsed) return { ok: false, line, problem: parsed };
      const [follower, followee] = parsed;
      edges.add(follower, followee);
      if (mutual) edges.add(followee, follower);
      return edges.count() >= EDGE_BATCH ? rest() : null;
    },
  };
}

async function* inSmallPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += BYTES_A_TURN) yield chunk.subarray(at, at + BYTES_A_TURN);
  }
}

/** The bytes themselves, or what they unpack to where they begin like gzip (RFC 1952, section 2.3.1). */
async function* unpacked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    let head: Uint8Array = new Uint8Array(0);
    while (head.length < 2) {
      const next = await chunks.next();
      if (next.done === true) break;
      head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    }
    const all = withHead(head, chunks);
    if (head[0] !== 0x1f || head[1] !== 0x8b) {
      yield* all;
      return;
    }
    // The iteration below reports every failure; the callback is only there so that nothing goes unhandled.
    yield* pipeline(Readable.from(all, { objectMode: false }), createGunzip(), () => undefined);
  } finally {
    await chunks.return?.();
  }
}

async function* withHead(head: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) return;
    yield next.value;
  }
}
