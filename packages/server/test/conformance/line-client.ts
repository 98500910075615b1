import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { BareClient, Close, ConnectOptions, LoggedIn, Wire } from '../wire/scene/bare-client.ts';
import { noteFrame } from '../wire/scene/frame-check.ts';
import { loginToken } from '../wire/scene/login-token.ts';
import { within } from '../wire/scene/within.ts';

/** What a client can do whatever its transport. */
export type AnyClient = Omit<BareClient, 'socket'>;

export type LineOptions = Pick<ConnectOptions, 'alive' | 'ca'>;

type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

/** How often a request is repeated that another node could not carry out ([HTTP7]). */
const REPEATS = 20;

let lastProbe = 0;

/** A client that knows HTTP, JSON and the table of messages, and nothing else; its line opens with its first message. */
export function connectLine(port: number, transport: 'sse' | 'poll', options: LineOptions = {}): AnyClient {
  const { alive = true, ca } = options;
  const path = `/${transport}`;
  // No connection is used twice, so that a balancer gives each request to the next node.
  const agent = ca === undefined ? new HttpAgent() : new HttpsAgent({ ca });
  const received: Wire[] = [];
  const waiting: {
    readonly fits: (message: Wire) => boolean;
    readonly resolve: (message: Wire) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  const closed = Promise.withResolvers<Close>();
  const requests = new Set<ClientRequest>();
  let queue: unknown[] = [];
  let line: string | null = null;
  let n = 1;
  let sending = false;
  let begun = false;
  let closedWith: Close | null = null;
  let taken = 0;
  let resumeToken = '';
  let at = 0;

  function start(
    body: object,
    onResponse: (response: IncomingMessage) => void,
    onError: (error: Error) => void,
  ): void {
    const send = ca === undefined ? httpRequest : httpsRequest;
    const request = send(
      { agent, port, host: '127.0.0.1', path, method: 'POST', headers: { 'content-type': 'text/plain' } },
      onResponse,
    );
    requests.add(request);
    request.on('error', onError);
    request.on('close', () => requests.delete(request));
    request.end(JSON.stringify(body));
  }

  function ask(body: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      start(
        body,
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('error', reject);
          response.on('end', () => {
            const isJson = response.headers['content-type']?.startsWith('application/json') === true;
            resolve({
              status: response.statusCode ?? 0,
              body: isJson ? (JSON.parse(text) as Answer['body']) : {},
            });
          });
        },
        reject,
      );
    });
  }

  /** Repeats what may be repeated. */
  async function askSurely(body: object): Promise<Answer> {
    for (let left = REPEATS; ; left--) {
      try {
        const answer = await ask(body);
        if (answer.status < 500 || left === 0) return answer;
      } catch (error) {
        if (left === 0 || closedWith !== null) throw error;
      }
    }
  }

  function end(code: number): void {
    if (closedWith !== null) return;
    closedWith = { code, reason: '' };
    closed.resolve(closedWith);
    for (const { reject } of waiting.splice(0)) reject(new Error(`the line closed with ${code}`));
    for (const request of requests) request.destroy();
    agent.destroy();
  }

  function take(message: Wire): void {
    noteFrame(JSON.stringify(message));
    if (message.t === 'hb') {
      if (typeof message['at'] === 'number') at = message['at'];
      if (alive && message['q'] === undefined) client.send('{"t":"hb"}');
    } else if (message.t === 'token') {
      resumeToken = message['token'] as string;
      at = message['at'] as number;
    }
    received.push(message);
    client.onMessage?.(message);
    for (let i = waiting.length - 1; i >= 0; i--)
      if (waiting[i]!.fits(message)) waiting.splice(i, 1)[0]!.resolve(message);
  }

  /** One request at a time, with everything that is to be sent. */
  async function pump(): Promise<void> {
    if (sending || line === null) return;
    sending = true;
    while (queue.length > 0 && closedWith === null) {
      const ms = queue.splice(0, 128);
      const { status, body } = await askSurely({ line, n, ms });
      if (status !== 200) {
        if (status === 404) break;
        throw new Error(`sending was answered ${status} ${JSON.stringify(body)}`);
      }
      n += ms.length;
      if (body['n'] !== n) throw new Error(`expected ${n}, the server ${String(body['n'])}`);
    }
    sending = false;
  }

  function begin(): void {
    begun = true;
    const ms = queue;
    queue = [];
    n = ms.length + 1;
    if (transport === 'poll') void poll({ ms });
    else stream({ ms });
  }

  function opened(id: string): void {
    line = id;
    pump().catch((error: unknown) => failed(error));
  }

  function failed(error: unknown): void {
    if (closedWith === null) throw error;
  }

  function stream(body: object): void {
    start(
      body,
      (response) => {
        let rest = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          rest += chunk;
          for (let to = rest.indexOf('\n\n'); to >= 0; to = rest.indexOf('\n\n')) {
            event(rest.slice(0, to));
            rest = rest.slice(to + 2);
          }
        });
        for (const gone of ['end', 'error', 'close']) response.on(gone, () => end(1006));
      },
      () => end(1006),
    );
  }

  function event(text: string): void {
    if (text === ':') return;
    const named = /^event: (line|close)\ndata: (.*)$/.exec(text);
    if (named === null) {
      if (!text.startsWith('data: ') || text.includes('\n')) throw new Error(`no event: ${text}`);
      take(JSON.parse(text.slice('data: '.length)) as Wire);
      return;
    }
    const data = JSON.parse(named[2]!) as { readonly line?: string; readonly close?: number };
    if (named[1] === 'line') opened(data.line!);
    else end(data.close!);
  }

  async function poll(first: object): Promise<void> {
    let body = first;
    let ack = 0;
    try {
      while (closedWith === null) {
        const answer = await (body === first ? ask(body) : askSurely(body));
        if (answer.status !== 200) {
          end(1006);
          return;
        }
        const batch = answer.body as { line: string; k: number; ms: Wire[]; close?: number };
        if (batch.ms.length > 0 && batch.k !== ack + 1) throw new Error(`batch ${batch.k} behind ${ack}`);
        ack = batch.k;
        if (line === null) opened(batch.line);
        for (const message of batch.ms) take(message);
        if (batch.close !== undefined) end(batch.close);
        body = { line: batch.line, ack, wait: 20_000 };
      }
    } catch (error) {
      if (closedWith === null) end(1006);
      else if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }

  const shown = (): string => `received last: ${JSON.stringify(received.slice(-5)).slice(0, 1500)}`;
  const client: AnyClient = {
    received,
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
      queue.push(typeof message === 'string' ? (JSON.parse(message) as unknown) : message);
      if (!begun) begin();
      else pump().catch((error: unknown) => failed(error));
    },
    async logIn(user, extra = {}): Promise<LoggedIn> {
      const synced = client.waitFor(`sync of ${user}`, (message) => message.t === 'sync');
      client.send({ t: 'login', username: user, token: await loginToken(user), ...extra });
      const sync = await synced;
      return { token: received.findLast((message) => message.t === 'token')!, sync };
    },
    waitFor(what, fits) {
      const before = received.slice(taken).find(fits);
      if (before !== undefined) return Promise.resolve(before);
      if (closedWith !== null)
        return Promise.reject(new Error(`waiting for ${what} on a closed line; ${shown()}`));
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
      const q = ++lastProbe + 1_000_000;
      const echoed = client.waitFor(
        `the probe ${q} is echoed`,
        (message) => message.t === 'hb' && message['q'] === q,
      );
      client.send({ t: 'hb', q });
      await echoed;
    },
    drop: () => end(1006),
  };
  return client;
}
