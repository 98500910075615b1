import type { Contract } from '@carillon/contract';
import { type Client, type ClientOptions, createClientOn } from '../client.ts';
import { extend } from '../extend.ts';
import type { Platform, WebSocketConstructor } from '../platform.ts';
import { createChance } from './chance.ts';
import { socketOn } from './line-socket.ts';
import type { LineLike, TestServerLike } from './test-server-like.ts';

export type TestClientOptions = Omit<
  ClientOptions<string>,
  'url' | 'token' | 'fields' | 'fieldLengths' | 'WebSocket'
> & {
  /** Absent: the username, which a test server believes. */
  readonly token?: ClientOptions['token'];
  /** Told of what listeners and handlers throw. Absent: it is thrown outside of everything, which ends the test. */
  readonly report?: (error: unknown) => void;
};

/** The SDK's client, and its way to the server. */
export type TestClient<C extends Contract> = Client<C> & { readonly line: LineLike };

/**
 * The client that an app has, on the clock of a test server: it waits, retries and gives up when the test lets time pass.
 * `connect()` starts it.
 *
 * @throws CarillonError `options_invalid`
 */
export function createTestClient<C extends Contract>(
  server: TestServerLike<C>,
  { report = throwOutside, token, ...options }: TestClientOptions,
): TestClient<C> {
  const { presence } = server.contract;
  const line = server.line();
  const client = createClientOn<string>(platformOf(server, line, options.username, report), {
    ...options,
    // Nobody resolves it.
    url: 'ws://test.invalid/ws',
    token: token ?? (() => options.username),
    fields: Object.keys(presence),
    fieldLengths: presence,
  });
  // The contract's types for what the server checks; `createClient` does the same.
  return extend(client as unknown as Client<C>, { line }) satisfies Client<C> & {
    line: LineLike;
  };
}

function platformOf(
  { clock }: TestServerLike,
  line: LineLike,
  seed: string,
  report: (error: unknown) => void,
): Platform {
  return {
    nowMs: () => clock.monotonicMs(),
    wallMs: () => clock.nowMs(),
    random: createChance(seed),
    setTimer(delayMs, fire) {
      const timer = clock.setTimer(delayMs, fire);
      return () => timer.cancel();
    },
    later: (run) => queueMicrotask(run),
    report,
    page: null,
    storage: null,
    webSocket: constructorOn(line),
    fetch: null,
    streams: false,
    baseUrl: undefined,
  };
}

/** Sockets are made with `new`, which answers with the object that the function returns. */
function constructorOn(line: LineLike): WebSocketConstructor {
  return function LineSocket() {
    return socketOn(line);
  } as unknown as WebSocketConstructor;
}

function throwOutside(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
