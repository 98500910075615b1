import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineContract, document, type EmptyContract, map, stream } from '@carillon/contract';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createServer, type ServerOptions } from '@carillon/server';
import { startRedisPair } from '../servers/redis-pair.ts';

const SECRET = 'thirty-two bytes of a secret: yes';

describe('channels of which a replica must have what is acknowledged', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  function settings() {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-replicated-'));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    return {
      auth: { secret: SECRET },
      databaseUrl: `sqlite:${join(folder, 'c.sqlite')}`,
      logging: { level: 'silent' },
    } satisfies ServerOptions<EmptyContract>;
  }

  const kinds = {
    stream: defineContract({
      channels: { 'chat:{room}': stream({ data: z.number(), durability: 'replicated' }) },
    }),
    map: defineContract({
      channels: { 'tasks:{list}': map({ data: z.number(), durability: 'replicated' }) },
    }),
    document: defineContract({ channels: { 'doc:{id}': document({ durability: 'replicated' }) } }),
  };

  it.each(['stream', 'map', 'document'] as const)(
    'without Redis a contract with a replicated %s is refused at the start, in one line that says what to do',
    async (kind) => {
      const refused = await createServer(kinds[kind], settings()).then(
        () => expect.fail('it started'),
        (error: Error) => error.message,
      );
      expect(refused).toBe(
        'the contract has channels with durability "replicated", and without CARILLON_REDIS_URL there is no replica: name a Redis that has one, or declare them "stored" or "memory"',
      );
    },
  );

  it('a publication is refused as unavailable while no replica answers, and those beside it are not', async () => {
    const pair = await startRedisPair();
    closing.push(() => pair.stop());
    const contract = defineContract({
      channels: {
        'chat:{room}': stream({ data: z.number(), durability: 'replicated' }),
        'tasks:{list}': map({ data: z.number(), durability: 'replicated' }),
        'loose:{room}': stream({ data: z.number(), durability: 'memory' }),
      },
    });
    const server = await createServer(contract, {
      ...settings(),
      redis: { url: pair.primary.url, replicaWaitMs: 1_000 },
    });
    closing.push(() => server.close(0));
    const publish = (channel: string, key?: string) =>
      server.node.publish({ channel, data: 1, ...(key === undefined ? {} : { key }) });
    expect(await publish('chat:a')).toMatchObject({ ok: true });
    expect(await publish('tasks:a', 'k')).toMatchObject({ ok: true });
    pair.replica.pause();
    expect(await publish('chat:a')).toMatchObject({ ok: false, code: 'unavailable' });
    expect(await publish('tasks:a', 'k')).toMatchObject({ ok: false, code: 'unavailable' });
    expect(await publish('loose:a')).toMatchObject({ ok: true });
    pair.replica.resume();
    await pair.caughtUp();
    expect(await publish('chat:a')).toMatchObject({ ok: true });
  });
});
