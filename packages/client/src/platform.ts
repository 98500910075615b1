import type { Report } from './listeners.ts';
import type { StorageLike } from './resume-keeper.ts';

/** A WebSocket as the client uses it: the browsers', Node's own, and that of `ws` all fit. */
export interface WebSocketLike {
  /** The subprotocol that was agreed to; empty or undefined: none. */
  readonly protocol?: string;
  /** Set to `arraybuffer` where a codec reads binary frames. */
  binaryType?: string;
  /** Bytes only where a codec made them. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number }) => void): void;
  addEventListener(type: 'error', listener: () => void): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** Speaks another form of the messages over WebSockets: makes sockets that take and give JSON texts out of ones that do not. */
export type Codec = (WebSocket: WebSocketConstructor) => WebSocketConstructor;

/** The part of `fetch` that is used: the browsers', Node's own and React Native's all fit. */
export type FetchLike = (
  url: string,
  init: {
    readonly method: 'POST';
    readonly body: string;
    readonly signal: AbortSignal;
    /** The body holds the login: it goes to nobody else. A WebSocket is not redirected either. */
    readonly redirect: 'error';
  },
) => Promise<ResponseLike>;

/** An answer to it. `body` is missing where an answer cannot be read as it comes. */
export type ResponseLike = {
  readonly ok: boolean;
  readonly status: number;
  json(): Promise<unknown>;
  readonly body?: {
    getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> };
  } | null;
};

/** What a page lives through, as far as it concerns a connection; `moved`: it is on another network. */
export type PageEvent = 'online' | 'offline' | 'moved' | 'visible' | 'hidden';

/** The page around the client; null outside of one. */
export type Page = {
  /** Whether nobody looks at it. Always so in a worker: it has no document, and nothing announces its end. */
  hidden(): boolean;
  /** @returns ends the watching */
  watch(listener: (event: PageEvent) => void): () => void;
};

/** Everything the client takes from where it runs. */
export type Platform = {
  /** A clock that never steps back, ms. */
  nowMs(): number;
  /** ms since the epoch. */
  wallMs(): number;
  random(): number;
  /** @returns cancels the timer */
  setTimer(delayMs: number, fire: () => void): () => void;
  /** Runs at the end of the turn. */
  later(run: () => void): void;
  readonly report: Report;
  readonly page: Page | null;
  readonly storage: StorageLike | null;
  readonly webSocket: WebSocketConstructor | null;
  readonly fetch: FetchLike | null;
  /** Whether answers can be read as they come; elsewhere a stream would be waited for until its end. */
  readonly streams: boolean;
  /** What relative addresses are resolved against. */
  readonly baseUrl: string | undefined;
};

/** The browser, the worker or the Node.js that this runs in. */
export function hostPlatform(): Platform {
  return {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    random: () => Math.random(),
    setTimer(delayMs, fire) {
      const timer = setTimeout(fire, delayMs);
      return () => clearTimeout(timer);
    },
    later: (run) => queueMicrotask(run),
    report: hostReport,
    page: hostPage(),
    storage: hostStorage(),
    webSocket: typeof WebSocket === 'undefined' ? null : WebSocket,
    fetch: typeof fetch === 'undefined' ? null : (url, init) => fetch(url, init),
    streams: typeof Response !== 'undefined' && 'body' in Response.prototype,
    baseUrl: typeof location === 'undefined' ? undefined : location.href,
  };
}

/** Tells a developer of a listener that threw. */
export function hostReport(error: unknown): void {
  if (typeof reportError === 'function') return reportError(error);
  // Node has no reportError, and an uncaught throw would end the process for a listener's mistake.
  // oxlint-disable-next-line no-console -- it is where a developer looks, and the app gave nothing else to tell it to
  console.error(error);
}

function hostPage(): Page | null {
  // A worker has the network's events and no document; Node has neither.
  if (typeof addEventListener !== 'function') return null;
  const page = typeof document === 'undefined' ? null : document;
  const hidden = (): boolean => page?.visibilityState !== 'visible';
  return {
    hidden,
    watch(listener) {
      const watching = new AbortController();
      const { signal } = watching;
      const on = (target: EventTarget | null | undefined, type: string, tell: () => void): void =>
        target?.addEventListener(type, tell, { signal });
      on(globalThis, 'online', () => listener('online'));
      const network = hostNetwork();
      let was = network?.type;
      // It tells of every new estimate of the speed too.
      on(network, 'change', () => {
        if (network?.type !== was) listener('moved');
        was = network?.type;
      });
      on(globalThis, 'offline', () => listener('offline'));
      on(globalThis, 'pagehide', () => listener('hidden'));
      // Also from the back/forward cache, where the page slept with its connection cut.
      on(globalThis, 'pageshow', () => !hidden() && listener('visible'));
      on(page, 'visibilitychange', () => listener(hidden() ? 'hidden' : 'visible'));
      return () => watching.abort();
    },
  };
}

/** The Network Information API, which only some browsers have (and TypeScript does not know). */
function hostNetwork(): (EventTarget & { readonly type?: string }) | undefined {
  return (navigator as { readonly connection?: EventTarget & { readonly type?: string } }).connection;
}

function hostStorage(): StorageLike | null {
  try {
    return typeof document === 'undefined' ? null : sessionStorage;
  } catch {
    // Reading the property throws where the page may store nothing.
    return null;
  }
}
