import fc from 'fast-check';
import { frame, textFrame, upgradeRequest } from '../scene/raw-web-socket.ts';

// What no WebSocket client sends: bytes that are no HTTP, handshakes that are none, frames that break RFC 6455.

/** Bytes for a TCP connection of their own; after them the peer ends its half. */
export type RawInput = { readonly title: string; readonly bytes: Uint8Array };

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: 1, maxLength });

const HEADERS = [
  'Connection: close\r\n',
  'Connection: Upgrade, Upgrade\r\n',
  'Upgrade: h2c\r\n',
  'Sec-WebSocket-Version: 99\r\n',
  'Sec-WebSocket-Key: x\r\n',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  'Sec-WebSocket-Protocol: ,,,\r\n',
  'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'X-Forwarded-For: ,,,,1.2.3.4.5,::::\r\n',
  'Origin: \r\n',
  'Origin: \u0001\r\n',
  'Host: \r\n',
  'NoColon\r\n',
] as const;

const requestLine = fc.constantFrom(
  'GET /ws HTTP/1.1',
  'GET /ws?a=b HTTP/1.1',
  'GET /ws/ HTTP/1.1',
  'GET //ws HTTP/1.1',
  'POST /ws HTTP/1.1',
  'GET /ws HTTP/1.0',
  'GET /ws HTTP/9.9',
  'CONNECT /ws HTTP/1.1',
  'GET http://%/ws HTTP/1.1',
  'GET /%zz HTTP/1.1',
  'GET /v1/users/%00/follows/%ff HTTP/1.1',
  'PRI * HTTP/2.0',
  '',
);

/** @param port for the Host header */
export function rawInput(port: number): fc.Arbitrary<RawInput> {
  const handshake = upgradeRequest(port);
  const opened = (title: string, after: fc.Arbitrary<Uint8Array>): fc.Arbitrary<RawInput> =>
    after.map((rest) => ({ title, bytes: Buffer.concat([Buffer.from(handshake), rest]) }));
  const title = (name: string, of: fc.Arbitrary<Uint8Array | string>): fc.Arbitrary<RawInput> =>
    of.map((each) => ({ title: name, bytes: typeof each === 'string' ? Buffer.from(each, 'latin1') : each }));

  const badFrame = fc.oneof(
    // Reserved bits, unknown opcodes, continuations of nothing, control frames in pieces.
    fc.tuple(fc.nat(255), bytes(130)).map(([first, payload]) => frame(first, payload)),
    // Not masked.
    bytes(100).map((payload) => Buffer.concat([Buffer.from([0x81, payload.length]), payload])),
    // Lengths that are written too long, too large, or negative.
    fc
      .constantFrom(
        '8200',
        '81ff7fffffffffffffff00000000',
        '81ffffffffffffffffff00000000',
        '81ff000000010000000000000000',
        '81fe000300000000414141',
        'ff',
        '81',
      )
      .map((hex) => Buffer.from(hex, 'hex')),
    // A close with half a code, with a code that nobody may send, with words that are no UTF-8.
    fc
      .constantFrom('01', '03ee', '0000', 'ffff', '03e8ff', '0fa1')
      .map((hex) => frame(0x88, Buffer.from(hex, 'hex'))),
    // A message in pieces, with others between them.
    fc
      .tuple(bytes(10), bytes(10))
      .map(([one, two]) => Buffer.concat([frame(0x01, one), frame(0x89, two), frame(0x01, two)])),
    fc.constant(Buffer.concat(Array.from({ length: 2_000 }, () => frame(0x00, Buffer.from('x'))))),
    fc.constant(
      Buffer.concat([
        frame(0x01, Buffer.alloc(0)),
        ...Array.from({ length: 3_000 }, () => frame(0x00, Buffer.alloc(0))),
      ]),
    ),
    // A message that ends in the middle.
    fc.nat(30).map((at) => textFrame('{"t":"statusUpdate","s":"Busy"}').subarray(0, at + 1)),
    // More than a message may hold.
    fc.constant(frame(0x81, Buffer.alloc(70_000, 'x'))),
  );

  return fc.oneof(
    { weight: 2, arbitrary: title('noise', bytes(300)) },
    {
      weight: 1,
      arbitrary: title(
        'a handshake cut off',
        fc.nat(handshake.length - 1).map((at) => handshake.slice(0, at + 1)),
      ),
    },
    {
      weight: 2,
      arbitrary: title(
        'a handshake with other headers',
        fc
          .tuple(requestLine, fc.array(fc.constantFrom(...HEADERS), { maxLength: 6 }))
          .map(([line, headers]) => `${line}\r\n${headers.join('')}\r\n`),
      ),
    },
    {
      weight: 2,
      arbitrary: title(
        'a handshake with a byte changed',
        fc
          .tuple(fc.nat(handshake.length - 1), fc.nat(255))
          .map(([at, byte]) => handshake.slice(0, at) + String.fromCharCode(byte) + handshake.slice(at + 1)),
      ),
    },
    {
      weight: 1,
      arbitrary: title('a header without end', fc.constant(`GET /ws HTTP/1.1\r\nX: ${'x'.repeat(100_000)}`)),
    },
    { weight: 3, arbitrary: opened('noise in a WebSocket', bytes(300)) },
    {
      weight: 6,
      arbitrary: opened(
        'broken frames',
        fc.array(badFrame, { minLength: 1, maxLength: 3 }).map((frames) => Buffer.concat(frames)),
      ),
    },
  );
}
