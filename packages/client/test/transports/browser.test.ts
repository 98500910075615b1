import { fileURLToPath } from 'node:url';
import { type Browser, type Page, chromium } from 'playwright-core';
import { type Rolldown, build, defaultClientConditions } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RealServer, startRealServer } from '../real-server.ts';
import { type Proxy, startProxy } from './proxy.ts';

/** Several times what a test takes on two cores that are busy otherwise, ms. */
const LIMIT_MS = 60_000;

/** What a page does with the client; `window.told` holds what it was told. */
const SCRIPT = `
import { createClient } from '/assets/client.js';
window.told = [];
window.seen = [];
window.tokens = 0;
const client = window.client = createClient({ url: '/ws', username: 'alice', token: () => { window.tokens++; return 'short'; } });
client.onConnection((change) => window.told.push(change));
const chat = window.chat = client.stream('chat:browser');
chat.onPublication(({ data }) => window.seen.push(data));
chat.subscribe();
client.connect();
`;

type ClientWindow = {
  readonly client: {
    readonly connection: { readonly transport?: string; readonly status: string };
    readonly session: string;
  };
  readonly chat: { publish(data: number): Promise<unknown> };
  readonly told: { readonly status: string }[];
  readonly seen: number[];
  readonly tokens: number;
};

let browser: Browser;
let real: RealServer;
let proxy: Proxy;
let page: Page;
const files = new Map<string, string>();

beforeAll(async () => {
  const { output } = (await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: {
        input: { client: fileURLToPath(new URL('../../src/index.ts', import.meta.url)) },
        preserveEntrySignatures: 'exports-only',
        output: { entryFileNames: 'assets/[name].js' },
      },
    },
  })) as Rolldown.RolldownOutput;
  for (const part of output) if (part.type === 'chunk') files.set(`/${part.fileName}`, part.code);
  browser = await chromium.launch({
    executablePath: process.env['CARILLON_CHROMIUM'] || '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
    ],
  });
  real = await startRealServer();
}, LIMIT_MS);

afterAll(async () => {
  await browser?.close();
  await real?.close();
});

beforeEach(async () => {
  proxy = await startProxy(real.port);
  for (const [path, text] of files) proxy.pages.set(path, { type: 'text/javascript', text });
  proxy.pages.set('/', {
    type: 'text/html',
    text: `<!doctype html><script type="module">${SCRIPT}</script>`,
  });
  page = await browser.newPage();
  page.setDefaultTimeout(LIMIT_MS);
});

afterEach(async () => {
  await page.close();
  await proxy.close();
});

const come = (): Promise<unknown> => page.goto(`http://127.0.0.1:${proxy.port}/`);

function on(transport: string): Promise<unknown> {
  return page.waitForFunction(
    (name) => (window as unknown as ClientWindow).client?.connection.transport === name,
    transport,
  );
}

const publish = (number: number): Promise<unknown> =>
  page.evaluate((data) => (window as unknown as ClientWindow).chat.publish(data), number);

const look = (): Promise<{ seen: number[]; told: string[]; session: string; tokens: number }> =>
  page.evaluate(() => {
    const { seen, told, client, tokens } = window as unknown as ClientWindow;
    return { seen, told: told.map(({ status }) => status), session: client.session, tokens };
  });

describe('a page in Chromium', { timeout: LIMIT_MS }, () => {
  it('[RES3] goes on over a stream where WebSocket is blocked, begins there after a reload, and climbs once it is allowed', async () => {
    proxy.upgrade = 'refuse';
    await come();
    await on('sse');
    await publish(1);
    proxy.asked.length = 0;
    await page.reload();
    await on('sse');
    expect(proxy.asked, 'a page behind the same proxy begins with what worked').not.toContain('/ws');
    await publish(2);
    const before = await look();
    proxy.upgrade = 'pass';
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await on('websocket');
    await publish(3);
    await page.waitForFunction(() => (window as unknown as ClientWindow).seen.includes(3));
    const after = await look();
    expect(after.session).toBe(before.session);
    expect(after.seen).toEqual([2, 3]);
    expect(after.told.slice(before.told.length)).toEqual(['connected']);
  });

  it('[LOG5] that slept for an hour, and whose login token ran out, asks for another and goes on', async () => {
    await page.clock.install();
    await come();
    await on('websocket');
    const before = await look();
    expect(before.tokens).toBe(1);
    await page.clock.fastForward('01:00:00');
    await page.waitForFunction(() => (window as unknown as ClientWindow).tokens === 2);
    await on('websocket');
    await publish(1);
    await page.waitForFunction(() => (window as unknown as ClientWindow).seen.length === 1);
    expect((await look()).session).toBe(before.session);
  });

  it('asks for nothing but WebSocket, and loads nothing more, where that works', async () => {
    await come();
    await on('websocket');
    await publish(1);
    expect(proxy.asked.filter((path) => !proxy.pages.has(path) && path !== '/favicon.ico')).toEqual(['/ws']);
    expect(proxy.asked.filter((path) => path.includes('ladder'))).toEqual([]);
  });
});
