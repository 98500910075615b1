import notepack from 'notepack.io';
import { WebSocket } from 'ws';
import { noteFrame } from './frame-check.ts';
import { loginToken } from './login-token.ts';
import { within } from './within.ts';

/** A message as it stands in a frame. */
export type Wire = { readonly t: string; readonly [field: string]: unknown };

export type Close = { readonly code: number; readonly reason: string };

export type LoggedIn = { readonly token: Wire; readonly sync: Wire };

/** A client that knows WebSocket, JSON (or MessagePack) and the table of messages, and nothing else. */
export type BareClient = {
  /** Every message but echoed probes, oldest first. */
  readonly received: readonly Wire[];
  /** The newest resume token; empty before the first. */
  readonly resumeToken: string;
  /** The newest stamp, of `token` or `hb`; 0 before the first. */
  readonly at: number;
  readonly socket: WebSocket;
  readonly closed: Promise<Close>;
  /** Null while the connection is open. */
  readonly closedWith: Close | null;
  /** Called for each message as it comes. */
  onMessage: ((message: Wire) => void) | null;
  send(message: object | string | Uint8Array): void;
  /** Sends `login` and waits for `token` and `sync`. */
  logIn(user: string, extra?: object): Promise<LoggedIn>;
  /** The first message that fits, from the last `take` on; waits for it. */
  waitFor(what: string, fits: (message: Wire) => boolean): Promise<Wire>;
  /** Messages since the last call, heartbeats left out. */
  take(): Wire[];
  /** Waits until everything that the server had for this client so far has arrived. */
  settle(): Promise<void>;
  /** Ends the connection without a close frame. */
  drop(): void;
};

export type ConnectOptions = {
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether it answers heartbeats. */
  readonly alive?: boolean;
  /** Over TLS, trusting this certificate, in PEM, and no other. */
  readonly ca?: string;
  /** Whether it speaks MessagePack in place of JSON; unless given, what `speakPacked` said. */
  readonly packed?: boolean;
};

let packedByDefault = false;

/** From now on clients speak MessagePack, by another's implementation of it. */
export function speakPacked(): void {
  packedByDefault = true;
}

let lastProbe = 0;

/** Opens a connection; resolves once the WebSocket is open. */
export async function connectBare(port: number, options: ConnectOptions = {}): Promise<BareClient> {
  const { client, opened } = begin(port, options);
  await within(opened, 'the WebSocket is open');
  return client;
}

/** How a server answers a connection it refuses before the upgrade; fails where it accepts it. */
export async function refusedUpgrade(
  port: number,
  options: ConnectOptions = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const { client, opened, refusal } = begin(port, options);
  const outcome = await within(Promise.race([refusal, opened.then(() => null)]), 'the upgrade is answered');
  client.socket.terminate();
  if (outcome === null) throw new Error('the upgrade was accepted');
  return outcome;
}

