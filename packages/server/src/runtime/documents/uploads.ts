import type { UpdateDocument } from '@carillon/protocol';
import type { Clock } from '../../ports/clock.ts';
import { type DueQueue, createDueQueue } from '../due-queue.ts';
import type { LinkState } from '../link-state.ts';

/** How long the next part of an update may take to come ([DOC3]), ms. */
export const UNFINISHED_MS = 30_000;

/** Updates in parts that one connection may have begun, each on a document of its own. */
export const UPLOADS_AT_ONCE = 4;

type Upload = {
  readonly link: LinkState;
  readonly channel: string;
  readonly of: number;
  readonly parts: Buffer[];
  bytes: number;
};

export type Uploaded =
  /** The whole update. */
  | { readonly kind: 'whole'; readonly update: Buffer }
  /** More parts are to come. */
  | { readonly kind: 'part' }
  | {
      readonly kind: 'refused';
      readonly code: 'bad_message' | 'too_large' | 'limit_reached';
      readonly detail: string;
    };

/** Puts updates together that come in parts. */
export type Uploads = {
  readonly timers: number;
  take(link: LinkState, message: UpdateDocument, mostBytes: number): Uploaded;
  /** The connection is gone, and with it what it had begun. */
  forget(link: LinkState): void;
  stop(): void;
};

export function createUploads(clock: Clock): Uploads {
  /** By connection and channel. */
  const uploads = new Map<LinkState, Map<string, Upload>>();
  const unfinished: DueQueue<Upload> = createDueQueue(clock, UNFINISHED_MS, (upload) => drop(upload));

  function drop({ link, channel }: Upload): void {
    const ofLink = uploads.get(link);
    ofLink?.delete(channel);
    if (ofLink?.size === 0) uploads.delete(link);
  }

  function end(upload: Upload): void {
    unfinished.remove(upload);
    drop(upload);
  }

  function begin(link: LinkState, channel: string, of: number): Upload | null {
    const ofLink = uploads.get(link) ?? new Map<string, Upload>();
    if (ofLink.size >= UPLOADS_AT_ONCE) return null;
    const upload = { link, channel, of, parts: [], bytes: 0 };
    ofLink.set(channel, upload);
    uploads.set(link, ofLink);
    return upload;
  }

  function refuse(code: 'bad_message' | 'too_large' | 'limit_reached', detail: string): Uploaded {
    return { kind: 'refused', code, detail };
  }

  return {
    get timers() {
      return unfinished.size;
    },
    take(link, { c, d, n, of }, mostBytes) {
      const there = uploads.get(link)?.get(c);
      const bytes = fromBase64(d);
      if (bytes === undefined || (n === undefined) !== (of === undefined)) {
        if (there !== undefined) end(there);
        return refuse('bad_message', bytes === undefined ? 'd: expected base64' : 'n and of go together');
      }
      if (n === undefined || of === undefined || of === 1) {
        if (there !== undefined) end(there);
        return { kind: 'whole', update: bytes };
      }
      // The first part begins anew: the one before it was given up.
      if (n === 1 && there !== undefined) end(there);
      const upload = n === 1 ? begin(link, c, of) : there;
      if (upload === null) return refuse('limit_reached', `updates in parts at once: ${UPLOADS_AT_ONCE}`);
      if (upload === undefined || upload.of !== of || upload.parts.length !== n - 1) {
        if (upload !== undefined) end(upload);
        return refuse('bad_message', 'n: the part before it is not there; begin with the first');
      }
      upload.bytes += bytes.length;
      if (upload.bytes > mostBytes) {
        end(upload);
        return refuse('too_large', `an update has at most ${mostBytes} bytes`);
      }
      upload.parts.push(bytes);
      unfinished.add(upload);
      if (n < of) return { kind: 'part' };
      end(upload);
      return { kind: 'whole', update: Buffer.concat(upload.parts) };
    },
    forget(link) {
      for (const upload of uploads.get(link)?.values() ?? []) unfinished.remove(upload);
      uploads.delete(link);
    },
    stop() {
      unfinished.clear();
      uploads.clear();
    },
  };
}

/** The bytes of a text in base64, padded (RFC 4648, section 4); undefined where it is none: Node passes over what does not belong there. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === (text.length / 4) * 3 - paddingOf(text) && bytes.toString('base64') === text
    ? bytes
    : undefined;
}

function paddingOf(text: string): number {
  if (text.endsWith('==')) return 2;
  return text.endsWith('=') ? 1 : 0;
}
