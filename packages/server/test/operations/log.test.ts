import { defineContract, stream } from '@carillon/contract';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type AppUnderTest, startApp } from '../contract/app-under-test.ts';
import { within } from '../wire/scene/within.ts';
import { type CuttableClient, type Log, openClient, operationLog, type Version } from './editors.ts';

const contract = defineContract({
  channels: {
    'ops:{id}': stream({ data: z.json(), durability: 'memory', history: { count: 10 } }),
  },
});

let app: AppUnderTest<typeof contract>;
const clients: CuttableClient[] = [];
afterEach(async () => {
  for (const { sdk } of clients.splice(0)) sdk.disconnect();
  await app.close();
});

/** A log, and what its editor was handed. */
async function open(user: string, from: Version | null = null) {
  const client = openClient(app.url, user);
  clients.push(client);
  const handed: unknown[] = [];
  const lost = Promise.withResolvers<string>();
  const log: Log = operationLog(client.sdk.stream('ops:{id}', { id: 'x' }), {
    from,
    onOperations: ({ data }) => void handed.push(data),
    onLost: ({ why }) => lost.resolve(why),
  });
  return { log, handed, client, lost: within(lost.promise, 'the log is lost') };
}

const batch = (n: number) => ({ client: 'c', steps: [n] });

describe('a log of operations', () => {
  it('[PUB3] refuses an append on an older version, with what came in between, which was handed over by then', async () => {
    app = await startApp(contract, { authorize: { 'ops:{id}': () => true } });
    const [anna, ben] = [await open('anna'), await open('ben')];
    await Promise.all([anna.log.ready, ben.log.ready]);
    const base = anna.log.version!;
    expect(await anna.log.append(base, batch(1))).toMatchObject({ ok: true, version: { offset: 1 } });
    expect(await anna.log.append(anna.log.version!, batch(2))).toMatchObject({ ok: true });
    const refused = await ben.log.append(base, batch(3));
    expect(refused).toMatchObject({
      ok: false,
      version: { offset: 2 },
      missed: [{ data: batch(1) }, { data: batch(2) }],
    });
    expect(ben.handed).toEqual([batch(1), batch(2)]);
    expect(await ben.log.append(refused.version, batch(3))).toMatchObject({
      ok: true,
      version: { offset: 3 },
    });
    expect(ben.handed).toEqual([batch(1), batch(2), batch(3)]);
  });

  it('[REC1] says where what was missed is not all kept, and hands nothing over as if it were', async () => {
    app = await startApp(contract, { authorize: { 'ops:{id}': () => true } });
    const anna = await open('anna');
    await anna.log.ready;
    const empty = anna.log.version!;
    for (let n = 1; n <= 15; n++) await anna.log.append(anna.log.version!, batch(n));
    const late = await open('late');
    expect(await late.lost).toBe('trimmed');
    const behind = await open('behind', { epoch: empty.epoch, offset: 2 });
    expect(await behind.lost).toBe('trimmed');
    const stranger = await open('stranger', { epoch: 'another', offset: 2 });
    expect(await stranger.lost).toBe('epoch');
    const near = await open('near', { epoch: empty.epoch, offset: 6 });
    await near.log.ready;
    expect(near.handed).toEqual(Array.from({ length: 9 }, (_, i) => batch(i + 7)));
    expect([late.handed, behind.handed, stranger.handed]).toEqual([[], [], []]);
    expect(await anna.log.catchUp(empty)).toMatchObject({ ok: false, why: 'trimmed' });
    expect(await anna.log.catchUp({ epoch: empty.epoch, offset: 99 })).toMatchObject({
      ok: false,
      why: 'epoch',
    });
  });

  it('closed takes and tells nothing more', async () => {
    app = await startApp(contract, { authorize: { 'ops:{id}': () => true } });
    const [anna, ben] = [await open('anna'), await open('ben')];
    await Promise.all([anna.log.ready, ben.log.ready]);
    ben.log.close();
    await anna.log.append(anna.log.version!, batch(1));
    await expect(ben.log.append(ben.log.version!, batch(2))).rejects.toMatchObject({
      code: 'options_invalid',
    });
    expect([anna.handed, ben.handed]).toEqual([[batch(1)], []]);
  });
});
