import { type Client, createClient } from '@carillon/client';
import { loginToken } from '../processes/carillon.ts';
import { type BlockingProxy, startBlockingProxy } from '../processes/blocking-proxy.ts';

export const CHANNEL = 'long:r';

/** What a client uses where WebSocket does not work. */
export type OtherWay = 'sse' | 'longpoll';

/** A client of the SDK behind a proxy of its own. */
export type MovingClient = {
  readonly client: Client;
  readonly proxy: BlockingProxy;
  /** What it was told, in order. */
  readonly deliveries: { readonly offset: number; readonly atMs: number }[];
  /** Whether the channel said that something was missed. */
  readonly lost: () => number;
  /** What it published and the server took. */
  readonly published: string[];
  /** Waits until it is connected by that way. @returns when, ms by `performance.now()` */
  on(way: OtherWay | 'websocket'): Promise<number>;
  close(): Promise<void>;
};

/** @param upgrades what the proxy does from the beginning */
export async function startMovingClient(
  serverPort: number,
  user: string,
  way: OtherWay,
  upgrades: BlockingProxy['upgrades'] = 'pass',
): Promise<MovingClient> {
  const proxy = await startBlockingProxy(serverPort);
  proxy.upgrades = upgrades;
  const client = createClient({
    url: `ws://127.0.0.1:${proxy.port}/ws`,
    username: user,
    token: loginToken(user),
    transports: ['websocket', way],
  });
  const deliveries: { offset: number; atMs: number }[] = [];
  let lost = 0;
  const channel = client.stream(CHANNEL);
  channel.onPublication(
    ({ position }) => void deliveries.push({ offset: position.offset, atMs: performance.now() }),
  );
  channel.onLost(() => void lost++);
  return {
    client,
    proxy,
    deliveries,
    lost: () => lost,
    published: [],
    on(wanted) {
      const holds = (): boolean =>
        client.connection.status === 'connected' && client.connection.transport === wanted;
      if (holds()) return Promise.resolve(performance.now());
      return new Promise((resolve) => {
        const off = client.onConnection(() => {
          if (!holds()) return;
          off();
          resolve(performance.now());
        });
      });
    },
    async close() {
      client.disconnect();
      await proxy.close();
    },
  };
}

export type Fate = { readonly missed: number; readonly repeated: number };

/** What is wrong with a list of offsets that should have come each once and in order. */
export function fateOf(offsets: readonly number[]): Fate {
  let [top = 0] = offsets;
  let missed = 0;
  let repeated = 0;
  for (const offset of offsets.slice(1)) {
    if (offset <= top) repeated++;
    else {
      missed += offset - top - 1;
      top = offset;
    }
  }
  return { missed, repeated };
}

/** The longest time without a delivery between two moments, ms. */
export function longestGapMs(atMs: readonly number[], fromMs: number, toMs: number): number {
  const inside = [fromMs, ...atMs.filter((at) => at > fromMs && at < toMs), toMs];
  return Math.max(...inside.slice(1).map((at, i) => at - (inside[i] ?? at)));
}
