import { WebSocket } from 'ws';
import { loginToken } from '../wire/scene/login-token.ts';
import { within } from '../wire/scene/within.ts';

/**
 * The part of the SDK that is used here. It is written for pages too: its own types would bring the browser's names into all
 * of the server's code, so that it is imported without them.
 */
type Client = {
  readonly session: string | null;
  readonly connection: { readonly status: string };
  readonly presence: { get(id: string): { readonly status: string } | undefined };
  connect(): void;
  disconnect(): void;
  setStatus(change: { readonly status: string }): Promise<void>;
  onConnection(listener: (change: { readonly status: string }) => void): () => void;
  stream(
    pattern: string,
    params: Readonly<Record<string, string>>,
  ): {
    subscribe(): Promise<unknown>;
    publish(data: unknown): Promise<unknown>;
    onPublication(listener: (publication: { readonly data: unknown }) => void): () => void;
  };
};

const SDK: string = '@carillon/client';
const { createClient } = (await import(SDK)) as { createClient(options: object): Client };

/** The SDK on `ws`, as an app in Node has it. */
export type SdkClient = {
  readonly client: Client;
  /** Cuts the line without a word; the SDK comes back by itself. */
  cut(): void;
  /** Resolves when it is connected. */
  connected(): Promise<void>;
};

/**
 * @param ca over TLS, trusting this certificate and no other
 */
export function sdkClient(
  user: string,
  { port, ca }: { readonly port: number; readonly ca?: string },
): SdkClient {
  let socket: WebSocket | null = null;
  class Cuttable extends WebSocket {
    constructor(url: string) {
      super(url, ca === undefined ? {} : { ca });
      socket = this;
    }
  }
  const client = createClient({
    url: `${ca === undefined ? 'ws' : 'wss'}://127.0.0.1:${port}/ws`,
    username: user,
    token: () => loginToken(user),
    WebSocket: Cuttable,
  });
  client.connect();
  return {
    client,
    cut() {
      socket?.terminate();
    },
    connected() {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = client.onConnection(({ status }) => {
        if (status === 'connected') resolve();
      });
      if (client.connection.status === 'connected') resolve();
      return within(promise, `${user} is connected`, () => JSON.stringify(client.connection)).finally(stop);
    },
  };
}
