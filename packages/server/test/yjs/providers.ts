import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { HocuspocusProvider } from '@hocuspocus/provider';
import { defineContract, document } from '@carillon/contract';
import { type CarillonServer, createServer } from '@carillon/server';
import type { Role } from '@carillon/protocol';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { temporaryFolder } from '../contract/app-under-test.ts';

export const contract = defineContract({
  channels: { 'doc:{id}': document({ durability: 'stored' }) },
});

export const SECRET = 'a secret of the tests, long enough for HS256';

/** A login token that the server verifies. */
export function signed(user: string, claims: object = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, exp, ...claims })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

export type RealServer = Awaited<ReturnType<typeof startReal>>;

/** A real server that takes providers, whose users may do what `roles` says; everybody else may write. */
export async function startReal(settings: object = {}) {
  const folder = temporaryFolder();
  const roles = new Map<string, Role>();
  const server: CarillonServer<typeof contract> = await createServer(contract, {
    port: 0,
    databaseUrl: `sqlite:${join(folder.path, 'app.sqlite')}`,
    auth: { secret: SECRET },
    authorize: {
      'doc:{id}': ({ user, params }) => (params.id === 'nobodys' ? 'none' : (roles.get(user) ?? 'write')),
    },
    gateways: { yjs: { channel: 'doc:{id}' }, hocuspocus: { channel: 'doc:{id}' } },
    logging: { level: 'silent' },
    ...settings,
  });
  const { port } = await server.listen();
  const opened: { destroy(): void }[] = [];

  return {
    ...{ server, port },
    async setRole(user: string, role: Role): Promise<void> {
      roles.set(user, role);
      await server.recheckRole(user, 'doc:{id}', { id: 'paper' });
    },
    yjs: (user: string, options?: ProviderOptions) => remember(opened, openYjs(port, user, options)),
    hocuspocus: (user: string, options?: ProviderOptions) =>
      remember(opened, openHocuspocus(port, user, options)),
    async stop(): Promise<void> {
      for (const provider of opened) provider.destroy();
      await server.close(0);
      folder.remove();
    },
  };
}

function remember<P extends { destroy(): void }>(list: { destroy(): void }[], provider: P): P {
  list.push(provider);
  return provider;
}

export type ProviderOptions = {
  readonly name?: string;
  readonly doc?: Y.Doc;
  readonly token?: string;
};

/** The provider of y-websocket, as an app in Node has it. */
export function openYjs(
  port: number,
  user: string,
  { name = 'paper', doc = new Y.Doc(), token = signed(user) }: ProviderOptions = {},
): WebsocketProvider {
  return new WebsocketProvider(`ws://127.0.0.1:${port}/yjs`, name, doc, {
    params: { token },
    WebSocketPolyfill: WebSocket as never,
    disableBc: true,
  });
}

/** The provider of Hocuspocus, as an app in Node has it. */
export function openHocuspocus(
  port: number,
  user: string,
  { name = 'paper', doc = new Y.Doc(), token = signed(user) }: ProviderOptions = {},
): HocuspocusProvider {
  return new HocuspocusProvider({
    ...{ url: `ws://127.0.0.1:${port}/hocuspocus`, name, document: doc, token },
    // Given here for the socket that the provider makes of its own.
    ...({ WebSocketPolyfill: WebSocket, delay: 10, minDelay: 10 } as object),
  });
}

type Emitter = {
  on(event: never, listener: (...args: never[]) => void): unknown;
  off(event: never, listener: (...args: never[]) => void): unknown;
};

/** Waits until something holds that may have changed whenever one of these events comes. */
export async function until(
  holds: () => boolean,
  ...sources: readonly (readonly [Emitter, ...(readonly string[])])[]
): Promise<void> {
  if (holds()) return;
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (!holds()) return;
      for (const [emitter, ...events] of sources)
        for (const event of events) emitter.off(event as never, look);
      resolve();
    };
    for (const [emitter, ...events] of sources) for (const event of events) emitter.on(event as never, look);
  });
}

export const synced = (provider: WebsocketProvider | HocuspocusProvider): Promise<void> =>
  until(() => provider.synced, [provider, 'synced']);

/** Hocuspocus counts what is not saved; nothing is. */
export const saved = (provider: HocuspocusProvider): Promise<void> =>
  until(() => !provider.hasUnsyncedChanges, [provider, 'unsyncedChanges']);

export function textIn(provider: { readonly doc?: Y.Doc; readonly document?: Y.Doc }): Y.Text {
  const doc = provider.doc ?? provider.document;
  if (doc === undefined) throw new Error('a provider has a document');
  return doc.getText('text');
}

/** Waits until the text is this in all of them. */
export async function reads(
  text: string,
  ...providers: readonly (WebsocketProvider | HocuspocusProvider)[]
): Promise<void> {
  for (const provider of providers) {
    const doc = 'doc' in provider ? provider.doc : provider.document;
    await until(() => doc.getText('text').toJSON() === text, [doc, 'update']);
  }
}
