import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClientOn } from '../src/client.ts';
import type { Client, ConnectionChange } from '../src/index.ts';
import { hostPlatform } from '../src/platform.ts';
import { type LiteralServer, type Peer, startLiteralServer } from './literal-server.ts';

const TOKEN =
  '{"t":"token","token":"r1","session":"s_1","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000}';
/** What the storage holds of it. */
const KEPT = '{"resume":"r1","confirmed":{},"pending":{}}';
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

/** Resolves when the connection is told that the condition holds for. */
function told(holds: (change: ConnectionChange) => boolean): Promise<ConnectionChange> {
  return new Promise((resolve) => {
    const off = client.onConnection((change) => {
      if (!holds(change)) return;
      off();
      resolve(change);
    });
  });
}

async function connect(): Promise<Peer> {
  const connected = told((change) => change.status === 'connected');
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
    peer.close(4206);
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
    expect([...page.storage.values()]).toEqual([KEPT]);
    page.show(true);
    expect(page.storage.size).toBe(0);
    page.tell('pagehide');
    expect([...page.storage]).toEqual([[`carillon:${server.url}:alice:`, KEPT]]);
  });

  it('leaves its resume token to the next page when it is disconnected', async () => {
    await connect();
    client.disconnect();
    expect([...page.storage.values()]).toEqual([KEPT]);
  });

  it('[RES3] whose session a duplicate took begins one of its own when it is looked at again', async () => {
    const peer = await connect();
    page.show(false);
    const replaced = told((change) => change.reason === 'replaced');
    peer.close(4204);
    expect(await replaced).toMatchObject({ status: 'disconnected', retryInMs: null });
    expect([...page.storage.values()], "the session is the duplicate's now").toEqual([]);
    const back = told((change) => change.status === 'connected');
    page.show(true);
    const next = await server.peer();
    expect(JSON.parse(await next.next())).not.toHaveProperty('resume');
    next.send(TOKEN.replace('r1', 'r2'), SYNC);
    await back;
  });

  it('[RES3] whose session a duplicate took while it was looked at begins one of its own', async () => {
    const peer = await connect();
    const back = told((change) => change.status === 'connected');
    peer.close(4204);
    const next = await server.peer();
    expect(JSON.parse(await next.next())).not.toHaveProperty('resume');
    next.send(TOKEN.replace('r1', 'r2'), SYNC);
    await back;
  });

  it('[RES3] an app that says so leaves it at that', async () => {
    const peer = await connect();
    client.onConnection(({ reason }) => {
      if (reason === 'replaced') client.disconnect();
    });
    const rests = told((change) => change.status === 'disconnected' && change.reason === null);
    peer.close(4204);
    await rests;
    expect(page.listeners()).toBe(0);
    page.show(false);
    page.show(true);
    expect(client.connection.status).toBe('disconnected');
  });

  it('keeps the own status over a reload: a session that was lost meanwhile begins with it', async () => {
    const peer = await connect();
    const done = client.setStatus({ status: 'Invisible', a: 'Hiding' });
    peer.send(`{"t":"ok","i":${(JSON.parse(await peer.next()) as { i: number }).i}}`);
    await done;
    page.tell('pagehide');
    client = createClientOn(
      { ...hostPlatform(), random: () => 0 },
      { url: server.url, username: 'alice', token: 'jwt' },
    );
    client.connect();
    const next = await server.peer();
    const login = JSON.parse(await next.next()) as { i: number };
    expect(login).toMatchObject({ resume: 'r1', s: 'Invisible' });
    expect(client.own).toEqual({ status: 'Invisible', a: 'Hiding' });
    next.send(
      `{"t":"err","code":"resume_failed","m":"","i":${login.i}}`,
      `${TOKEN.slice(0, -1)},"s":"Invisible"}`,
      SYNC,
    );
    expect(JSON.parse(await next.next())).toMatchObject({ t: 'statusUpdate', a: 'Hiding' });
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

describe('a client in a worker', () => {
  it('has its session in the storage that it is given all the time: nothing announces the end', async () => {
    vi.stubGlobal('document', undefined);
    const { storage } = page;
    client = createClientOn(
      { ...hostPlatform(), random: () => 0 },
      { url: server.url, username: 'alice', token: 'jwt', storage: globalThis.sessionStorage },
    );
    const peer = await connect();
    expect([...storage.values()]).toEqual([KEPT]);
    peer.send('{"t":"token","token":"r2","session":"s_1"}', '{"t":"x","id":"bob"}');
    await new Promise((resolve) => client.presence.subscribe(resolve));
    expect([...storage.values()]).toEqual([KEPT.replace('r1', 'r2')]);
  });
});
