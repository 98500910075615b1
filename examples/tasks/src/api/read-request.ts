import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Refusal } from '../tasks/answer.ts';

/** The largest body, bytes: many times the longest task. */
export const MOST_BODY_BYTES = 16_384;

/** The longest `Idempotency-Key`: it becomes the `ref` of a publication, which has at most so many characters. */
export const MOST_KEY_CHARACTERS = 128;

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/** What a body holds. @param text as it came; nothing stands for an empty object */
export function readBody<S extends z.ZodType>(schema: S, text: string): Read<z.output<S>> {
  let body: unknown;
  try {
    body = text === '' ? {} : JSON.parse(text);
  } catch {
    return refuse(400, 'json_invalid', 'the body is no JSON');
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  const path = issue?.path.join('.') ?? '';
  return refuse(422, 'task_invalid', `${path === '' ? '' : `${path}: `}${issue?.message ?? 'it is no task'}`);
}

/** The text of a request's body, if it is small enough and says that it is JSON. */
export async function readText(request: Request): Promise<Read<string>> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > MOST_BODY_BYTES) return tooLarge();
  let bytes = 0;
  const chunks: Uint8Array[] = [];
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BODY_BYTES) return tooLarge();
    chunks.push(chunk);
  }
  const type = request.headers.get('content-type') ?? '';
  // A page of another origin can send other types without being asked first.
  if (bytes > 0 && !/^application\/json\s*(;|$)/i.test(type))
    return refuse(415, 'not_json', 'content-type: application/json');
  try {
    return { ok: true, value: new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)) };
  } catch {
    return refuse(400, 'json_invalid', 'the body is not UTF-8');
  }
}

/** The `Idempotency-Key` of a request, with what a repetition of the request is known by. */
export function readKey(
  request: Request,
  text: string,
): Read<{ readonly name: string; readonly fingerprint: string } | null> {
  const name = request.headers.get('idempotency-key');
  if (name === null) return { ok: true, value: null };
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > MOST_KEY_CHARACTERS)
    return refuse(
      400,
      'key_invalid',
      `Idempotency-Key: 1 to ${MOST_KEY_CHARACTERS} visible ASCII characters`,
    );
  const fingerprint = createHash('sha256')
    .update(`${request.method} ${new URL(request.url).pathname}\n${text}`)
    .digest('base64url');
  return { ok: true, value: { name, fingerprint } };
}

function tooLarge(): Read<never> {
  return refuse(413, 'too_large', `a body has at most ${MOST_BODY_BYTES} bytes`);
}

function refuse(status: Refusal['status'], code: string, detail: string): Read<never> {
  return { ok: false, refusal: { status, code, detail } };
}
