import { call, type Contract, defineContract, map, signal, stream } from '@carillon/contract';
import { type CarillonServer, createServer } from '@carillon/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Line, logIn, optionsIn, temporaryFolder } from './app-under-test.ts';

// What docs/contract.md says of a contract that changes, shown with servers that follow each other on the same files. An older
// client is one that sends and reads what the older contract says: it checks nothing itself.

let folder: ReturnType<typeof temporaryFolder>;
let carillon: CarillonServer;
const lines: Line[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const { socket } of lines.splice(0)) socket.terminate();
  await carillon.close(0);
  folder.remove();
});

const everybody = (contract: Contract) =>
  Object.fromEntries(Object.keys(contract.channels).map((pattern) => [pattern, () => true]));

/** The server begins anew with this contract. */
async function deploy(contract: Contract, calls: Record<string, () => unknown> = {}): Promise<Line> {
  for (const { socket } of lines.splice(0)) socket.terminate();
  await (carillon as CarillonServer | undefined)?.close(0);
  carillon = await createServer(contract, {
    ...optionsIn(folder.path),
    authorize: everybody(contract),
    calls,
  });
  const { url } = await carillon.listen();
  const line = await logIn(`${url.replace('http', 'ws')}/ws`, 'alice');
  lines.push(line);
  return line;
}

const chat = (data: z.ZodType, more: object = {}): Contract =>
  defineContract({ channels: { 'chat:{room}': stream({ data, ...more }) } });

const V1 = z.object({ text: z.string() });

describe('what was kept under an earlier contract', () => {
  it.each(['stream', 'map'] as const)(
    '[CHN5] is delivered as it is, in order and in its place, though it would not pass today (%s)',
    async (kind) => {
      const contractOf = (data: z.ZodType): Contract =>
        defineContract({ channels: { 'chat:{room}': kind === 'stream' ? stream({ data }) : map({ data }) } });
      const key = kind === 'map' ? { k: 'k' } : {};
      const before = await deploy(contractOf(V1));
      const { e } = await before.ask({ t: 'sub', c: 'chat:x' });
      await before.ask({ t: 'pub', c: 'chat:x', d: { text: 'old' }, ...key });

      const after = await deploy(contractOf(z.object({ body: z.string() })));
      const recovered = await after.ask({ t: 'sub', c: 'chat:x', e, o: 0 });
      expect(recovered).toMatchObject({ t: 'ok', rec: true, e, o: 1 });
      expect(await after.next('ps')).toMatchObject({ ps: [{ o: 1, d: { text: 'old' }, ...key }] });
      expect(await after.ask({ t: 'hist', c: 'chat:x' })).toMatchObject({ ps: [{ d: { text: 'old' } }] });
      if (kind === 'map')
        expect(await after.ask({ t: 'page', c: 'chat:x' })).toMatchObject({
          es: [{ k: 'k', d: { text: 'old' } }],
        });
      expect(await after.ask({ t: 'pub', c: 'chat:x', d: { body: 'new' }, ...key })).toMatchObject({
        e,
        o: 2,
      });
      expect(await carillon.history('chat:{room}', { room: 'x' })).toMatchObject({
        value: { publications: [{ data: { text: 'old' } }, { data: { body: 'new' } }] },
      });
    },
  );

  it('is trimmed to what the contract keeps now, at the next publication', async () => {
    const before = await deploy(chat(V1));
    const { e } = await before.ask({ t: 'sub', c: 'chat:x' });
    for (const text of ['1', '2', '3', '4']) await before.ask({ t: 'pub', c: 'chat:x', d: { text } });
    const after = await deploy(chat(V1, { history: { count: 2 } }));
    await after.ask({ t: 'pub', c: 'chat:x', d: { text: '5' } });
    expect(await after.ask({ t: 'sub', c: 'chat:x', e, o: 0 })).toMatchObject({
      rec: false,
      why: 'trimmed',
      e,
      o: 5,
    });
    expect(await after.ask({ t: 'hist', c: 'chat:x' })).toMatchObject({ ps: [{ o: 4 }, { o: 5 }] });
  });

  it.each([
    ['another durability', chat(V1), chat(V1, { durability: 'memory' })],
    ['memory, which a restart loses', chat(V1, { durability: 'memory' }), chat(V1, { durability: 'memory' })],
  ])('is not there any more under %s, and everyone is told', async (_title, first, second) => {
    const before = await deploy(first);
    const { e } = await before.ask({ t: 'sub', c: 'chat:x' });
    await before.ask({ t: 'pub', c: 'chat:x', d: { text: 'old' } });
    const after = await deploy(second);
    const told = await after.ask({ t: 'sub', c: 'chat:x', e, o: 1 });
    expect(told).toMatchObject({ t: 'ok', rec: false, why: 'epoch', o: 0 });
    expect(told['e']).not.toBe(e);
  });

  it('waits for its pattern to be declared again', async () => {
    const before = await deploy(chat(V1));
    const { e } = await before.ask({ t: 'sub', c: 'chat:x' });
    await before.ask({ t: 'pub', c: 'chat:x', d: { text: 'old' } });
    const without = await deploy(defineContract({ channels: { 'talk:{room}': stream({ data: V1 }) } }));
    expect(await without.ask({ t: 'sub', c: 'chat:x' })).toMatchObject({ t: 'err', code: 'channel_unknown' });
    const again = await deploy(chat(V1));
    expect(await again.ask({ t: 'sub', c: 'chat:x', e, o: 0 })).toMatchObject({ rec: true, o: 1 });
  });

  it('belongs to names: a pattern that calls its parameter otherwise has the same channels', async () => {
    const before = await deploy(chat(V1));
    const { e } = await before.ask({ t: 'sub', c: 'chat:x' });
    await before.ask({ t: 'pub', c: 'chat:x', d: { text: 'old' } });
    const after = await deploy(defineContract({ channels: { 'chat:{id}': stream({ data: V1 }) } }));
    expect(await after.ask({ t: 'sub', c: 'chat:x', e, o: 0 })).toMatchObject({ rec: true, o: 1 });
  });
});

