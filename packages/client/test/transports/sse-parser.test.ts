import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type SseEvent, createSseParser } from '../../src/transports/sse-parser.ts';

const STREAM =
  '\uFEFF:\r\n\r\nevent: line\r\ndata: {"line":"a"}\r\n\r\ndata:ü 😀\rdata:  two\r\r: word\nid: 5\ndata\n\nevent: none\n\ndata: last\nretry: 5\n\ndata: cut off';

const EVENTS: readonly SseEvent[] = [
  { name: 'line', data: '{"line":"a"}' },
  { name: '', data: 'ü 😀\n two' },
  { name: '', data: '' },
  { name: '', data: 'last' },
];

function read(pieces: readonly Uint8Array[]): SseEvent[] {
  const events: SseEvent[] = [];
  const parse = createSseParser((event) => void events.push(event));
  const decoder = new TextDecoder();
  for (const piece of pieces) parse(decoder.decode(piece, { stream: true }));
  return events;
}

it('[HTTP4] a stream is read the same wherever it is cut, in the middle of a character or of CRLF', () => {
  const bytes = new TextEncoder().encode(STREAM);
  expect(read([bytes])).toEqual(EVENTS);
  for (let at = 0; at <= bytes.length; at++)
    expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(EVENTS);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
      const ends = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const pieces = ends.slice(1).map((end, at) => bytes.subarray(ends[at], end));
      expect(read(pieces)).toEqual(EVENTS);
    }),
  );
});
