import type { FetchLike, Platform, ResponseLike, WebSocketLike } from '../platform.ts';
import { pauseMs, serverWindowMs } from '../core/backoff.ts';

/** WebSocket close code for a line that was never there or dropped without a word (RFC 6455, section 7.1.5). */
export const ABNORMAL_CLOSE = 1006;

/** Messages of one request at most ([HTTP1]). */
const MOST_MESSAGES = 128;

/** UTF-16 units of one request beside its first message, at most: at three bytes each below the 128 KiB of [HTTP1]. */
const MOST_UNITS = 40_000;

/** A request that is to be answered at once is given up after this long, ms, and repeated. */
const ANSWER_TIMEOUT_MS = 10_000;

/** A request is repeated for this long, ms; then the line is given up: the server has ended it, or soon will ([HTTP6]). */
const REPEAT_FOR_MS = 25_000;

/** So often in a row the server says that it does not reach the line's node: then the line is given up ([HTTP7]). */
const MOST_UNAVAILABLE = 3;

/** What reads the line has so long for the line's last words, ms, where a request learned first that it has ended. */
const LAST_WORDS_MS = 1_000;

export type HttpParts = {
  readonly platform: Platform;
  readonly fetch: FetchLike;
  /** Where the line is opened and spoken to. */
  readonly url: string;
};

/** What reads a line: opens it with a request, and tells what comes. */
export type Downlink = (line: HttpLine, opening: string) => Promise<void>;

/** A line as its reader has it. */
export type HttpLine = {
  /**
   * @param timeoutMs null: an answer that goes on as long as the line
   * @throws where no answer comes, or the line is over
   */
  post(body: string, timeoutMs: number | null): Promise<ResponseLike>;
  /** As `post`, but repeated while that may help. @returns null: it does not, the line has ended */
  insist(body: () => string, timeoutMs: number, onFailure?: (afterMs: number) => void): Promise<unknown>;
  /** Resolves then, unless the line is over before. */
  pause(ms: number): Promise<void>;
  /** The server named the line: what waits goes out. */
  opened(id: string): void;
  /** The server refused to open a line. */
  refused(response: ResponseLike): Promise<void>;
  message(text: string): void;
  /** The line is over: `code` is that which a WebSocket would be closed with. */
  closed(code: number): void;
};

type Listener = (event: { readonly data: unknown; readonly code: number }) => void;

/**
 * A socket made of HTTP requests ([HTTP1] to [HTTP7]). It is open before anything was sent, for what opens the line carries the
 * login. Upward one request is under way; what is sent meanwhile goes with the next.
 */
