import type { Bench } from '../bench.ts';
import { CHANNELS_CONFIG, loginMessage, newDatabase, startCarillon } from '../processes/carillon.ts';
import { type ByteClient, connectByteClient } from './byte-client.ts';

const FRIENDS = 200;
const PUBLICATIONS = 100;

/** Bytes of the same messages to, or from, a client of either form; the framing of WebSocket included. */
export type BytesSample = { readonly what: string; readonly json: number; readonly packed: number };

/** What apps publish. The last is what MessagePack is worst at. */
const PAYLOADS: readonly { readonly what: string; readonly of: (n: number) => object }[] = [
  {
    what: 'messages of a chat',
    of: (n) => ({
      id: `01JD${String(n).padStart(6, '0')}`,
      text: 'I have pushed the fix, could you look at it before lunch? It is the same as last week.',
      at: 1_763_715_651_000 + n,
      mentions: ['bob', 'carol'],
      edited: n % 5 === 0,
    }),
  },
  {
    what: 'tasks',
    of: (n) => ({
      title: `Write the report ${n}`,
      status: n % 3 === 0 ? 'done' : 'open',
      assignee: `user-${n % 20}`,
      due: 1_763_715_651_000 + n * 1_000,
      priority: n % 4,
      tags: ['report', 'q4'],
      done: n % 3 === 0,
    }),
  },
  {
    what: 'cursors in whole pixels',
    of: (n) => ({ x: (n * 37) % 1920, y: (n * 53) % 1080, from: n * 10, to: n * 10 + 4, color: '#ff8800' }),
  },
  {
    what: 'places, six decimals',
    of: (n) => ({ lat: 52.520008 + n / 1e5, lon: 13.404954 - n / 1e5, heading: n % 360 }),
  },
  { what: 'lists of 20 short decimals', of: (n) => Array.from({ length: 20 }, (_, i) => (n + i) / 10) },
];

/** Two viewers of the same friends and channels, one of each form, get the same messages. */
export async function runBytes(bench: Bench): Promise<readonly BytesSample[]> {
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  try {
    const viewers = ['viewer-j', 'viewer-p'];
    const friends = Array.from({ length: FRIENDS }, (_, n) => `user-${n}`);
    await server.post(
      '/v1/import',
      viewers.flatMap((viewer) => friends.map((friend) => `${viewer},${friend}`)).join('\n'),
    );
    const online: ByteClient[] = [];
    for (const friend of friends) {
      const client = await connectByteClient(server.port, false);
      client.send({
        ...(JSON.parse(loginMessage(friend)) as object),
        s: 'Online',
        a: 'Coding',
        p: 'billing-service',
        l: 'TypeScript',
      });
      await client.until('sync', 1);
      online.push(client);
    }
    const samples: BytesSample[] = [];
    const json = await connectByteClient(server.port, false);
    const packed = await connectByteClient(server.port, true);
    const both = [json, packed] as const;

    async function compare(
      what: string,
      direction: 'read' | 'written',
      act: () => Promise<void>,
    ): Promise<void> {
      const before = both.map((client) => client[direction]);
      await act();
      const [ofJson = 0, ofPacked = 0] = both.map((client, at) => client[direction] - (before[at] ?? 0));
      bench.say(`bytes: ${what}, ${ofJson} as JSON, ${ofPacked} packed`);
      samples.push({ what, json: ofJson, packed: ofPacked });
    }

    await compare(`login: token, and sync of ${FRIENDS} friends`, 'read', async () => {
      for (const [at, client] of both.entries()) {
        client.send(JSON.parse(loginMessage(viewers[at] ?? '')) as object);
        await client.until('sync', 1);
      }
    });
    await compare(`${FRIENDS} changes of presence`, 'read', async () => {
      for (const [n, friend] of online.entries()) friend.send({ t: 'statusUpdate', a: `Debugging ${n}` });
      for (const client of both) await client.until('u', FRIENDS);
    });
    for (const { what, of } of PAYLOADS) {
      const channel = `free:${what.replaceAll(/[^a-z]/g, '-')}`;
      for (const client of both) {
        client.send({ t: 'sub', c: channel, i: 1 });
        await client.until('ok', 1);
      }
      await compare(`${PUBLICATIONS} publications: ${what}`, 'read', async () => {
        for (let n = 0; n < PUBLICATIONS; n++) await server.publish(channel, { data: of(n) });
        for (const client of both) await client.until('p', PUBLICATIONS);
      });
      await compare(`the same as one replay`, 'read', async () => {
        for (const client of both) {
          client.send({ t: 'sub', c: channel, i: 2, last: PUBLICATIONS });
          await client.until('ps', 1);
        }
      });
      await compare(`the same published by the client`, 'written', async () => {
        for (const client of both) {
          for (let n = 0; n < PUBLICATIONS; n++) client.send({ t: 'pub', c: channel, i: n, d: of(n) });
          await client.until('ok', PUBLICATIONS);
        }
      });
    }
    for (const client of [...both, ...online]) client.end();
    return samples;
  } finally {
    await server.end();
  }
}
