import './page-globals.ts';
import { type ReactNode, StrictMode, Suspense, createElement as h, startTransition, useState } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  useCall,
  useConnection,
  useMap,
  usePresence,
  useSignal,
  useStore,
  useStream,
} from '../src/react/react.ts';
import { type Client, createClient } from '../src/index.ts';
import { connectionStore } from '../src/stores/stores.ts';
import type { Peer } from './literal-server.ts';
import { shellScene } from './shell-scene.ts';

const scene = shellScene();
let container: HTMLElement;
let unmount: (() => void) | null = null;

beforeEach(() => {
  container = document.createElement('div');
});

afterEach(() => {
  unmount?.();
  unmount = null;
});

function show(node: ReactNode): void {
  const root = createRoot(container);
  unmount = () => root.unmount();
  root.render(node);
}

/** Resolves once the page says that. */
function shows(text: string): Promise<void> {
  return new Promise((resolve) => {
    const observer = new MutationObserver(look);
    function look(): void {
      if (container.textContent !== text) return;
      observer.disconnect();
      resolve();
    }
    observer.observe(container, { childList: true, subtree: true, characterData: true });
    look();
  });
}

async function request(peer: Peer): Promise<Record<string, unknown>> {
  return JSON.parse(await peer.next()) as Record<string, unknown>;
}

function Chat({ client, room = 'a' }: { readonly client: Client; readonly room?: string }): ReactNode {
  const { state, publications } = useStream(client.stream('chat:{room}', { room }), { last: 10 });
  return `${state.status} ${publications.map(({ data }) => String(data)).join(',')}`;
}

it('the connection and the friends are shown, and follow what the server says', async () => {
  const client = scene.makeClient();
  function Page(): ReactNode {
    const { status } = useConnection(client);
    const bob = usePresence(client, 'bob');
    return `${status} ${usePresence(client).length} ${bob?.status ?? '-'} ${useStore(connectionStore(client)).status}`;
  }
  show(h(StrictMode, null, h(Page)));
  await shows('disconnected 0 - disconnected');
  const { peer } = await scene.connect(client);
  await shows('connected 2 Online connected');
  peer.send('{"t":"u","id":"bob","s":"Busy"}');
  await shows('connected 2 Busy connected');
});

it('under StrictMode a stream is subscribed once, by however many components, and given up when the last is gone', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  show(h(StrictMode, null, h(Chat, { client }), '|', h(Chat, { client })));
  const { i, c, last } = await request(peer);
  expect([c, last]).toEqual(['chat:a', 10]);
  peer.send(
    `{"t":"ok","i":${String(i)},"e":"e1","o":1,"rec":true}`,
    '{"t":"ps","c":"chat:a","ps":[{"o":1,"d":"x"}]}',
    '{"t":"p","c":"chat:a","o":2,"d":"y"}',
  );
  await shows('live x,y|live x,y');
  unmount?.();
  unmount = null;
  expect(await request(peer), 'nothing was asked in between').toMatchObject({ t: 'unsub', c: 'chat:a' });
});

it('another channel in the same component is another subscription, also where the change is a transition', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  let enter = (_room: string): void => {};
  function Rooms(): ReactNode {
    const [room, setRoom] = useState('a');
    enter = setRoom;
    return h(Chat, { client, room });
  }
  show(h(StrictMode, null, h(Suspense, { fallback: 'wait' }, h(Rooms))));
  peer.send(`{"t":"ok","i":${String((await request(peer))['i'])},"e":"e1","o":0}`);
  await shows('live ');
  startTransition(() => enter('b'));
  const { i, c } = await request(peer);
  expect(c).toBe('chat:b');
  peer.send(`{"t":"ok","i":${String(i)},"e":"e2","o":0}`, '{"t":"p","c":"chat:b","o":1,"d":"in b"}');
  await shows('live in b');
  expect(await request(peer)).toMatchObject({ t: 'unsub', c: 'chat:a' });
});

it('[CHN7] a newer grant renews the right to the channel, and is named when it is mounted again', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  let set = (_props: { readonly grant: string; readonly hidden?: boolean }): void => {};
  function Watch({ grant }: { readonly grant: string }): ReactNode {
    return useStream(client.stream('chat:g'), { grant }).state.status;
  }
  function Page(): ReactNode {
    const [{ grant, hidden }, setProps] = useState<Parameters<typeof set>[0]>({ grant: 'g1' });
    set = setProps;
    return hidden === true ? 'hidden' : h(Watch, { grant });
  }
  show(h(StrictMode, null, h(Page)));
  const first = await request(peer);
  expect(first).toMatchObject({ t: 'sub', c: 'chat:g', g: 'g1' });
  peer.send(`{"t":"ok","i":${String(first['i'])},"e":"e1","o":0}`);
  await shows('live');
  set({ grant: 'g2' });
  const second = await request(peer);
  expect(second).toMatchObject({ t: 'sub', c: 'chat:g', g: 'g2' });
  peer.send(`{"t":"ok","i":${String(second['i'])},"e":"e1","o":0}`);
  set({ grant: 'g2', hidden: true });
  await shows('hidden');
  expect(await request(peer), 'nothing was asked in between').toMatchObject({ t: 'unsub', c: 'chat:g' });
  set({ grant: 'g3' });
  const third = await request(peer);
  expect(third).toMatchObject({ t: 'sub', c: 'chat:g', g: 'g3' });
  peer.send(`{"t":"ok","i":${String(third['i'])},"e":"e1","o":0}`, '{"t":"p","c":"chat:g","o":1,"d":1}');
  await shows('live');
});

it('rendered on a server nothing is connected or subscribed, and the page takes over what was rendered', async () => {
  const client = createClient({ url: scene.server.url, username: 'alice', token: 'jwt' });
  function Page(): ReactNode {
    const { status } = useConnection(client);
    const { entries } = useMap(client.map('tasks:alice'));
    const { signals } = useSignal(client.signal('cursor:d'));
    const [, call] = useCall(client, 'add');
    return `${status} ${usePresence(client).length} ${entries.length} ${signals.length} ${call.status}`;
  }
  const html = renderToString(h(StrictMode, null, h(Page), h(Chat, { client })));
  expect(html).toBe('disconnected 0 0 0 idle<!-- -->idle ');
  expect(client.connection.status).toBe('disconnected');
  expect(client.map('tasks:alice').state.status, 'nobody subscribed').toBe('idle');

  container.innerHTML = html;
  const mismatches: unknown[] = [];
  const root = hydrateRoot(container, h(StrictMode, null, h(Page), h(Chat, { client })), {
    onRecoverableError: (error) => mismatches.push(error),
  });
  unmount = () => root.unmount();
  await shows('disconnected 0 0 0 idlewaiting ');
  expect(mismatches).toEqual([]);
  client.disconnect();
});

it('a call is made by what the hook gives, and shown until its answer and beyond', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  let press = (): void => {};
  function Button(): ReactNode {
    const [add, { status, data, error }] = useCall(client, 'add');
    press = () => void add({ n: 1 }).catch(() => {});
    return `${status} ${String(data)} ${error?.code ?? '-'}`;
  }
  show(h(StrictMode, null, h(Button)));
  await shows('idle undefined -');
  press();
  await shows('pending undefined -');
  peer.send(`{"t":"ok","i":${String((await request(peer))['i'])},"d":5}`);
  await shows('done 5 -');
  press();
  peer.send(`{"t":"err","i":${String((await request(peer))['i'])},"code":"forbidden","m":"no"}`);
  await shows('failed 5 forbidden');
});
