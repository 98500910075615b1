import './page-globals.ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openDevtools, toggleDevtools } from '../src/devtools/devtools.ts';
import { createOutbox, memoryStore } from '../src/outbox/index.ts';
import { INSPECT, type Inspection } from '../src/inspection.ts';
import type { Client } from '../src/index.ts';
import type { Peer } from './literal-server.ts';
import { TOKEN, isConnected, shellScene, told } from './shell-scene.ts';

const page = globalThis.window as unknown as Record<string, unknown>;
for (const name of ['CSSStyleSheet', 'HTMLElement']) Object.assign(globalThis, { [name]: page[name] });
Object.assign(globalThis, { getComputedStyle: window.getComputedStyle.bind(window) });

const scene = shellScene();

afterEach(() => {
  // Whatever a test left open.
  panel()?.querySelector<HTMLElement>('.close')?.click();
});

function panel(): ShadowRoot | null {
  return document.querySelector('carillon-devtools')?.shadowRoot ?? null;
}

function pageText(): string {
  return panel()?.querySelector('[role=tabpanel]')?.textContent ?? '';
}

function openTab(title: string): void {
  const tabs = [...(panel()?.querySelectorAll<HTMLElement>('[role=tab]') ?? [])];
  tabs.find((tab) => tab.textContent?.startsWith(title))?.click();
}

function press(label: string): void {
  const buttons = [...(panel()?.querySelectorAll('button') ?? [])];
  buttons.find((button) => button.textContent === label && !button.hidden)?.click();
}

/** Resolves once what is open says that. */
function says(text: string | RegExp): Promise<void> {
  return new Promise((resolve) => {
    const root = panel()!;
    const observer = new MutationObserver(look);
    function look(): void {
      if (typeof text === 'string' ? !pageText().includes(text) : !text.test(pageText())) return;
      observer.disconnect();
      resolve();
    }
    observer.observe(root, { childList: true, subtree: true, characterData: true, attributes: true });
    look();
  });
}

function inspectionOf(client: object): Inspection {
  return (client as Record<typeof INSPECT, Inspection>)[INSPECT];
}

async function request(peer: Peer): Promise<Record<string, unknown>> {
  return JSON.parse(await peer.next()) as Record<string, unknown>;
}

async function subscribed(client: Client, peer: Peer, channel: 'map' | 'stream' | 'signal', rest: string) {
  const handle = client[channel]('c:{x}', { x: channel });
  const done = handle.subscribe();
  const { i } = await request(peer);
  peer.send(`{"t":"ok","i":${String(i)},${rest}}`);
  await done;
  return handle;
}

