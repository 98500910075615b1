import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { loginToken } from '../../wire/scene/login-token.ts';
import { scrape } from '../../wire/scene/server-metrics.ts';
import { within } from '../../wire/scene/within.ts';
import type { ClusterScene } from './cluster-scene.ts';

export const WAYS = ['websocket', 'sse', 'longpoll'] as const;

export type Way = (typeof WAYS)[number];

/** The part of the SDK that is used here, without its types: those name the browser's. */
type Client = {
  readonly session: string | null;
  connect(): void;
  disconnect(): void;
  onConnection(listener: (change: { readonly status: string; readonly transport?: string }) => void): void;
  stream(
    pattern: string,
    params: Readonly<Record<string, string>>,
  ): {
    subscribe(): Promise<unknown>;
    publish(data: unknown): Promise<unknown>;
    onPublication(listener: (publication: { readonly data: string }) => void): void;
  };
};

const SDK: string = '@carillon/client';
const { createClient } = (await import(SDK)) as { createClient(options: object): Client };

/** Somebody with the real SDK, on one transport, who talks in a room. */
export type SdkPerson = {
  readonly user: string;
  readonly way: Way;
  readonly client: Client;
  /** Payloads in the order in which they came. */
  readonly seen: string[];
  readonly acknowledged: string[];
  /** Connections, the first apart. */
  readonly returns: number;
  readonly inFlight: boolean;
  /** `o` and `x` as they came over the wire. */
  readonly flaps: string[];
};

/** People on all three transports who follow each other and talk in one room. */
export type SdkCrowd = {
  readonly all: readonly SdkPerson[];
  /** Resolves when each has been answered for so many more publications. */
  each(more: number, limitMs?: number): Promise<void>;
  /** Stops publishing, and fails unless everybody saw the same, each publication once and none that was acknowledged missing. */
  verify(): Promise<void>;
  stop(): void;
};

/** @param port where all of them connect to */
export async function startSdkCrowd(
  scene: ClusterScene,
  port: number,
  { each }: { readonly each: number },
): Promise<SdkCrowd> {
  const room = 'sdk';
  const users = WAYS.flatMap((way) =>
    Array.from({ length: each }, (_, at) => ({ way, user: `${way}${at}` }) as const),
  );
  const friends = (at: number): string[] =>
    [1, each, each + 1].map((by) => users[(at + by) % users.length]!.user);
  await scene.follow(...users.flatMap(({ user }, at) => friends(at).map((other) => [user, other] as const)));
  let publishing = true;
  const failures: unknown[] = [];

  function come(user: string, way: Way): SdkPerson & { ready: Promise<unknown>; talk(): Promise<void> } {
    const seen: string[] = [];
    const acknowledged: string[] = [];
    const flaps: string[] = [];
    let connections = 0;
    let inFlight = false;
    const client = createClient({
      url: `ws://127.0.0.1:${port}/ws`,
      username: user,
      token: () => loginToken(user),
      WebSocket,
      transports: [way],
      onWire(direction: string, text: string) {
        const { t, id } = JSON.parse(text) as { readonly t: string; readonly id?: string };
        if (direction === 'down' && (t === 'o' || t === 'x')) flaps.push(`${user} saw ${t} ${id}`);
      },
    });
    client.onConnection(({ status, transport }) => {
      if (status !== 'connected') return;
      connections++;
      expect(transport).toBe(way);
    });
    const chat = client.stream('room:{id}', { id: room });
    chat.onPublication(({ data }) => void seen.push(data));
    client.connect();
    return {
      user,
      way,
      client,
      seen,
      acknowledged,
      flaps,
      get returns() {
        return connections - 1;
      },
      get inFlight() {
        return inFlight;
      },
      ready: chat.subscribe(),
      async talk() {
        try {
          for (let number = 0; publishing; number++) {
            const data = `${user} ${number}`;
            inFlight = true;
            await chat.publish(data);
            acknowledged.push(data);
            inFlight = false;
          }
        } catch (error) {
          failures.push(error);
        }
      },
    };
  }

  const all = users.map(({ user, way }) => come(user, way));
  await within(Promise.all(all.map(({ ready }) => ready)), 'everybody has come');
  // Everybody has seen their friends come: later nobody may.
  const uncome = (): number => all.filter(({ client }) => client.session === null).length;
  await expect.poll(uncome).toBe(0);
  const online = async (): Promise<number> => {
    const views = all.map(({ client }, at) =>
      friends(at).filter((id) => presenceOf(client, id) !== 'Online'),
    );
    return views.flat().length;
  };
  await expect.poll(online, { timeout: 20_000 }).toBe(0);
  for (const { flaps } of all) flaps.length = 0;
  const talks = all.map((person) => person.talk());

  return {
    all,
    async each(more, limitMs = 20_000) {
      const wanted = all.map(({ acknowledged }) => acknowledged.length + more);
      const behind = (): string[] =>
        all.flatMap(({ user, acknowledged }, at) => (acknowledged.length < wanted[at]! ? [user] : []));
      await expect.poll(behind, { timeout: limitMs, interval: 50, message: 'not answered' }).toEqual([]);
    },
    async verify() {
      publishing = false;
      await within(Promise.all(talks), 'everything is answered');
      expect(failures).toEqual([]);
      const longest = (): number => Math.max(...all.map(({ seen }) => seen.length));
      const behind = (): string[] =>
        all.flatMap(({ user, seen }) => (seen.length < longest() ? [`${user} ${seen.length}`] : []));
      await expect.poll(behind, { timeout: 20_000, interval: 50 }).toEqual([]);
      const { seen } = all[0]!;
      expect(new Set(seen).size, 'nothing is repeated').toBe(seen.length);
      for (const person of all) {
        expect(
          person.seen.findIndex((data, at) => data !== seen[at]),
          `${person.user} saw another order`,
        ).toBe(-1);
        const there = new Set(seen);
        expect(
          person.acknowledged.filter((data) => !there.has(data)),
          'acknowledged and lost',
        ).toEqual([]);
        expect(person.flaps).toEqual([]);
      }
    },
    stop() {
      publishing = false;
      for (const { client } of all) client.disconnect();
    },
  };
}

function presenceOf(client: Client, id: string): string | undefined {
  const { presence } = client as unknown as {
    readonly presence: { get(id: string): { readonly status: string } | undefined };
  };
  return presence.get(id)?.status;
}

/** What all nodes, or all workers, measured together, by the value of a label. */
export async function summed(
  scene: ClusterScene,
  name: string,
  label: string,
): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { process, isUp } of scene.nodes) {
    if (!isUp) continue;
    const { body } = await process.api('GET', '/metrics');
    for (const [, value, count] of String(body).matchAll(
      new RegExp(`^${name}\\{.*\\b${label}="([^"]*)".*\\} (\\d+)$`, 'gm'),
    ))
      sums[value!] = (sums[value!] ?? 0) + Number(count);
  }
  return sums;
}

/** How many connections a node has, by transport. */
export async function transportsOf(node: {
  readonly process: Parameters<typeof scrape>[0];
}): Promise<number[]> {
  const by = (await scrape(node.process)).by('carillon_transport_connections', 'transport');
  return ['websocket', 'sse', 'poll'].map((transport) => by.get(transport) ?? 0);
}
