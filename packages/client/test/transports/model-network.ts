import type { FetchLike, ResponseLike, WebSocketConstructor, WebSocketLike } from '../../src/platform.ts';
import { type ModelLine, type ModelServer, createModelServer } from './model-server.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What lies between client and server, and may be changed at any moment. */
export type Between = {
  /** Nobody is there, or no network. */
  down: boolean;
  /** The proxy's answer to an upgrade: it passes, is refused, hangs, or passes and then nothing comes through. */
  upgrade: 'pass' | 'refuse' | 'hang' | 'swallow';
  /** Streams are kept back until their end. */
  buffer: boolean;
  /** A connection on which nothing passes for so long is cut, ms. */
  idleMs: number | null;
  /** WebSockets are cut so long after they opened, ms. */
  cutAfterMs: number | null;
  /** So many requests are still answered in vain: the server takes them, and the answer is lost. */
  loseAnswers: number;
  /** So many requests are still handed to the server twice. */
  repeat: number;
  /** So many requests are still answered 503. */
  refuse: number;
  /** What something else than the server answers requests with; null: the server does. */
  stranger: { readonly status: number; readonly json: unknown } | null;
  /** Answers to requests come so much later, ms. */
  holdAnswersMs: number;
  delayMs: number;
};

export type ModelNetwork = {
  readonly between: Between;
  readonly server: ModelServer;
  readonly WebSocket: WebSocketConstructor;
  readonly fetch: FetchLike;
  /** Every line is cut without a word. */
  cut(): void;
  /** Requests and upgrades so far, as `sse`, `poll` and `websocket`. */
  readonly asked: string[];
};

type HttpLine = ModelLine & {
  readonly id: string;
  next: number;
  /** Of a poll: what was not acknowledged, by its number. */
  owed: object[];
  batch: { k: number; ms: object[] } | null;
  acked: number;
  over: number | null;
  wake: (() => void) | null;
  stream: { push(text: string): void; end(): void } | null;
};

