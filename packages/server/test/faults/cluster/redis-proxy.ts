import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What stands between one node and Redis, and is told what to do to what passes. */
export type RedisProxy = {
  readonly url: string;
  /** Messages of pub/sub that are left out from now on: those whose channel fits; null: none. */
  loseMessages(fits: ((channel: string) => boolean) | null): void;
  /** How many were left out. */
  readonly lost: number;
  /** Passes nothing on, either way, and ends nothing: a line that is cut somewhere in between. */
  cut(): void;
  /** Ends the lines that were cut, and lets new ones through. */
  mend(): void;
  close(): Promise<void>;
};

/** A proxy that reads what Redis answers frame by frame (RESP3), so that whole messages can be left out. */
export async function startRedisProxy(port: number): Promise<RedisProxy> {
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
  let loses: ((channel: string) => boolean) | null = null;
  let lost = 0;
  let isCut = false;

  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const pair = { near, far };
    pairs.add(pair);
    let held = Buffer.alloc(0);
    const end = (): void => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
    near.on('data', (chunk) => {
      if (!isCut) far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (isCut) return;
      held = Buffer.concat([held, chunk]);
      const out: Buffer[] = [];
      for (;;) {
        const length = frameLength(held, 0);
        if (length === null) break;
        const frame = held.subarray(0, length);
        held = held.subarray(length);
        const channel = channelOf(frame);
        if (channel !== null && loses?.(channel) === true) lost++;
        else out.push(frame);
      }
      if (out.length > 0) near.write(Buffer.concat(out));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseMessages(fits) {
      loses = fits;
    },
    get lost() {
      return lost;
    },
    cut() {
      isCut = true;
    },
    mend() {
      isCut = false;
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
    },
    async close() {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}

const CR = 13;

function lineEnd(bytes: Buffer, from: number): number | null {
  const at = bytes.indexOf(CR, from);
  return at < 0 || at + 1 >= bytes.length ? null : at + 2;
}

/** Where the frame that begins at `from` ends; null where it is not all there. */
function frameLength(bytes: Buffer, from: number): number | null {
  const end = lineEnd(bytes, from);
  if (end === null) return null;
  const type = String.fromCharCode(bytes[from]!);
  const size = Number(bytes.subarray(from + 1, end - 2).toString());
  switch (type) {
    case '$':
    case '=':
    case '!':
      if (size < 0) return end;
      return bytes.length >= end + size + 2 ? end + size + 2 : null;
    case '*':
    case '>':
    case '~':
    case '%':
    case '|': {
      let at = end;
      for (let left = size * (type === '%' || type === '|' ? 2 : 1); left > 0; left--) {
        const next = frameLength(bytes, at);
        if (next === null) return null;
        at = next;
      }
      return at;
    }
    default:
      return end;
  }
}

/** The channel of a pub/sub message; null for every other frame. */
function channelOf(frame: Buffer): string | null {
  if (frame[0] !== '>'.charCodeAt(0)) return null;
  const [, , kind, , channel] = frame.toString().split('\r\n');
  return kind === 'smessage' || kind === 'message' ? (channel ?? null) : null;
}
