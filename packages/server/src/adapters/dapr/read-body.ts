import type { IncomingMessage } from 'node:http';

export type ReadBody =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  /** `first`: what of it was kept. `all`: the sender was done; else more of it may be on its way. */
  | {
      readonly kind: 'too_large';
      readonly bytes: number;
      readonly first: Uint8Array;
      readonly all: boolean;
    }
  /** The time was over, or the sender went, before it was whole. */
  | { readonly kind: 'late' }
  | { readonly kind: 'gone' }
  /** Somebody on the same server has read it. */
  | { readonly kind: 'read_before' };

/**
 * Reads a body of bounded size. What is larger is read to its end, and all but the beginning thrown away, for a sidecar whose connection ends while it
 * sends takes that for a failure of the network and sends the same again, for ever.
 */
export function readBody(request: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<ReadBody> {
  if (request.readableEnded) return Promise.resolve({ kind: 'read_before' });
  if (request.destroyed) return Promise.resolve({ kind: 'gone' });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;

    function settle(read: ReadBody): void {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      resolve(read);
    }
    function onData(chunk: Buffer): void {
      if (bytes <= maxBytes) chunks.push(chunk);
      bytes += chunk.length;
    }
    function tooLarge(all: boolean): ReadBody {
      return { kind: 'too_large', bytes, first: Buffer.concat(chunks), all };
    }
    function onEnd(): void {
      if (bytes > maxBytes) settle(tooLarge(true));
      else
        settle({
          kind: 'whole',
          bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
        });
    }
    function onClose(): void {
      settle({ kind: 'gone' });
    }
    function onAbort(): void {
      settle(bytes > maxBytes ? tooLarge(false) : { kind: 'late' });
    }
    signal.addEventListener('abort', onAbort);
    // Listened to, so that it ends nobody but this request; `close` follows.
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', ignore);
    if (signal.aborted) onAbort();
  });
}

function ignore(): void {
  return undefined;
}