describe('a client with an older contract', () => {
  it('[CHN5] is told the path where its payload no longer fits, and that the client may be older', async () => {
    const line = await deploy(chat(z.object({ text: z.string(), lang: z.string() })));
    expect(await line.ask({ t: 'pub', c: 'chat:x', d: { text: 'old' } })).toMatchObject({
      t: 'err',
      code: 'payload_invalid',
      path: '/lang',
    });
  });

  it('goes on where a field was added with a default, and receives what it does not know', async () => {
    const line = await deploy(chat(z.object({ text: z.string(), lang: z.string().default('en') })));
    await line.ask({ t: 'sub', c: 'chat:x' });
    await line.ask({ t: 'pub', c: 'chat:x', d: { text: 'old' } });
    expect(await line.next('p')).toMatchObject({ d: { text: 'old', lang: 'en' } });
  });

  it('is told of a channel, a kind, a call that there is no more', async () => {
    const line = await deploy(
      defineContract({
        channels: { 'chat:{room}': signal({ data: V1 }) },
        calls: { rename: call({ input: z.object({ to: z.string() }), output: z.undefined() }) },
      }),
      { rename: () => undefined },
    );
    expect(await line.ask({ t: 'sub', c: 'room:x' })).toMatchObject({ code: 'channel_unknown' });
    expect(await line.ask({ t: 'hist', c: 'chat:x' })).toMatchObject({ code: 'kind_mismatch' });
    expect(await line.ask({ t: 'call', n: 'delete', d: 1 })).toMatchObject({ code: 'call_unknown' });
    expect(await line.ask({ t: 'call', n: 'rename', d: 'x' })).toMatchObject({
      code: 'payload_invalid',
      path: '',
    });
  });

  it('[PRE7] has its presence fields ignored where they are no more', async () => {
    const line = await deploy(defineContract({ presence: { mood: 16 } }));
    expect(await line.ask({ t: 'statusUpdate', a: 'Coding', mood: 'fine' })).toMatchObject({ t: 'ok' });
  });

  it('answers a call of the server that it does not know with an error of its own, and the server goes on', async () => {
    const line = await deploy(
      defineContract({ clientCalls: { confirm: call({ input: z.string(), output: z.boolean() }) } }),
    );
    const asking = carillon.ask({ user: 'alice' }, 'confirm', 'sure?');
    const { i } = await line.next('call');
    line.send({ t: 're', r: i, code: 'call_unknown' });
    expect(await asking).toMatchObject({ ok: true, value: [{ ok: false, code: 'payload_invalid' }] });
  });
});
