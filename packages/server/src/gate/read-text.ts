import type { IncomingMessage } from 'node:http';

/** How long a client may take for a body of a few kilobytes, ms. */
const BODY_TIME_LIMIT_MS = 10_000;

export type ReadText = { readonly text: string; readonly bytes: number };

/**
 * Reads the body of a request.
 *
 * @returns `gone`: the client went before it was whole, or took too long; `not_text`: it is not UTF-8, or somebody has read it
 */
export function readText(
  request: IncomingMessage,
  maxBytes: number,
): Promise<ReadText | 'too_large' | 'not_text' | 'gone'> {
  if (request.readableEnded) return Promise.resolve('not_text');
  // A body that says its size is refused before any of it is read.
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve('too_large');
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const impatient = setTimeout(() => request.destroy(), BODY_TIME_LIMIT_MS);

    function settle(read: ReadText | 'too_large' | 'not_text' | 'gone'): void {
      clearTimeout(impatient);
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      resolve(read);
    }
    function onData(chunk: Buffer): void {
      bytes += chunk.length;
      if (bytes > maxBytes) settle('too_large');
      else chunks.push(chunk);
    }
    function onEnd(): void {
      try {
        const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
        settle({ text: new TextDecoder('utf-8', { fatal: true }).decode(whole), bytes });
      } catch {
        // The decoder throws at what is not UTF-8, and at nothing else.
        settle('not_text');
      }
    }
    function onClose(): void {
      settle('gone');
    }
    request.on('data', onData).on('end', onEnd).on('close', onClose);
    // Listened to, so that it ends nobody but this request; `close` follows. A closure of ours would keep the body for as
    // long as the answer lasts, which of a stream is for good.
    request.on('error', ignore);
  });
}

function ignore(): void {
  return undefined;
}