describe('the panel', () => {
  it('shows the connection, its session, its grace and its heartbeats, though it came late', async () => {
    const client = scene.makeClient({ device: 'laptop' });
    await scene.connect(client);
    openDevtools(client);
    const text = pageText();
    for (const fact of [
      'Statusconnected',
      'Sessions_1',
      'Grace60 s',
      'every 30 s',
      'Useralice',
      'Devicelaptop',
    ])
      expect(text).toContain(fact);
  });

  it('[HB4] measures the round trip when it is asked to', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    openDevtools(client);
    await says('not seen yet');
    press('Measure round trip');
    peer.send(await peer.next());
    await says(/Round trip\d+ ms, median/);
  });

  it('shows why there is no line, when the next attempt is made, and what is left of the grace', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    openDevtools(client);
    const lost = told(client, ({ status }) => status === 'disconnected');
    peer.send('{"t":"bye","code":"draining","advice":"resume","afterMs":20000}');
    peer.close(4000);
    await lost;
    await says(/Reasondraining/);
    await says(/Next attemptin (20|19) s/);
    await says(/Grace60 s, (60|59) s left/);
  });

  it('shows subscriptions with their state, position, members and what they hold', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    openDevtools(client);
    openTab('Channels');
    expect(pageText()).toContain('No subscriptions.');
    await subscribed(client, peer, 'map', '"e":"e1","o":4,"n":2,"es":[{"k":"t1","d":{"done":true},"o":3}]');
    await subscribed(client, peer, 'stream', '"e":"e2","o":7');
    await says('c:maplivemap · at 4 of e1');
    await says('2 members · 1 entry');
    await says('c:streamlivestream · at 7 of e2');
    panel()!.querySelector('details')!.open = true;
    await says('t1 = {"done":true} (at 3)');
    await says('Wanted by 1 part of the app.');

    press('List members');
    const { i, t } = await request(peer);
    expect(t).toBe('members');
    peer.send(`{"t":"ok","i":${String(i)},"ids":["bob","carol"],"n":2}`);
    await says('2 members: bob, carol');

    client.map('c:{x}', { x: 'map' }).unsubscribe();
    client.stream('c:{x}', { x: 'stream' }).unsubscribe();
    await says('No subscriptions.');
  });

  it('shows the friends, and every change of one', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    openDevtools(client);
    openTab('Friends');
    await says('bobOnlinea: Coding');
    peer.send('{"t":"u","id":"bob","s":"Busy","a":""}');
    await says('bobBusy');
  });

  it('shows the wire without secrets, from the moment on that it was opened', async () => {
    const client = scene.makeClient({ token: 'SECRET-login' });
    openDevtools(client);
    openTab('Wire');
    const { login } = await scene.connect(client, TOKEN.replace('r1', 'SECRET-resume'));
    expect(login).toContain('SECRET-login');
    await says('"token":"●●●"');
    await says('"session":"s_1"');
    expect(panel()!.querySelector('section')!.outerHTML).not.toContain('SECRET');
  });

  it('shows what a server sends as text, never as HTML', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    openDevtools(client);
    openTab('Wire');
    const hostile = '<img src=x onerror=alert(1)>';
    peer.send(JSON.stringify({ t: 'o', id: hostile, s: 'Online', a: hostile }));
    await says(hostile);
    panel()!.querySelector('details')!.open = true;
    await says(/"id": "<img/);
    openTab('Friends');
    await says(`${hostile}Online`);
    expect(panel()!.querySelector('img')).toBeNull();
  });

  it('filters the wire by type, and by channel or text; heartbeats are shown when they are asked for', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    openDevtools(client);
    openTab('Wire');
    peer.send(
      '{"t":"hb"}',
      '{"t":"u","id":"bob","a":"one"}',
      '{"t":"u","id":"carol","a":"two"}',
      '{"t":"x","id":"bob","ts":1}',
    );
    await says('3 shown, 5 kept');
    const [types, search, heartbeats] = ['select', '[type=search]', '[type=checkbox]'].map((selector) =>
      panel()!.querySelector<HTMLInputElement>(selector)!,
    );
    const set = (field: HTMLInputElement, change: Partial<HTMLInputElement>) => {
      Object.assign(field, change);
      field.dispatchEvent(new window.Event('input'));
    };
    set(heartbeats!, { checked: true });
    expect(pageText()).toContain('5 shown');
    set(types!, { value: 'u' });
    expect(pageText()).toContain('2 shown');
    set(search!, { value: 'CAROL' });
    expect(pageText()).toContain('1 shown');
    expect(pageText()).toContain('"two"');
  });

  it('stands still while it is paused, and loses nothing', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    openDevtools(client);
    openTab('Wire');
    peer.send('{"t":"u","id":"bob","a":"before"}');
    await says('before');
    press('Pause');
    const heard = new Promise((resolve) => client.presence.on('bob', resolve));
    peer.send('{"t":"u","id":"bob","a":"meanwhile"}');
    await heard;
    openTab('Friends');
    await says('meanwhile');
    openTab('Wire');
    expect(pageText()).not.toContain('meanwhile');
    press('Pause');
    expect(pageText()).toContain('meanwhile');
  });

  it('keeps as many messages as it is told', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    openDevtools(client, { keepCount: 2 });
    openTab('Wire');
    peer.send('{"t":"u","id":"bob","a":"1"}', '{"t":"u","id":"bob","a":"2"}', '{"t":"u","id":"bob","a":"3"}');
    await says('2 shown, 2 kept');
    expect(pageText()).not.toContain('"a":"1"');
    expect(() => openDevtools(scene.makeClient(), { keepCount: 0 })).toThrow(/options_invalid/);
  });

  it('shows the outbox of a client that has one: what waits can be taken back, what was refused dismissed', async () => {
    const client = scene.makeClient({ outbox: createOutbox({ store: memoryStore() }) });
    await client.outbox!.ready;
    openDevtools(client);
    openTab('Outbox');
    await says('0 waiting');
    const chat = client.stream('chat:{x}', { x: 'a' });
    void chat.publish({ text: 'first' });
    const second = chat.publish({ text: 'second' });
    await says(/1 chat:aqueued.*"first".*2 chat:aqueued.*"second"/);
    press('Cancel');
    await says(/^Does not outlive the page\. 1 waiting/);

    const { peer } = await scene.connect(client);
    const { i } = await request(peer);
    await says('2 chat:asent');
    peer.send(`{"t":"err","i":${String(i)},"code":"forbidden","m":"no"}`);
    await expect(second).rejects.toMatchObject({ code: 'forbidden' });
    await says(/2 chat:arejected.*forbidden/);
    press('Dismiss');
    await says(/0 waiting for the server\.$/);
    await client.outbox!.close();
  });
});

