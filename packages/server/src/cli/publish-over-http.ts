import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiAnswer, callApi, fieldOf, positionIn } from './call-api.ts';
import type { PositionArgument } from './position-argument.ts';

export type Target = { readonly server: URL; readonly apiKey: string; readonly channel: string };

export type PublicationRequest = {
  /** JSON text of the payload; null deletes the key. */
  readonly data: string | null;
  readonly key: string | undefined;
  readonly id: string | undefined;
  readonly expect: PositionArgument | undefined;
};

export type PublicationResult =
  | {
      readonly ok: true;
      /** Null on a signal, which has none. */
      readonly position: PositionArgument | null;
      readonly duplicate: boolean;
    }
  | { readonly ok: false; readonly problem: string };

/**
 * Publishes over HTTP. What comes too fast was not carried out, and is sent again when the server says.
 *
 * @throws StartError where the server cannot be reached
 */
export async function publishOverHttp(
  { server, apiKey, channel }: Target,
  request: PublicationRequest,
): Promise<PublicationResult> {
  const path = `/v1/channels/${encodeURIComponent(channel)}/publications`;
  const body = bodyText(request);
  for (;;) {
    const answer = await callApi({ server, apiKey, method: 'POST', path, body });
    if (answer.ok) {
      const duplicate = fieldOf(answer.value, 'duplicate') === true;
      return { ok: true, position: positionIn(answer.value), duplicate };
    }
    if (answer.code !== 'rate_limited') return { ok: false, problem: problemOf(answer) };
    await sleep(answer.retryAfterMs ?? 1_000);
  }
}

/** The payload as it was given: reading and writing it anew would change numbers that JavaScript cannot hold. */
function bodyText({ data, key, id, expect }: PublicationRequest): string {
  const rest = JSON.stringify({ key, id, expect, ...(data === null ? { del: true } : {}) });
  if (data === null) return rest;
  return rest === '{}' ? `{"data":${data}}` : `{"data":${data},${rest.slice(1)}`;
}

function problemOf({ code, message, position }: Extract<ApiAnswer, { readonly ok: false }>): string {
  const where = position === null ? '' : ` (it is at ${position.epoch}:${position.offset})`;
  return code === null ? message : `${code}: ${message}${where}`;
}