export function createHttpSocket(parts: HttpParts, downlink: Downlink): WebSocketLike {
  const { platform, fetch, url } = parts;
  const listeners = new Map<string, Listener[]>();
  /** Timers, and requests under way: they end with the line. */
  const cancels = new Set<() => void>();
  let id: string | null = null;
  /** What the server has not said that it took, and the number of the first of it. */
  let queue: string[] = [];
  let number = 1;
  let state: 'new' | 'opening' | 'idle' | 'sending' | 'over' = 'new';

  function tell(type: string, data?: unknown, code = 0): void {
    for (const listener of listeners.get(type) ?? []) listener({ data, code });
  }

  function end(): void {
    state = 'over';
    for (const cancel of cancels) cancel();
    cancels.clear();
  }

  function closed(code: number): void {
    if (state === 'over') return;
    end();
    tell('close', undefined, code);
  }

  function after(delayMs: number, run: () => void): () => void {
    const cancel = platform.setTimer(delayMs, () => {
      cancels.delete(cancel);
      run();
    });
    cancels.add(cancel);
    return () => {
      cancels.delete(cancel);
      cancel();
    };
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => after(ms, resolve));
  }

  async function post(body: string, timeoutMs: number | null): Promise<ResponseLike> {
    const attempt = new AbortController();
    const abort = (): void => attempt.abort();
    cancels.add(abort);
    const cancel = timeoutMs === null ? null : after(timeoutMs, abort);
    try {
      const response = await fetch(url, { method: 'POST', body, signal: attempt.signal, redirect: 'error' });
      if (timeoutMs === null) return response;
      // The time is for all of it: an answer may stop in the middle.
      const value = await (response.ok ? response.json() : refusalOf(response));
      return { ok: response.ok, status: response.status, json: () => Promise.resolve(value) };
    } finally {
      cancel?.();
      // A stream ends with the line.
      if (timeoutMs !== null) cancels.delete(abort);
    }
  }

  async function insist(
    body: () => string,
    timeoutMs: number,
    onFailure?: (afterMs: number) => void,
  ): Promise<unknown> {
    const sinceMs = platform.nowMs();
    let unavailable = 0;
    for (let failures = 0; state !== 'over'; failures++) {
      const askedMs = platform.nowMs();
      let windowMs = 0;
      try {
        const response = await post(body(), timeoutMs);
        if (response.ok) return await response.json();
        const { code, retryAfterMs } = await refusalOf(response);
        // The line has ended, or server and client do not agree about it: the session goes on by another ([HTTP2]).
        if (typeof code === 'string' && isFinal(response.status)) break;
        unavailable = code === 'unavailable' ? unavailable + 1 : 0;
        if (unavailable === MOST_UNAVAILABLE) break;
        windowMs = Math.max(serverWindowMs(retryAfterMs), RETRY_LEAST_MS);
      } catch {
        // No answer, or half of one. What was asked is numbered, and may be asked again.
        unavailable = 0;
      }
      if (isOver()) return null;
      const nowMs = platform.nowMs();
      onFailure?.(nowMs - askedMs);
      if (nowMs - sinceMs > REPEAT_FOR_MS + (timeoutMs > ANSWER_TIMEOUT_MS ? timeoutMs : 0)) break;
      const delayMs = windowMs + Math.min(pauseMs(failures, platform.random()), LONGEST_REPEAT_MS);
      await pause(delayMs);
    }
    return null;
  }

  /** Behind an await the state may be another. */
  function isOver(): boolean {
    return state === 'over';
  }

  async function pump(): Promise<void> {
    if (state !== 'idle' || id === null || queue.length === 0) return;
    state = 'sending';
    const batch = takeable(queue);
    const body = `{"line":${JSON.stringify(id)},"n":${number},"ms":[${batch.join(',')}]}`;
    const answer = (await insist(() => body, ANSWER_TIMEOUT_MS)) as { readonly n?: number } | null;
    if (isOver()) return;
    // What the line was closed with comes by the other way, and may be there a moment later.
    if (answer === null) return void after(LAST_WORDS_MS, () => closed(ABNORMAL_CLOSE));
    // What the server had taken already it passed over ([HTTP3]); a number that cannot be is no answer of its.
    const next = answer?.n;
    if (typeof next !== 'number' || next <= number || next > number + queue.length)
      return closed(ABNORMAL_CLOSE);
    queue = queue.slice(next - number);
    number = next;
    state = 'idle';
    void pump();
  }

  const line: HttpLine = {
    post,
    insist,
    pause,
    opened(name) {
      if (state !== 'opening') return;
      id = name;
      state = 'idle';
      void pump();
    },
    async refused(response) {
      const { code, retryAfterMs } = await refusalOf(response);
      // Only the server says when to come back ([HTTP1]), and only then it is worth while: what something between answers, or
      // what stays refused, is a line that was never there, and speaks against the way.
      if (isOver() || typeof code !== 'string' || typeof retryAfterMs !== 'number')
        return closed(ABNORMAL_CLOSE);
      const afterMs = serverWindowMs(retryAfterMs);
      line.message(JSON.stringify({ t: 'bye', code, advice: 'reconnect', afterMs }));
      closed(ABNORMAL_CLOSE);
    },
    message(text) {
      if (state !== 'over') tell('message', text);
    },
    closed,
  };

  function open(): void {
    state = 'opening';
    const batch = takeable(queue);
    queue = queue.slice(batch.length);
    number += batch.length;
    downlink(line, `{"ms":[${batch.join(',')}]}`).catch(() => {
      // Nobody there, or cut off: both are an end.
      closed(ABNORMAL_CLOSE);
    });
  }

  // Whoever made the socket listens to it by then.
  platform.later(() => state === 'new' && tell('open'));
  return {
    send(text) {
      // Nothing binary is spoken here.
      if (state === 'over' || typeof text !== 'string') return;
      queue.push(text);
      // All that is said in one turn goes together.
      if (queue.length > 1) return;
      platform.later(() => {
        if (state === 'new') open();
        else void pump();
      });
    },
    close: end,
    addEventListener(type: string, listener: Listener) {
      listeners.set(type, [...(listeners.get(type) ?? []), listener]);
    },
  };
}

/** What the server says where it refuses; empty where something between answered with a page of its own. */
async function refusalOf(
  response: ResponseLike,
): Promise<{ readonly code?: unknown; readonly retryAfterMs?: unknown }> {
  try {
    return ((await response.json()) as object | null) ?? {};
  } catch {
    return {};
  }
}

/** The least and the longest pause before a request is repeated, ms: a line lives 30 s without one. */
const RETRY_LEAST_MS = 250;
const LONGEST_REPEAT_MS = 4_000;

/** Answers that stay the same however often one asks: 408, 429 and all from 500 do not. */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** The first of what waits that one request carries. */
function takeable(queue: readonly string[]): readonly string[] {
  let units = 0;
  let count = 0;
  for (const text of queue) {
    units += text.length;
    if (count > 0 && (units > MOST_UNITS || count === MOST_MESSAGES)) break;
    count++;
  }
  return queue.slice(0, count);
}