describe('a page', () => {
  it('has no panel and the client no listener once the panel is closed', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    const counts = () => inspectionOf(client).wire.size;
    const set = vi.spyOn(globalThis, 'setInterval');
    const cleared = vi.spyOn(globalThis, 'clearInterval');
    expect(counts()).toBe(0);
    const { close } = openDevtools(client);
    expect(counts()).toBe(1);
    close();
    expect(counts()).toBe(0);
    expect(panel()).toBeNull();
    expect(cleared.mock.calls.map(([timer]) => timer)).toEqual(set.mock.results.map(({ value }) => value));
    vi.restoreAllMocks();
    const again = openDevtools(client);
    expect(counts(), 'one that was closed leaves nothing behind').toBe(1);
    again.close();
    const heard = new Promise((resolve) => client.presence.on('bob', resolve));
    peer.send('{"t":"u","id":"bob","a":"unseen"}');
    await heard;
    expect(panel()).toBeNull();
  });

  it('has one panel: of the client that was asked for last', () => {
    const [alice, other] = [scene.makeClient(), scene.makeClient({ username: 'zoe' })];
    const first = openDevtools(alice);
    expect(openDevtools(alice)).toBe(first);
    openDevtools(other);
    expect(document.querySelectorAll('carillon-devtools')).toHaveLength(1);
    expect(pageText()).toContain('Userzoe');
    expect(inspectionOf(alice).wire.size).toBe(0);
    first.close();
    expect(panel(), 'whoever was replaced closes nothing').not.toBeNull();
    toggleDevtools(other);
    expect(panel()).toBeNull();
    toggleDevtools(other);
    expect(panel()).not.toBeNull();
  });

  it('is told by `onWire` beside the panel, and what the panel does not understand harms neither', async () => {
    const seen: string[] = [];
    const client = scene.makeClient({ onWire: (direction) => void seen.push(direction) });
    openDevtools(client);
    const connected = told(client, isConnected);
    const { peer } = await scene.connect(client);
    await connected;
    const before = seen.length;
    const heard = new Promise((resolve) => client.presence.on('bob', resolve));
    peer.send('{"t":7}', '[]', 'null', '{"t":"u","id":"bob","a":"x"}');
    await heard;
    expect(seen.length).toBe(before + 4);
    expect(scene.reported).toEqual([]);
  });

  it('is told what is no client', () => {
    expect(() => openDevtools({} as Client)).toThrow(/options_invalid/);
  });
});
