import { createClientOn } from '../../src/client.ts';
import type { Client, ClientOptions, ConnectionChange } from '../../src/index.ts';
import type { Page, PageEvent, Platform } from '../../src/platform.ts';
import { type ModelNetwork, createModelNetwork } from './model-network.ts';
import { type VirtualClock, createVirtualClock } from './virtual-clock.ts';

/** A client, a network and a server in a time of their own. */
export type LadderScene = {
  readonly clock: VirtualClock;
  readonly network: ModelNetwork;
  readonly client: Client;
  /** From here on the client's timers fire at whole minutes. */
  throttle(): void;
  /** Timers of the client that run. */
  readonly timers: () => number;
  readonly storage: Map<string, string>;
  readonly told: ConnectionChange[];
  readonly reported: unknown[];
  /** Payloads of the channel as the app saw them. */
  readonly seen: unknown[];
  tell(event: PageEvent): void;
  /** The next life of the page: what it stored is still there. */
  reload(): Promise<void>;
};

export type SceneOptions = {
  readonly random?: () => number;
  readonly platform?: Partial<Platform>;
  readonly client?: Partial<ClientOptions>;
};

export function ladderScene({
  random = () => 0.5,
  platform = {},
  client: options = {},
}: SceneOptions = {}): LadderScene {
  const clock = createVirtualClock();
  const network = createModelNetwork(clock);
  const storage = new Map<string, string>();
  const told: ConnectionChange[] = [];
  const reported: unknown[] = [];
  const seen: unknown[] = [];
  const watchers = new Set<(event: PageEvent) => void>();
  const page: Page = {
    hidden: () => false,
    watch(listener) {
      watchers.add(listener);
      return () => void watchers.delete(listener);
    },
  };

  let timers = 0;
  let throttled = false;
  function setTimer(delayMs: number, fire: () => void): () => void {
    timers++;
    let runs = true;
    const end = (): void => {
      if (runs) timers--;
      runs = false;
    };
    // Browsers let a hidden page's timers fire once a minute.
    const atMs = clock.nowMs() + delayMs;
    const lateMs = throttled ? Math.ceil(atMs / 60_000) * 60_000 - atMs : 0;
    const cancel = clock.setTimer(delayMs + lateMs, () => {
      end();
      fire();
    });
    return () => {
      end();
      cancel();
    };
  }

  function begin(): Client {
    const client = createClientOn(
      {
        ...clock.parts,
        setTimer,
        random,
        report: (error) => void reported.push(error),
        page,
        storage: {
          getItem: (key) => storage.get(key) ?? null,
          setItem: (key, value) => void storage.set(key, value),
          removeItem: (key) => void storage.delete(key),
        },
        webSocket: network.WebSocket,
        fetch: network.fetch,
        streams: true,
        baseUrl: undefined,
        ...platform,
      },
      { url: 'ws://test.invalid/ws', username: 'alice', token: () => 'jwt', ...options },
    );
    client.onConnection((change) => void told.push(change));
    const chat = client.stream('chat:1');
    chat.onPublication(({ data }) => void seen.push(data));
    void chat.subscribe();
    client.connect();
    return client;
  }

  let client = begin();
  return {
    clock,
    network,
    get client() {
      return client;
    },
    timers: () => timers,
    throttle() {
      throttled = true;
    },
    storage,
    told,
    reported,
    seen,
    tell(event) {
      for (const watcher of [...watchers]) watcher(event);
    },
    async reload() {
      for (const watcher of [...watchers]) watcher('hidden');
      await clock.advance(0);
      client.disconnect();
      client = begin();
    },
  };
}
