import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpApi } from '../../src/gateways/http-api/http-api.ts';
import type { RealtimeNode } from '../../src/runtime/node-api.ts';
import { answerProblem } from './described-answers.ts';
import { API_KEY } from './server-under-test.ts';

/** The HTTP API on loopback, before a node that is not there: what reaches it, and what is made of its answers. */
export type ApiUnderTest = {
  /** What the node was asked, in order: the operation, then its arguments. */
  readonly asked: unknown[][];
  /** A request with the API key, its path sent as it is given. Rejects where the answer is not as described. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Reply>;
  close(): Promise<void>;
};

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: unknown;
};

type Operations = Partial<{ [K in keyof RealtimeNode]: (...args: never[]) => unknown }>;

const EVENT_LIMITS = { eventsBytes: 16_384, eventBytes: 4_096, eventsInFlight: 1_000, eventsWaitMs: 1_000 };

export const LIMITS = {
  requestBytes: 1_024,
  publicationBytes: 4_096,
  batchBytes: 8_192,
  importBytes: 8_192,
  ...EVENT_LIMITS,
};

/** @param operations what the node answers; any other operation fails the test */
export async function startApi(operations: Operations): Promise<ApiUnderTest> {
  const asked: unknown[][] = [];
  const node = new Proxy(operations, {
    get:
      (target, name) =>
      (...args: never[]) => {
        asked.push([name, ...args]);
        const operation = target[name as keyof Operations];
        if (operation === undefined) throw new Error(`nobody expected ${String(name)}`);
        return operation(...args);
      },
  }) as unknown as RealtimeNode;
  const failures: unknown[] = [];
  const server = createServer(
    createHttpApi({
      node,
      operations: {
        alive: () => true,
        readiness: () => Promise.resolve({ ready: true, reason: 'ready' }),
        metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
      },
      secrets: { id: () => 'r_1' },
      telemetry: { error: () => undefined, warn: (_event, fields) => void failures.push(fields) },
      apiKey: API_KEY,
      corsOrigins: [],
      limits: LIMITS,
      development: null,
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  async function ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const sent = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { authorization: `Bearer ${API_KEY}`, ...headers },
    });
    sent.end(payload);
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
    let text = '';
    response.setEncoding('utf8');
    for await (const chunk of response) text += String(chunk);
    const contentType = response.headers['content-type'] ?? null;
    const parsed: unknown = contentType?.startsWith('application/json') === true ? JSON.parse(text) : text;
    const status = response.statusCode ?? 0;
    const problem = answerProblem(method, path, { status, contentType, body: parsed });
    if (problem !== undefined) throw new Error(`${problem}; ${JSON.stringify(failures)}`);
    return { status, headers: response.headers, text, body: parsed };
  }

  return {
    asked,
    ask,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What the body of a refusal looks like. */
export function refusal(code: string, message: RegExp = /./, more: object = {}): object {
  return { error: { code, message: expectText(message), ...more } };
}

function expectText(pattern: RegExp): unknown {
  return {
    asymmetricMatch: (text: unknown) => typeof text === 'string' && pattern.test(text),
    toString: () => String(pattern),
  };
}
