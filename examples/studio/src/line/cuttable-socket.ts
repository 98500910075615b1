import type { ConnectionOptions, WebSocketConstructor, WebSocketLike } from '@carillon/client';

type FetchLike = NonNullable<ConnectionOptions['fetch']>;

/** The line between this tab and the server, with scissors. */
export type Line = {
  /** Stands in for the global WebSocket, and obeys the scissors. */
  readonly WebSocket: WebSocketConstructor;
  /** Stands in for the global `fetch`: where WebSockets fail the client takes to HTTP, and that goes over the same line. */
  readonly fetch: FetchLike;
  /** For what the page asks of the app's own backend: a tab without a line has none to that either. */
  request(url: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response>;
  /**
   * Drops every open socket and request and lets no new one through, as when a cable is pulled: the client is told 1006 as by a
   * browser, nothing is sent on its behalf, and what was under way is lost.
   */
  cut(): void;
  /** Drops every open WebSocket and lets no new one through, as a proxy does that knows only requests; or lets them through again. */
  blockWebSockets(blocked: boolean): void;
  /** Ends the attempts that are under way, which cannot succeed, and lets new ones through again. Those that were dropped stay dropped. */
  mend(): void;
};

/** How long an attempt takes to fail on a cut line, ms: long enough to be seen as an attempt. */
const FAILED_ATTEMPT_MS = 250;

/** A line that was never there, or dropped without a word (RFC 6455, section 7.1.5). */
const ABNORMAL_CLOSE = 1006;

type EventName = 'open' | 'message' | 'error' | 'close';

/** What is told with every event, so that one kind of listener hears them all. */
type Heard = { readonly data: unknown; readonly code: number };

/**
 * @param Native the WebSocket that really connects; a parameter so that tests can hand in one of their own
 * @param nativeFetch the same for requests
 */
export function createLine(
  Native: typeof WebSocket = globalThis.WebSocket,
  nativeFetch: FetchLike = (url, init) => globalThis.fetch(url, init),
): Line {
  let isCut = false;
  let isBlocked = false;
  let scissors = new AbortController();
  const sockets = new Set<CuttableSocket>();

  class CuttableSocket implements WebSocketLike {
    readonly #listeners: { readonly type: EventName; readonly listener: (event: Heard) => void }[] = [];
    #isOver = false;
    readonly #native: WebSocket | null;

    constructor(url: string) {
      this.#native = isCut || isBlocked ? null : new Native(url);
      sockets.add(this);
      if (this.#native === null) {
        setTimeout(() => this.drop(), FAILED_ATTEMPT_MS);
        return;
      }
      this.#native.addEventListener('open', () => this.#tell('open'));
      this.#native.addEventListener('message', ({ data }: MessageEvent<unknown>) =>
        this.#tell('message', data),
      );
      this.#native.addEventListener('error', () => this.#tell('error'));
      this.#native.addEventListener('close', ({ code }) => this.#end(code));
    }

    addEventListener(type: EventName, listener: (event: Heard) => void): void {
      this.#listeners.push({ type, listener });
    }

    send(text: string): void {
      if (!this.#isOver) this.#native?.send(text);
    }

    close(): void {
      if (this.#native === null) this.drop();
      else this.#native.close();
    }

    drop(): void {
      this.#tell('error');
      this.#end(ABNORMAL_CLOSE);
      // The other end sees a close without a code of ours; only a `logout` message ends a session.
      this.#native?.close();
    }

    #end(code: number): void {
      this.#tell('close', undefined, code);
      this.#isOver = true;
      sockets.delete(this);
    }

    /** Once it is over, whatever the real socket still has to say reaches nobody. */
    #tell(type: EventName, data?: unknown, code = ABNORMAL_CLOSE): void {
      if (this.#isOver) return;
      for (const entry of this.#listeners) if (entry.type === type) entry.listener({ data, code });
    }
  }

  /** A request by this line, or none: then as a browser says that there is no network. */
  function ask<Init extends { readonly signal: AbortSignal }, Answer>(
    send: (url: string, init: Init) => Promise<Answer>,
  ): (url: string, init: Init) => Promise<Answer> {
    return (url, init) => {
      if (isCut) return Promise.reject(new TypeError('Failed to fetch'));
      return send(url, { ...init, signal: AbortSignal.any([init.signal, scissors.signal]) });
    };
  }

  return {
    WebSocket: CuttableSocket,
    fetch: ask(nativeFetch),
    request: ask((url, init) => globalThis.fetch(url, init)),
    cut() {
      isCut = true;
      scissors.abort(new TypeError('Failed to fetch'));
      for (const socket of [...sockets]) socket.drop();
    },
    blockWebSockets(blocked) {
      isBlocked = blocked;
      if (blocked) for (const socket of [...sockets]) socket.drop();
    },
    mend() {
      if (!isCut) return;
      // While it is cut still: a client that heard of such an end behind it would find the server there and only WebSockets
      // broken, and take to requests; and one that tries again at once would be in the middle of an attempt that cannot succeed.
      for (const socket of [...sockets]) socket.drop();
      isCut = false;
      scissors = new AbortController();
    },
  };
}
