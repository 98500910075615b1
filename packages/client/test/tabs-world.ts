import type { Contract } from '@carillon/contract';
import type { TestServer } from '@carillon/server/testing';
import { type Client, type ClientOptions, createClientOn } from '../src/client.ts';
import type { Page, PageEvent, Platform, WebSocketConstructor, WebSocketLike } from '../src/platform.ts';
import { shareTabs } from '../src/tabs/tabs.ts';
import type { LockManagerLike, TabChannelLike, TabHost } from '../src/tabs/tab-host.ts';
import { createChance } from '../src/testing/chance.ts';
import { socketOn } from '../src/testing/line-socket.ts';
import type { LineKeeper } from '../src/transports/ways.ts';

/** One tab of a simulated browser: what happens to it, and the client in it. */
export type Tab<C extends Contract> = {
  readonly id: string;
  readonly client: Client<C>;
  readonly line: ReturnType<TestServer<C>['line']>;
  /** Nothing in it runs any more: timers, messages and answers wait for `thaw`. */
  freeze(): void;
  thaw(): void;
  readonly frozen: boolean;
  /** The browser keeps the page for a way back: as `freeze`, and what others tell it meanwhile is lost. */
  putAway(): void;
  /** The tab is gone without a word. */
  kill(): void;
  readonly alive: boolean;
  /** Its client has found a better line, which stands open. @returns whether it was taken */
  climb(to: WebSocketLike): boolean;
  show(visible: boolean): void;
  readonly visible: boolean;
};

export type Browser<C extends Contract> = {
  open(options?: {
    readonly username?: string;
    readonly visible?: boolean;
    readonly name?: string;
    /** The browser refuses the page its locks. */
    readonly lockless?: boolean;
    /** A second client in the page of that one. */
    readonly beside?: Tab<C> | undefined;
    readonly client?: Partial<ClientOptions<string>>;
  }): Tab<C>;
  /** Every tab that was opened. */
  readonly tabs: readonly Tab<C>[];
  /** Writes into all channels of the browser, as any script of the origin may. */
  scribble(message: unknown): void;
  /** Tabs that have a connection to the server. */
  connected(): readonly Tab<C>[];
};

type Running = { run(task: () => void): void; readonly alive: boolean; readonly away: boolean };

type Request = {
  readonly owner: Running & { readonly clientId: string };
  readonly held: () => Promise<void>;
  readonly settle: (error?: Error) => void;
};

/** Web Locks of one origin. */
function createLocks(): {
  of(owner: Request['owner']): LockManagerLike;
  release(owner: Request['owner']): void;
} {
  const held = new Map<string, Request>();
  /** Those that several may have at once; nobody asks for one of them alone. */
  const shared = new Map<Request, string>();
  const queues = new Map<string, Request[]>();

  function grant(name: string): void {
    if (held.has(name)) return;
    const next = queues.get(name)?.shift();
    if (next === undefined) return;
    held.set(name, next);
    next.owner.run(() => {
      // Stolen before its tab came to it.
      if (held.get(name) !== next) return;
      void next.held().then(() => {
        if (held.get(name) !== next) return;
        held.delete(name);
        next.settle();
        grant(name);
      });
    });
  }

  return {
    of: (owner) => ({
      request(name, { signal, steal, mode }, run) {
        return new Promise((resolve, reject) => {
          const request: Request = {
            owner,
            held: run,
            settle: (error) => owner.run(() => (error === undefined ? resolve(undefined) : reject(error))),
          };
          if (mode === 'shared') {
            shared.set(request, name);
            owner.run(() => void run().then(() => shared.delete(request) && request.settle()));
            return;
          }
          const queue = queues.get(name) ?? [];
          queues.set(name, queue);
          if (steal === true) {
            queue.unshift(request);
            const former = held.get(name);
            held.delete(name);
            former?.settle(new DOMException('stolen', 'AbortError'));
          } else queue.push(request);
          signal?.addEventListener('abort', () => {
            const at = queue.indexOf(request);
            if (at === -1) return;
            queue.splice(at, 1);
            request.settle(new DOMException('called off', 'AbortError'));
          });
          grant(name);
        });
      },
      query: () =>
        new Promise((resolve) => {
          const all = [...held, ...[...shared].map(([request, name]) => [name, request] as const)];
          const list = all.map(([name, request]) => ({ name, clientId: request.owner.clientId }));
          owner.run(() => resolve({ held: list }));
        }),
    }),
    release(owner) {
      for (const request of shared.keys()) if (request.owner === owner) shared.delete(request);
      for (const [name, queue] of queues) {
        queues.set(
          name,
          queue.filter((request) => request.owner !== owner),
        );
      }
      for (const [name, request] of held) {
        if (request.owner !== owner) continue;
        held.delete(name);
        grant(name);
      }
    },
  };
}

