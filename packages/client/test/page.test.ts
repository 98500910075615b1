import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClientOn } from '../src/client.ts';
import type { Client } from '../src/index.ts';
import { hostPlatform } from '../src/platform.ts';
import { type LiteralServer, type Peer, startLiteralServer } from './literal-server.ts';

const TOKEN =
  '{"t":"token","token":"r1","session":"s_1","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000}';
const SYNC = '{"t":"sync","users":[]}';

/** The parts of a page that the client looks at, as the globals of this process. */
type FakePage = {
  readonly storage: Map<string, string>;
  listeners(): number;
  tell(name: 'online' | 'offline' | 'pagehide' | 'pageshow'): void;
  show(visible: boolean): void;
};

function fakePage(): FakePage {
  let listeners = 0;
  const storage = new Map<string, string>();
  const counting = (): EventTarget => {
    const target = new EventTarget();
    const add = target.addEventListener.bind(target);
    target.addEventListener = (type: string, listener: EventListener, options: { signal: AbortSignal }) => {
      listeners++;
      options.signal.addEventListener('abort', () => listeners--);
      add(type, listener, options);
    };
    return target;
  };
  const page = counting();
  const document = Object.assign(counting(), { visibilityState: 'visible' });
  vi.stubGlobal('addEventListener', page.addEventListener);
  vi.stubGlobal('document', document);
  vi.stubGlobal('location', { href: 'http://127.0.0.1:1/app/' });
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => void storage.set(key, value),
    removeItem: (key: string) => void storage.delete(key),
  });
  return {
    storage,
    listeners: () => listeners,
    tell: (name) => void page.dispatchEvent(new Event(name)),
    show(visible) {
      document.visibilityState = visible ? 'visible' : 'hidden';
      document.dispatchEvent(new Event('visibilitychange'));
    },
  };
}

let server: LiteralServer;
let page: FakePage;
let client: Client;

async function connect(): Promise<Peer> {
  const connected = new Promise<void>((resolve) => {
    const off = client.onConnection((change) => {
      if (change.status !== 'connected') return;
      off();
      resolve();
    });
  });
  client.connect();
  const peer = await server.peer();
  await peer.next();
  peer.send(TOKEN, SYNC);
  await connected;
  return peer;
}

beforeEach(async () => {
  server = await startLiteralServer();
  page = fakePage();
  client = createClientOn(
    { ...hostPlatform(), random: () => 0 },
    { url: server.url, username: 'alice', token: 'jwt' },
  );
});

afterEach(async () => {
  client.disconnect();
  vi.unstubAllGlobals();
  await server.stop();
});

describe('a client in a page', () => {
  it('listens to the page while it is at work, and to nothing before and after', async () => {
    expect(page.listeners()).toBe(0);
    await connect();
    expect(page.listeners()).toBeGreaterThan(0);
    client.disconnect();
    expect(page.listeners()).toBe(0);
    const peer = await connect();
    const stopped = new Promise((resolve) => client.onConnection(resolve));
    peer.close(4204);
    await stopped;
    expect(page.listeners()).toBe(0);
  });

  it('[HB4] asks the line when the page is looked at again, and when the network changes', async () => {
    const peer = await connect();
    const events = [
      () => page.show(true),
      () => page.tell('online'),
      () => page.tell('offline'),
      () => page.tell('pageshow'),
    ];
    for (const happen of events) {
      happen();
      const probe = await peer.next();
      expect(probe).toMatch(/^\{"t":"hb","q":\d+\}$/);
      const echoed = new Promise((resolve) => client.presence.on('bob', resolve));
      peer.send(probe, `{"t":"o","id":"bob","s":"Online","a":"${probe.length}${events.indexOf(happen)}"}`);
      await echoed;
    }
  });

  it('has its resume token in the session storage only while the page is put aside', async () => {
    await connect();
    expect(page.storage.size).toBe(0);
    page.show(false);
    expect([...page.storage.values()]).toEqual(['r1']);
    page.show(true);
    expect(page.storage.size).toBe(0);
    page.tell('pagehide');
    expect([...page.storage]).toEqual([[`carillon:${server.url}:alice:`, 'r1']]);
  });

  it('leaves its resume token to the next page when it is disconnected', async () => {
    await connect();
    client.disconnect();
    expect([...page.storage.values()]).toEqual(['r1']);
  });

  it('resolves its address against the page', () => {
    expect(() =>
      createClientOn(hostPlatform(), { url: '/ws', username: 'alice', token: 'jwt' }),
    ).not.toThrow();
  });

  it('does without a storage that may not even be looked at', () => {
    vi.stubGlobal('sessionStorage', undefined);
    Object.defineProperty(globalThis, 'sessionStorage', {
      configurable: true,
      get() {
        throw new Error('SecurityError');
      },
    });
    expect(hostPlatform().storage).toBeNull();
  });
});