export function createModelNetwork(clock: VirtualClock): ModelNetwork {
  const server = createModelServer(clock.setTimer);
  const between: Between = {
    down: false,
    upgrade: 'pass',
    buffer: false,
    idleMs: null,
    cutAfterMs: null,
    loseAnswers: 0,
    repeat: 0,
    refuse: 0,
    stranger: null,
    holdAnswersMs: 0,
    delayMs: 5,
  };
  const asked: string[] = [];
  const lines = new Map<string, HttpLine>();
  const cuts = new Set<() => void>();
  let last = 0;

  /** Cuts what is silent for too long. @returns to be called whenever something passes */
  function watched(cut: () => void): { touch(): void; end(): void } {
    let cancel: (() => void) | null = null;
    cuts.add(cut);
    const touch = (): void => {
      cancel?.();
      cancel = between.idleMs === null ? null : clock.setTimer(between.idleMs, cut);
    };
    touch();
    return {
      touch,
      end() {
        cuts.delete(cut);
        cancel?.();
      },
    };
  }

  class ModelSocket implements WebSocketLike {
    readonly #listeners = new Map<string, ((event: { data: unknown; code: number }) => void)[]>();
    #state: 'opening' | 'open' | 'closed' = 'opening';
    #line: ModelLine | null = null;
    #watch: { touch(): void; end(): void } | null = null;

    constructor(_url: string) {
      asked.push('websocket');
      clock.setTimer(between.delayMs, () => {
        if (between.upgrade === 'hang' && !between.down) return;
        if (between.down || between.upgrade === 'refuse') return this.#end(1006);
        if (this.#state !== 'opening') return;
        this.#state = 'open';
        const swallowed = between.upgrade === 'swallow';
        this.#watch = watched(() => this.#end(1006));
        if (between.cutAfterMs !== null) clock.setTimer(between.cutAfterMs, () => this.#end(1006));
        this.#line = {
          way: 'websocket',
          session: null,
          send: (message) => {
            if (this.#state === 'closed' || swallowed) return;
            this.#watch?.touch();
            this.#tell('message', JSON.stringify(message));
          },
          close: (code) => this.#end(code),
        };
        if (swallowed) this.#line = null;
        this.#tell('open');
      });
    }

    #tell(type: string, data?: unknown, code = 0): void {
      for (const listener of this.#listeners.get(type) ?? []) listener({ data, code });
    }

    #end(code: number): void {
      if (this.#state === 'closed') return;
      this.#state = 'closed';
      this.#watch?.end();
      if (this.#line !== null) server.gone(this.#line);
      this.#tell('close', undefined, code);
    }

    send(text: string): void {
      if (this.#state !== 'open' || this.#line === null) return;
      this.#watch?.touch();
      const line = this.#line;
      clock.setTimer(between.delayMs, () => this.#state === 'open' && server.take(line, text));
    }

    close(): void {
      this.#end(1005);
    }

    addEventListener(type: string, listener: (event: never) => void): void {
      const list = (this.#listeners.get(type) ?? []) as ((event: never) => void)[];
      this.#listeners.set(type, [...list, listener] as never);
    }
  }

  function newLine(way: 'sse' | 'longpoll'): HttpLine {
    const line: HttpLine = {
      way,
      id: `line-${++last}`,
      session: null,
      next: 1,
      owed: [],
      batch: null,
      acked: 0,
      over: null,
      wake: null,
      stream: null,
      send(message) {
        if (line.stream !== null) return line.stream.push(`data: ${JSON.stringify(message)}\n\n`);
        line.owed.push(message);
        line.wake?.();
      },
      close(code) {
        line.over = code;
        line.stream?.push(`event: close\ndata: {"close":${code}}\n\n`);
        line.stream?.end();
        line.wake?.();
        if (way === 'sse') lines.delete(line.id);
      },
    };
    lines.set(line.id, line);
    return line;
  }

  /** What the server makes of a request. */
  function handle(way: 'sse' | 'longpoll', body: string): Promise<Answer> | Answer {
    const { line: id, n, ms, ack, wait } = JSON.parse(body) as Record<string, unknown>;
    const texts = ((ms as object[] | undefined) ?? []).map((message) => JSON.stringify(message));
    if (id === undefined) {
      const line = newLine(way);
      line.next = texts.length + 1;
      if (way === 'sse') return { status: 200, line, texts };
      for (const text of texts) server.take(line, text);
      return { status: 200, json: { line: line.id, ...batchOf(line, 0) } };
    }
    const line = lines.get(id as string);
    if (line === undefined) return { status: 404, json: { code: 'line_unknown', m: '' } };
    if (ms !== undefined) {
      const skip = line.next - (n as number);
      if (skip < 0) return { status: 409, json: { code: 'out_of_order', m: '' } };
      for (const text of texts.slice(skip)) {
        line.next++;
        server.take(line, text);
      }
      return { status: 200, json: { n: line.next } };
    }
    if (ack !== line.acked && ack !== line.batch?.k)
      return { status: 409, json: { code: 'poll_conflict', m: '' } };
    if (ready(line, ack as number)) return { status: 200, json: batchOf(line, ack as number) };
    line.wake?.();
    return new Promise((resolve) => {
      const cancel = clock.setTimer(wait as number, () => line.wake?.());
      line.wake = () => {
        cancel();
        line.wake = null;
        resolve({ status: 200, json: batchOf(line, ack as number) });
      };
    });
  }

  function ready(line: HttpLine, ack: number): boolean {
    return line.owed.length > 0 || line.over !== null || (line.batch !== null && line.batch.k > ack);
  }

  function batchOf(line: HttpLine, ack: number): object {
    if (line.batch !== null && line.batch.k > ack) return line.batch;
    line.acked = ack;
    const close = line.over === null ? {} : { close: line.over };
    if (line.owed.length === 0) return { k: ack, ms: [], ...close };
    line.batch = { k: ack + 1, ms: line.owed, ...close };
    line.owed = [];
    return line.batch;
  }

  const fetch: FetchLike = (url, { body, signal }) =>
    new Promise<ResponseLike>((resolve, reject) => {
      const way = url.endsWith('/sse') ? 'sse' : 'longpoll';
      asked.push(way);
      let over = false;
      const fail = (): void => {
        over = true;
        watch.end();
        reject(new TypeError('fetch failed'));
      };
      const watch = watched(fail);
      signal.addEventListener('abort', () => !over && fail());
      clock.setTimer(between.delayMs, () => {
        if (over) return;
        if (between.down) return fail();
        if (between.stranger !== null) {
          over = true;
          watch.end();
          return resolve(answerOf(between.stranger));
        }
        if (between.refuse > 0) {
          between.refuse--;
          over = true;
          watch.end();
          return resolve(answerOf({ status: 503, json: { code: 'unavailable', m: '', retryAfterMs: 300 } }));
        }
        const answers = [handle(way, body)];
        if (between.repeat > 0 && body.includes('"n":')) {
          between.repeat--;
          answers.push(handle(way, body));
        }
        const lost = between.loseAnswers > 0 && body.includes('"line"');
        if (lost) between.loseAnswers--;
        void Promise.resolve(answers[0]).then((answer) => {
          if (over || answer === undefined) return;
          if (lost) return fail();
          const give = (): void => {
            if (over) return;
            over = true;
            watch.end();
            resolve(
              answer.line === undefined
                ? answerOf(answer)
                : streamOf(answer.line, answer.texts ?? [], signal),
            );
          };
          if (between.holdAnswersMs > 0) clock.setTimer(between.holdAnswersMs, give);
          else give();
        });
      });
    });

  function streamOf(line: HttpLine, texts: readonly string[], signal: AbortSignal): ResponseLike {
    const encoder = new TextEncoder();
    const pieces: Uint8Array[] = [];
    let state: 'on' | 'ended' | 'broken' = 'on';
    let waiting: (() => void) | null = null;
    let keepAlive = (): void => {};
    const settle = (next: 'ended' | 'broken'): void => {
      if (state !== 'on') return;
      state = next;
      watch.end();
      keepAlive();
      line.stream = null;
      lines.delete(line.id);
      server.gone(line);
      waiting?.();
    };
    const watch = watched(() => settle('broken'));
    signal.addEventListener('abort', () => settle('broken'));
    const push = (text: string): void => {
      if (state !== 'on') return;
      watch.touch();
      // Cut in the middle of a character, if there is one.
      const bytes = encoder.encode(text);
      const half = Math.floor(bytes.length / 2);
      pieces.push(bytes.subarray(0, half), bytes.subarray(half));
      keepAlive();
      keepAlive = clock.setTimer(8_000, () => push(':\n\n'));
      if (!between.buffer) waiting?.();
    };
    line.stream = { push, end: () => settle('ended') };
    push(`event: line\ndata: {"line":"${line.id}"}\n\n`);
    for (const text of texts) server.take(line, text);
    return {
      ok: true,
      status: 200,
      json: () => Promise.reject(new Error('a stream')),
      body: {
        getReader: () => ({
          async read() {
            while (state === 'on' && (pieces.length === 0 || between.buffer))
              await new Promise<void>((resolve) => (waiting = resolve));
            const value = pieces.shift();
            if (value !== undefined && (state !== 'broken' || !between.buffer)) return { done: false, value };
            if (state === 'broken') throw new TypeError('network error');
            return { done: true };
          },
        }),
      },
    };
  }

  return {
    between,
    server,
    WebSocket: ModelSocket,
    fetch,
    cut() {
      for (const cut of [...cuts]) cut();
    },
    asked,
  };
}

type Answer = {
  readonly status: number;
  readonly json?: unknown;
  readonly line?: HttpLine;
  readonly texts?: readonly string[];
};

function answerOf({ status, json }: Answer): ResponseLike {
  return { ok: status < 300, status, json: () => Promise.resolve(json) };
}
