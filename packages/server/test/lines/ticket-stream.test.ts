import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { TicketStream } from '../../src/gateways/sse/ticket-stream.ts';
import { record, runOf } from '../websocket/gateway-under-test.ts';

const RIGHT = {
  ...{
    id: 'x',
    user: 'ann',
    channel: 'board:b',
    session: null,
    grant: 'signed',
    proof: 'proof',
    isMap: true,
  },
  ...{ isByRule: false, issuedAtMs: 0, useByMs: 60_000, expiresAtMs: 600_000 },
};

function streaming(isMap: boolean) {
  const socket = new PassThrough();
  socket.setEncoding('utf8');
  socket.resume();
  let text = '';
  socket.on('data', (chunk: string) => (text += chunk));
  const stream = new TicketStream(1, '127.0.0.1', socket as unknown as Socket, { ...RIGHT, isMap });
  const { entry, link } = record(stream);
  const sent = (): unknown[] =>
    entry.told.flatMap((told) => (told.kind === 'message' ? [JSON.parse(told.text) as unknown] : []));
  return {
    entry,
    stream,
    link,
    sent,
    async write(...texts: string[]): Promise<string> {
      text = '';
      stream.write(runOf(...texts));
      await new Promise((resolve) => setImmediate(resolve));
      return text;
    },
  };
}

const P = '{"t":"p","c":"board:b",';

it('[TKT2] says no id before the last page of a map, or whoever comes back would never get the others', async () => {
  const { stream, link, sent, write } = streaming(true);
  stream.drive(link, null);
  expect(sent()).toEqual([{ t: 'sub', i: 1, c: 'board:b', g: 'signed' }]);
  expect(await write('{"t":"ok","i":1,"e":"E","o":7,"es":[{"o":1,"k":"a","d":1}],"next":"a"}')).toBe(
    'data: {"o":1,"k":"a","d":1}\n\n',
  );
  expect(sent().at(-1)).toEqual({ t: 'page', i: 2, c: 'board:b', k: 'a' });
  expect(await write(`${P}"o":8,"ts":1,"k":"z","d":2}`)).toBe('data: {"o":8,"ts":1,"k":"z","d":2}\n\n');
  expect(await write('{"t":"ok","i":2,"e":"E","o":8,"es":[{"o":2,"k":"b","d":3}]}')).toBe(
    'data: {"o":2,"k":"b","d":3}\n\nid: E:8~proof\n\n',
  );
  expect(await write(`${P}"o":9,"ts":1,"k":"z","d":4}`)).toBe(
    'id: E:9~proof\ndata: {"o":9,"ts":1,"k":"z","d":4}\n\n',
  );
});

it('[TKT2] [REC6] subscribes again from where it is, where nothing more comes by itself', async () => {
  const { stream, link, sent, write } = streaming(false);
  stream.drive(link, { epoch: 'E', offset: 3, proof: 'proof' });
  expect(sent()).toEqual([{ t: 'sub', i: 1, c: 'board:b', g: 'signed', e: 'E', o: 3 }]);
  expect(
    await write('{"t":"ok","i":1,"e":"E","o":4,"rec":true}', '{"t":"ps","c":"board:b","ps":[{"o":4,"d":1}]}'),
  ).toBe('id: E:3~proof\n\nid: E:4~proof\ndata: {"o":4,"d":1}\n\n');
  expect(await write('{"t":"gap","c":"board:b","why":"resync","o":9}')).toBe('');
  expect(sent().at(-1)).toEqual({ t: 'sub', i: 1, c: 'board:b', g: 'signed', e: 'E', o: 4 });
  expect(await write('{"t":"gap","c":"board:b","why":"conflated"}')).toBe('');
});

it.each([
  [false, 'id: F:2~proof\nevent: lost\ndata: {"why":"epoch","e":"F","o":2}\n\n'],
  [true, 'event: lost\ndata: {"why":"epoch","e":"F","o":2}\n\n'],
])('[TKT2] [REC6] tells of what is lost, and begins a map anew: %s', async (isMap, told) => {
  const { stream, link, sent, write } = streaming(isMap);
  stream.drive(link, { epoch: 'E', offset: 3, proof: null });
  await write('{"t":"ok","i":1,"e":"E","o":3,"rec":true}');
  expect(await write('{"t":"gap","c":"board:b","why":"epoch","e":"F","o":2}')).toBe(told);
  expect(sent().slice(1)).toEqual(
    isMap
      ? [
          { t: 'unsub', c: 'board:b' },
          { t: 'sub', i: 1, c: 'board:b', g: 'signed' },
        ]
      : [],
  );
});

it('[TKT3] ends where the right is over, and where only the stream is it says nothing of it', async () => {
  const { entry, stream, link, write } = streaming(false);
  stream.drive(link, null);
  expect(await write('{"t":"unsub","c":"board:b","code":"forbidden"}')).toBe(
    'event: end\ndata: {"code":"forbidden"}\n\n',
  );
  expect(entry.told.at(-1)).toEqual({ kind: 'closed', code: 1006 });
  const away = streaming(false);
  away.stream.drive(away.link, null);
  expect(await away.write('{"t":"err","i":1,"code":"unavailable","m":"later"}')).toBe('');
  expect(away.entry.told.at(-1)).toEqual({ kind: 'closed', code: 1006 });
});