/** A browser with tabs on the clock of a test server. */
export function createBrowser<C extends Contract>(server: TestServer<C>, seed = ''): Browser<C> {
  const { clock } = server;
  const tabs: Tab<C>[] = [];
  const locks = createLocks();
  const ends = new Map<string, Set<{ hear(message: unknown): void }>>();

  function channelOf(running: Running, name: string): TabChannelLike {
    const listeners: ((event: { readonly data: unknown }) => void)[] = [];
    let open = true;
    const end = {
      hear(data: unknown) {
        if (running.away) return;
        running.run(() => {
          if (open) for (const listener of listeners) listener({ data });
        });
      },
    };
    const others = ends.get(name) ?? new Set();
    ends.set(name, others.add(end));
    return {
      postMessage(message) {
        if (!open) throw new Error('the channel is closed');
        const copy: unknown = structuredClone(message);
        // In the order in which they were said, as each browser does.
        for (const other of others) if (other !== end) clock.setTimer(1, () => other.hear(copy));
      },
      addEventListener: (_, listener) => void listeners.push(listener),
      close() {
        open = false;
        others.delete(end);
      },
    };
  }

  function open({
    username = 'alice',
    visible: visibleAtFirst = true,
    name,
    lockless = false,
    beside,
    client: more = {},
  }: Parameters<Browser<C>['open']>[0] = {}): Tab<C> {
    const id = `t${tabs.length + 1}`;
    const line = server.line();
    let alive = true;
    let frozen = false;
    let away = false;
    let visible = visibleAtFirst;
    const waiting: (() => void)[] = [];
    let keeper: LineKeeper | null = null;

    /** One task a turn, each behind what the one before it has led to: as a browser runs them. */
    function pump(): void {
      if (frozen || !alive) return;
      waiting[0]?.();
      waiting.shift();
      if (waiting.length > 0) clock.defer(pump);
    }

    const watchers = new Set<(event: PageEvent) => void>();
    const owner = {
      clientId: beside?.id ?? id,
      get alive() {
        return alive;
      },
      get away() {
        return away;
      },
      run(task: () => void) {
        waiting.push(task);
        if (waiting.length === 1) clock.defer(pump);
      },
    };
    const page: Page = {
      hidden: () => !visible,
      watch(listener) {
        watchers.add(listener);
        return () => watchers.delete(listener);
      },
    };
    const LineSocket = function (): unknown {
      const made = socketOn(line);
      return {
        ...made,
        addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void) {
          made.addEventListener(type, (event) => owner.run(() => listener(event)));
        },
      };
    } as unknown as WebSocketConstructor;
    const platform: Platform = {
      nowMs: () => clock.monotonicMs(),
      wallMs: () => clock.nowMs(),
      random: createChance(`${seed}${id}`),
      setTimer(delayMs, fire) {
        let cancelled = false;
        const timer = clock.setTimer(delayMs, () => owner.run(() => !cancelled && fire()));
        return () => {
          cancelled = true;
          timer.cancel();
        };
      },
      later: (run) => queueMicrotask(() => owner.run(run)),
      report(error) {
        queueMicrotask(() => {
          throw error;
        });
      },
      page,
      storage: null,
      webSocket: LineSocket,
      fetch: null,
      streams: false,
      baseUrl: undefined,
    };
    const refusing: LockManagerLike = {
      request: () => Promise.reject(new DOMException('refused', 'SecurityError')),
      query: () => Promise.reject(new DOMException('refused', 'SecurityError')),
    };
    const host: TabHost = {
      locks: lockless ? refusing : locks.of(owner),
      open: (channel) => channelOf(owner, channel),
    };
    const { presence } = server.contract;
    const client = createClientOn<string>(platform, {
      url: 'ws://test.invalid/ws',
      username,
      token: () => username,
      fields: Object.keys(presence),
      tabs: (parts) =>
        shareTabs({ host, name })({
          ...parts,
          make(found, underWay) {
            keeper = found;
            return parts.make(found, underWay);
          },
        }),
      ...more,
    }) as unknown as Client<C>;
    const tab: Tab<C> = {
      id,
      client,
      line,
      get frozen() {
        return frozen;
      },
      get alive() {
        return alive;
      },
      get visible() {
        return visible;
      },
      freeze() {
        frozen = true;
      },
      putAway() {
        frozen = away = true;
      },
      thaw() {
        if (!frozen) return;
        // The page is shown again.
        if (away) for (const watcher of watchers) owner.run(() => watcher('visible'));
        frozen = away = false;
        if (waiting.length > 0) clock.defer(pump);
      },
      kill() {
        alive = false;
        locks.release(owner);
        line.cut({ forMs: 1e12 });
      },
      climb: (to) => keeper?.climb(to) === true,
      show(is) {
        visible = is;
        for (const watcher of watchers) owner.run(() => watcher(is ? 'visible' : 'hidden'));
      },
    };
    tabs.push(tab);
    client.connect();
    return tab;
  }

  return {
    open,
    tabs,
    scribble(message) {
      for (const others of ends.values()) for (const end of others) end.hear(message);
    },
    connected: () => tabs.filter((tab) => tab.line.connected),
  };
}
