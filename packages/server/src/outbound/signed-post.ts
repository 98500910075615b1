import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../ports/clock.ts';
import { createSigner } from './signature.ts';

/** How the other side answered, or why it did not. */
export type PostResult =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  /** `problem` is for the log and holds no secret. */
  | { readonly kind: 'failed'; readonly problem: string };

/** Posts signed JSON messages to one URL. */
export type SignedPost = {
  /**
   * Never rejects.
   *
   * @param id unique to the message, and the same for every attempt to deliver it
   */
  post(id: string, body: string, timeLimitMs: number): Promise<PostResult>;
  /** Ends every connection, those with a request under way too: it fails. */
  close(): void;
};

export type SignedPostOptions = {
  /** Must have no `targetProblem`. */
  readonly url: URL;
  /** Must have no `signingSecretProblem`. */
  readonly secret: string;
  /** Connections at once. */
  readonly connections: number;
  /** The longest answer that is read; a longer one is a failure. 0: what is answered beside the status counts nothing. */
  readonly answerBytes: number;
  readonly clock: Pick<Clock, 'nowMs' | 'setTimer'>;
};

/** Idle connections are closed after this, sooner than most servers and proxies close them on their side (60 s, 75 s). */
const IDLE_MS = 30_000;

/** Headers of an answer beyond this are a mistake or an attack; Node's own limit for all of them together. */
const HEADER_BYTES = 16 * 1024;

/** What is read of an answer that nobody wants, so that its connection can be used again. */
const UNWANTED_BYTES = 64 * 1024;

/**
 * Connections are kept. Redirects are not followed: they would move the trust elsewhere. The time limit covers everything,
 * from the resolution of the name to the last byte of the answer.
 */
export function createSignedPost({
  url,
  secret,
  connections,
  answerBytes,
  clock,
}: SignedPostOptions): SignedPost {
  const sign = createSigner(secret);
  const [Agent, open] = url.protocol === 'https:' ? [HttpsAgent, httpsRequest] : [HttpAgent, httpRequest];
  const agent = new Agent({
    keepAlive: true,
    maxSockets: connections,
    maxFreeSockets: connections,
    timeout: IDLE_MS,
  });
  let closed = false;

  function begin(id: string, body: string): ClientRequest {
    return open(url, {
      method: 'POST',
      agent,
      maxHeaderSize: HEADER_BYTES,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        accept: 'application/json',
        'user-agent': 'carillon',
        ...sign(id, clock.nowMs(), body),
      },
    });
  }

  return {
    post(id, body, timeLimitMs) {
      if (closed) return Promise.resolve({ kind: 'failed', problem: 'the server is closing' });
      const result = Promise.withResolvers<PostResult>();
      let request = begin(id, body);
      let done = false;
      /** Known once it has come, where nothing else is wanted. */
      let status: number | null = null;
      const timer = clock.setTimer(timeLimitMs, () =>
        give(answerOrFailure(`no answer within ${timeLimitMs} ms`)),
      );

      function answerOrFailure(problem: string): PostResult {
        if (status !== null) return { kind: 'answered', status, body: '' };
        return { kind: 'failed', problem };
      }

      /** `reusable`: the answer was read to its end, so the connection may go on. */
      function give(given: PostResult, reusable = false): void {
        if (done) return;
        done = true;
        timer.cancel();
        if (!reusable) request.destroy();
        result.resolve(given);
      }

      function send(): void {
        const sent = request;
        sent.on('response', (response) => {
          const statusCode = response.statusCode ?? 0;
          if (answerBytes === 0) status = statusCode;
          readAnswer(response, answerBytes === 0 ? UNWANTED_BYTES : answerBytes, (text, problem) => {
            if (text === null) give(answerOrFailure(problem));
            else give({ kind: 'answered', status: statusCode, body: text }, true);
          });
        });
        sent.on('error', (error) => {
          // The other side closed a kept connection at the moment in which it was used again. That happens to any number of
          // kept connections in a row, and never to a new one.
          if (!done && !closed && sent.reusedSocket && isReset(error)) {
            request = begin(id, body);
            send();
          } else give(answerOrFailure(problemOf(error)));
        });
        sent.end(body);
      }
      send();
      return result.promise;
    },
    close() {
      closed = true;
      agent.destroy();
    },
  } satisfies SignedPost;
}

/** Reads a whole answer, or says why it was not read (`text` null). */
function readAnswer(
  response: IncomingMessage,
  maxBytes: number,
  give: (text: string | null, problem: string) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) give(null, `the answer is longer than ${maxBytes} bytes`);
    else chunks.push(chunk);
  });
  response.on('end', () => give(Buffer.concat(chunks).toString(), ''));
  response.on('error', (error) => give(null, problemOf(error)));
}

function isReset(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ECONNRESET' || code === 'EPIPE';
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Node's messages name address and cause; they hold nothing of the request. */
function problemOf(error: unknown): string {
  const text = error instanceof Error ? error.message : '';
  return (text === '' ? (codeOf(error) ?? 'the connection failed') : text).slice(0, 300);
}
