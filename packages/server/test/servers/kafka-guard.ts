import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/**
 * A door in front of a broker that has none: TLS, and SASL as brokers do it (KIP-152; RFC 4616 for PLAIN, RFC 5802 and 7677
 * for SCRAM). Behind it every byte is the broker's, but for its address, which is made to be the door's.
 */
export type KafkaGuard = {
  /** `host:port` of the door. */
  readonly broker: string;
  /** What was said in the name of each SASL exchange, in its bytes. */
  readonly exchanges: readonly string[];
  close(): Promise<void>;
};

export type GuardOptions = {
  /** The broker behind it, `127.0.0.1:PORT`. */
  readonly target: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly sasl?: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: string;
    readonly password: string;
  };
};

const [API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE] = [18, 17, 36];
const [UNSUPPORTED_SASL_MECHANISM, SASL_AUTHENTICATION_FAILED] = [33, 58];

export async function startKafkaGuard(options: GuardOptions): Promise<KafkaGuard> {
  const port = Number(options.target.split(':')[1]);
  const sockets = new Set<Socket>();
  const exchanges: string[] = [];
  let ownPort = 0;
  const serve = (client: Socket): void => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // An end that goes takes the other with it; why is told by what the test sees.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    let known = options.sasl === undefined;
    let answerTo: SaslAnswer | null = null;
    const request = (frame: Buffer): void => {
      const apiKey = frame.readInt16BE(4);
      if (known || apiKey === API_VERSIONS) return void upstream.write(frame);
      const { sasl } = options;
      const correlation = frame.subarray(8, 12);
      const body = frame.subarray(14 + Math.max(0, frame.readInt16BE(12)));
      if (sasl === undefined) return;
      if (apiKey === SASL_HANDSHAKE) {
        const asked = body.subarray(2).toString();
        const error = asked === sasl.mechanism ? 0 : UNSUPPORTED_SASL_MECHANISM;
        answerTo = sasl.mechanism === 'PLAIN' ? answerPlain(sasl) : answerScram(sasl);
        client.write(
          framed(
            correlation,
            int16(error),
            int32(1),
            int16(sasl.mechanism.length),
            Buffer.from(sasl.mechanism),
          ),
        );
      } else if (apiKey === SASL_AUTHENTICATE && answerTo !== null) {
        // Version 2: tags of the header, the length + 1 (shorter than 127 bytes or in two), the bytes, tags.
        const long = (body[1] ?? 0) >= 128;
        const said = body.subarray(long ? 3 : 2, -1).toString();
        exchanges.push(said);
        const answer = answerTo(said);
        if (answer === null) {
          const why = 'Authentication failed: credentials';
          client.write(
            framed(
              correlation,
              tags,
              int16(SASL_AUTHENTICATION_FAILED),
              compact(why),
              compact(''),
              int64(0),
              tags,
            ),
          );
        } else {
          known = answer.known;
          client.write(
            framed(correlation, tags, int16(0), Buffer.from([0]), compact(answer.bytes), int64(0), tags),
          );
        }
      } else client.destroy();
    };
    const response = (frame: Buffer): void => void client.write(readdressed(frame, port, ownPort));
    client.on('data', inFrames(request));
    upstream.on('data', inFrames(response));
  };
  const server = options.tls === undefined ? createServer(serve) : createTlsServer({ ...options.tls }, serve);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ownPort = (server.address() as AddressInfo).port;
  return {
    broker: `127.0.0.1:${ownPort}`,
    exchanges,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const tags = Buffer.from([0]);

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const int64 = (value: number): Buffer => Buffer.concat([int32(0), int32(value)]);

/** A compact string: its length + 1 as a varint. */
function compact(text: string): Buffer {
  const length = Buffer.byteLength(text) + 1;
  const head = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
  return Buffer.concat([Buffer.from(head), Buffer.from(text)]);
}

function framed(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length), body]);
}

/** Cuts a stream into frames, each with its length in front. */
function inFrames(take: (frame: Buffer) => void): (chunk: Buffer) => void {
  let kept = Buffer.alloc(0);
  return (chunk) => {
    kept = Buffer.concat([kept, chunk]);
    while (kept.length >= 4 && kept.length >= 4 + kept.readInt32BE(0)) {
      const end = 4 + kept.readInt32BE(0);
      take(kept.subarray(0, end));
      kept = kept.subarray(end);
    }
  };
}

/** An address in an answer is the host as a string of 9 bytes, and the port: of the same length whatever it is. */
function readdressed(frame: Buffer, from: number, to: number): Buffer {
  const host = Buffer.concat([int16(9), Buffer.from('127.0.0.1')]);
  const [old, next] = [Buffer.concat([host, int32(from)]), Buffer.concat([host, int32(to)])];
  const out = Buffer.from(frame);
  for (let at = out.indexOf(old); at >= 0; at = out.indexOf(old, at + 1)) next.copy(out, at);
  return out;
}

/** Null: refused. */
type SaslAnswer = (said: string) => { readonly bytes: string; readonly known: boolean } | null;
type Login = NonNullable<GuardOptions['sasl']>;

const answerPlain =
  ({ username, password }: Login): SaslAnswer =>
  (said) =>
    said === `\0${username}\0${password}` ? { bytes: '', known: true } : null;

function answerScram({ mechanism, username, password }: Login): SaslAnswer {
  const hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512';
  const length = mechanism === 'SCRAM-SHA-256' ? 32 : 64;
  const [salt, iterations] = [randomBytes(16), 4_096];
  const salted = pbkdf2Sync(password, salt, iterations, length, hash);
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const storedKey = createHash(hash).update(hmac(salted, 'Client Key')).digest();
  let firstBare = '';
  let serverFirst = '';
  return (said) => {
    if (firstBare === '') {
      const [, user, nonce] = /^n,,n=([^,]*),r=(.+)$/.exec(said) ?? [];
      if (user !== username || nonce === undefined) return null;
      firstBare = said.slice('n,,'.length);
      serverFirst = `r=${nonce}${randomBytes(12).toString('hex')},s=${salt.toString('base64')},i=${iterations}`;
      return { bytes: serverFirst, known: false };
    }
    const [, withoutProof = '', proof = ''] = /^(c=biws,r=[^,]+),p=(.+)$/.exec(said) ?? [];
    const authMessage = `${firstBare},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const clientKey = Buffer.from(proof, 'base64').map((byte, at) => byte ^ (signature[at] ?? 0));
    if (!createHash(hash).update(clientKey).digest().equals(storedKey)) return null;
    return { bytes: `v=${hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')}`, known: true };
  };
}