function begin(port: number, { headers = {}, alive = true, ca, packed = packedByDefault }: ConnectOptions) {
  const socket = new WebSocket(
    `${ca === undefined ? 'ws' : 'wss'}://127.0.0.1:${port}/ws`,
    packed ? ['carillon.msgpack'] : [],
    {
      headers,
      perMessageDeflate: false,
      ...(ca === undefined ? {} : { ca }),
    },
  );
  const opened = Promise.withResolvers<void>();
  const refusal = Promise.withResolvers<{ status: number; body: string }>();
  const closed = Promise.withResolvers<Close>();
  const received: Wire[] = [];
  const waiting: {
    readonly fits: (message: Wire) => boolean;
    readonly resolve: (message: Wire) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  const probes = new Map<number, PromiseWithResolvers<void>>();
  let taken = 0;
  let closedWith: Close | null = null;
  let resumeToken = '';
  let at = 0;

  socket.on('open', () => opened.resolve());
  socket.on('error', (error) => opened.reject(error));
  opened.promise.catch(() => undefined);
  socket.on('unexpected-response', (_request, response) => {
    let body = '';
    response.on('data', (chunk: Buffer) => (body += chunk.toString()));
    response.on('end', () => {
      refusal.resolve({ status: response.statusCode ?? 0, body });
      opened.reject(new Error(`the upgrade was refused with ${response.statusCode}: ${body}`));
    });
  });
  socket.on('close', (code, reason) => {
    closedWith = { code, reason: reason.toString() };
    closed.resolve(closedWith);
    const error = new Error(`the connection closed with ${code} ${reason.toString()}`);
    for (const { reject } of [...waiting.splice(0), ...probes.values()]) reject(error);
  });
  socket.on('message', (data, isBinary) => {
    const bytes = data as Buffer;
    // A text in place of a packed frame is no MessagePack of a map either.
    const text = packed && isBinary ? JSON.stringify(notepack.decode(bytes)) : bytes.toString();
    noteFrame(text, packed !== isBinary);
    take(JSON.parse(text) as Wire);
  });

  function take(message: Wire): void {
    if (message.t === 'hb') {
      const probe = probes.get(message['q'] as number);
      if (probe !== undefined) {
        probes.delete(message['q'] as number);
        probe.resolve();
        return;
      }
      if (typeof message['at'] === 'number') at = message['at'];
      if (alive && message['q'] === undefined && socket.readyState === WebSocket.OPEN)
        client.send('{"t":"hb"}');
    } else if (message.t === 'token') {
      resumeToken = message['token'] as string;
      at = message['at'] as number;
    } else if (message.t === 'err' && message['code'] === 'rate_limited' && message['i'] === undefined) {
      setTimeout(probeAgain, message['retryAfterMs'] as number);
    }
    received.push(message);
    client.onMessage?.(message);
    for (let i = waiting.length - 1; i >= 0; i--) {
      if (waiting[i]!.fits(message)) waiting.splice(i, 1)[0]!.resolve(message);
    }
  }

  // What is refused without a number may have been a probe, of a client that sent as much as it may.
  function probeAgain(): void {
    if (socket.readyState === WebSocket.OPEN) for (const q of probes.keys()) client.send({ t: 'hb', q });
  }

  const shown = (): string => `received last: ${JSON.stringify(received.slice(-5)).slice(0, 1500)}`;
  const client: BareClient = {
    received,
    socket,
    closed: closed.promise,
    onMessage: null,
    get resumeToken() {
      return resumeToken;
    },
    get at() {
      return at;
    },
    get closedWith() {
      return closedWith;
    },
    send(message) {
      if (message instanceof Uint8Array) return socket.send(message);
      const text = typeof message === 'string' ? message : JSON.stringify(message);
      socket.send(packed ? notepack.encode(JSON.parse(text)) : text);
    },
    async logIn(user, extra = {}) {
      const synced = client.waitFor(`sync of ${user}`, (message) => message.t === 'sync');
      client.send({ t: 'login', username: user, token: await loginToken(user), ...extra });
      const sync = await synced;
      const token = received.findLast((message) => message.t === 'token')!;
      return { token, sync };
    },
    waitFor(what, fits) {
      const before = received.slice(taken).find(fits);
      if (before !== undefined) return Promise.resolve(before);
      if (closedWith !== null)
        return Promise.reject(
          new Error(`waiting for ${what} on a closed connection (${closedWith.code}); ${shown()}`),
        );
      const { promise, resolve, reject } = Promise.withResolvers<Wire>();
      waiting.push({ fits, resolve, reject });
      return within(promise, what, shown);
    },
    take() {
      const fresh = received.slice(taken).filter((message) => message.t !== 'hb');
      taken = received.length;
      return fresh;
    },
    async settle() {
      const q = ++lastProbe;
      const probe = Promise.withResolvers<void>();
      probes.set(q, probe);
      client.send({ t: 'hb', q });
      await within(probe.promise, `the probe ${q} is echoed`, shown);
    },
    drop: () => socket.terminate(),
  };
  return { client, opened: opened.promise, refusal: refusal.promise };
}
