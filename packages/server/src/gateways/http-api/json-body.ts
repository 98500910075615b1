export type JsonBody =
  | { readonly ok: true; readonly body: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly code: 'bad_json' | 'too_large'; readonly detail: string };

export type ReadBytes =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly code: 'too_large'; readonly detail: string };

/** Reads a body of bounded size as it comes. */
export async function readBytes(request: Request, maxBytes: number): Promise<ReadBytes> {
  const tooLarge = {
    ok: false,
    code: 'too_large',
    detail: `the body has more than ${maxBytes} bytes`,
  } as const;
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge;
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = request.body ?? [];
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > maxBytes) return tooLarge;
    chunks.push(chunk);
  }
  return { ok: true, bytes: Buffer.concat(chunks) };
}

type Unreadable = Extract<JsonBody, { readonly ok: false }>;

/**
 * Reads a JSON object of bounded size. An absent body is an empty object.
 *
 * @param maxBytes what is read at most; the rest is left to the connection, which then ends
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<JsonBody> {
  const read = await readJsonValue(request, maxBytes);
  if (!read.ok) return read;
  const { value } = read;
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { ok: true, body: value as Readonly<Record<string, unknown>> };
  return { ok: false, code: 'bad_json', detail: 'the body is not a JSON object' };
}

/** Reads any JSON value of bounded size, and says how many bytes it had. An absent body is an empty object. */
export async function readJsonValue(
  request: Request,
  maxBytes: number,
): Promise<{ readonly ok: true; readonly value: unknown; readonly bytes: number } | Unreadable> {
  const tooLarge: Unreadable = {
    ok: false,
    code: 'too_large',
    detail: `the body has more than ${maxBytes} bytes`,
  };
  // A body that says its size is refused before any of it is read.
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let bytes = 0;
  try {
    const chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = request.body ?? [];
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) return tooLarge;
      text += decoder.decode(chunk, { stream: true });
    }
    text += decoder.decode();
    const value: unknown = text === '' ? {} : JSON.parse(text);
    return { ok: true, value, bytes };
  } catch {
    // The parser's message would quote the body; that it is not JSON is all there is to say.
    return { ok: false, code: 'bad_json', detail: 'the body is not JSON in UTF-8' };
  }
}
