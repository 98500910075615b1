import { Readable } from 'node:stream';
import { StartError } from '../server/start-error.ts';
import type { ImportProgress } from '../server/stopped.ts';

export type HttpImport = {
  readonly url: URL;
  readonly apiKey: string | null;
  readonly source: AsyncIterable<Uint8Array>;
  readonly format: 'csv' | 'ndjson';
  readonly mutual: boolean;
};

/**
 * Sends edges to a running server.
 *
 * @param onSent told how many bytes were sent so far
 * @throws StartError with what the server answered, or why it cannot be reached
 */
export async function importOverHttp(
  { url, apiKey, source, format, mutual }: HttpImport,
  onSent: (bytes: number) => void,
): Promise<ImportProgress> {
  if (apiKey === null)
    throw new StartError('CARILLON_API_KEY is not set: --url needs the key of the running server');
  const target = new URL('/v1/import', url);
  if (mutual) target.searchParams.set('mutual', 'true');
  const request = {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': format === 'ndjson' ? 'application/x-ndjson' : 'text/csv',
    },
    body: Readable.toWeb(Readable.from(counted(source, onSent), { objectMode: false })),
    // Without it fetch refuses a body of unknown length (Fetch standard, "duplex").
    duplex: 'half',
  } as const;
  let status: number;
  let answer: unknown;
  try {
    const response = await fetch(target, request);
    status = response.status;
    answer = await response.json();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new StartError(`${url.origin}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (isProgress(answer)) return answer;
  throw new StartError(`${url.origin} answered ${status}: ${errorMessage(answer)}`);
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onSent: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    yield chunk;
    bytes += chunk.byteLength;
    onSent(bytes);
  }
}

function isProgress(value: unknown): value is ImportProgress {
  return (
    typeof value === 'object' &&
    value !== null &&
    'edges' in value &&
    'added' in value &&
    'users' in value &&
    'refused' in value
  );
}

function errorMessage(value: unknown): string {
  const error: unknown =
    typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
  if (typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string')
    return error.message;
  return 'not what a Carillon server says';
}
