import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Door } from './door.ts';
import { type LineAnswer, refused } from './line-answer.ts';
import { type LineRequest, type OpenRequest, parseLineRequest } from './line-request.ts';
import { readText } from './read-text.ts';

/** How long a browser may remember that a page's origin is allowed, s. */
const PREFLIGHT_SECONDS = 7_200;

/** How long a client has to take an answer that the kernel did not take at once, ms. */
const TAKE_TIME_LIMIT_MS = 30_000;

/** Lines as HTTP has them: methods, origins, bodies, answers. */
export type LineHttp = {
  /**
   * Reads a `POST`, and answers what is none or cannot be read.
   *
   * @param other what is done with a `GET`; unless given, there is none
   */
  receive(
    request: IncomingMessage,
    response: ServerResponse,
    other?: () => Promise<void>,
  ): Promise<OpenRequest | LineRequest | null>;
  answer(response: ServerResponse, answer: LineAnswer): void;
  /**
   * As `answer`, to whoever asked for a stream. An EventSource gives up for good where the status is not 200 (WHATWG HTML, section
   * 9.2.3): where it may come back it is given a stream that ends at once, and comes back after its own pause.
   */
  refuseStream(request: IncomingMessage, response: ServerResponse, answer: LineAnswer): void;
};

export type LineHttpOptions = {
  readonly door: Door;
  readonly telemetry: Pick<Telemetry, 'error'>;
  readonly lineBytes: number;
};

export function createLineHttp({ door, telemetry, lineBytes }: LineHttpOptions): LineHttp {
  function answer(response: ServerResponse, { status, body, code }: LineAnswer): void {
    if (code !== null) telemetry.error(code);
    if (response.destroyed || response.writableEnded) return;
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...retryAfter(body, code),
    });
    response.end(body);
    // A client that does not read would keep what it was answered for good.
    if (response.writableLength === 0) return;
    const impatient = setTimeout(() => response.destroy(), TAKE_TIME_LIMIT_MS);
    response.once('close', () => clearTimeout(impatient));
  }

  function refuseStream(request: IncomingMessage, response: ServerResponse, refusal: LineAnswer): void {
    const { status, code } = refusal;
    const mayComeBack = code !== null && (status === 429 || status === 503);
    if (!mayComeBack || request.headers.accept?.includes('text/event-stream') !== true)
      return answer(response, refusal);
    telemetry.error(code);
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.end(`: ${code}\n\n`);
  }

  function preflight(response: ServerResponse): void {
    response.writeHead(204, {
      'access-control-allow-methods': 'GET, POST',
      // The second for an EventSource that is made of fetch: a browser's own asks nobody for it.
      'access-control-allow-headers': 'content-type, last-event-id',
      'access-control-max-age': String(PREFLIGHT_SECONDS),
    });
    response.end();
  }

  return {
    answer,
    refuseStream,
    async receive(request, response, other) {
      const { origin } = request.headers;
      if (!door.admitsOrigin(origin)) {
        answer(response, refused('origin_refused'));
        return null;
      }
      if (origin !== undefined) {
        response.setHeader('access-control-allow-origin', origin);
        response.setHeader('access-control-expose-headers', 'retry-after');
        response.setHeader('vary', 'origin');
      }
      if (request.method === 'OPTIONS') {
        preflight(response);
        return null;
      }
      if (request.method !== 'POST') {
        if (request.method === 'GET' && other !== undefined) await other();
        else {
          response.setHeader('allow', other === undefined ? 'POST' : 'GET, POST');
          answer(response, refused('method_not_allowed'));
        }
        return null;
      }
      const read = await readText(request, lineBytes);
      if (read === 'gone') return null;
      if (read === 'too_large' || read === 'not_text') {
        // What else is on its way nobody reads.
        response.setHeader('connection', 'close');
        answer(
          response,
          read === 'too_large'
            ? refused('too_large', `the body has more than ${lineBytes} bytes`)
            : refused('bad_json', 'the body is not UTF-8, or was read before'),
        );
        return null;
      }
      // Before it is parsed, which is what large requests cost most.
      const retryAfterMs = door.weigh(request, read.bytes);
      if (retryAfterMs > 0) {
        answer(response, refused('rate_limited', 'limits.lineBytesPerSecond', retryAfterMs));
        return null;
      }
      const parsed = parseLineRequest(read.text, read.bytes);
      if (parsed.kind !== 'refused') return parsed;
      answer(response, parsed.answer);
      return null;
    },
  };
}

/** Whole seconds (RFC 9110, section 10.2.3). */
function retryAfter(body: string, code: LineAnswer['code']): Readonly<Record<string, string>> {
  if (code === null) return {};
  const { retryAfterMs } = JSON.parse(body) as { readonly retryAfterMs?: number };
  return retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
}
