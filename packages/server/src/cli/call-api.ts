import { StartError } from '../server/start-error.ts';
import type { PositionArgument } from './position-argument.ts';
import { resourceUrl } from './server-address.ts';

export type ApiAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      /** A code of docs/errors.md; null where what answered is no Carillon server. */
      readonly code: string | null;
      readonly message: string;
      readonly retryAfterMs: number | null;
      /** `conflict`: the present top. */
      readonly position: PositionArgument | null;
    };

export type ApiCall = {
  readonly server: URL;
  readonly apiKey: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON text. */
  readonly body: string;
};

/**
 * Calls the HTTP API of a running server.
 *
 * @throws StartError where it cannot be reached
 */
export async function callApi({ server, apiKey, method, path, body }: ApiCall): Promise<ApiAnswer> {
  let status: number;
  let text: string;
  try {
    const response = await fetch(resourceUrl(server, path), {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body,
    });
    status = response.status;
    text = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new StartError(`${server.origin}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const value = parsed(text);
  if (status >= 200 && status < 300 && value !== undefined) return { ok: true, value };
  const error = fieldOf(value, 'error');
  const code = fieldOf(error, 'code');
  const message = fieldOf(error, 'message');
  const retryAfterMs = fieldOf(error, 'retryAfterMs');
  return {
    ok: false,
    code: typeof code === 'string' ? code : null,
    message: typeof message === 'string' ? message : `${status}, and not what a Carillon server says`,
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : null,
    position: positionIn(fieldOf(error, 'position')),
  };
}

/** The position in an answer, or null. */
export function positionIn(value: unknown): PositionArgument | null {
  const epoch = fieldOf(value, 'epoch');
  const offset = fieldOf(value, 'offset');
  return typeof epoch === 'string' && typeof offset === 'number' ? { epoch, offset } : null;
}

export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch {
    // Whatever it is, it is not the server's; the caller says so.
    return undefined;
  }
}
