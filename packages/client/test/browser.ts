import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type Rolldown, build, defaultClientConditions } from 'vite';
import { type RealServer, startRealServer } from './real-server.ts';

/** Nothing that a browser does on its own account belongs into a test. */
const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CARILLON_CHROMIUM'] || '/usr/bin/chromium',
    args: QUIET,
  });
}

/** What a test in a browser has; from its first hook on. */
export type BrowserScene = {
  /** One for each list of modules, in their order. */
  readonly sites: readonly Site[];
  /** The server of the pages' clients. */
  readonly real: RealServer;
  /** The test's own: no other sees what it stores. */
  readonly context: BrowserContext;
};

/** Chromium, pages with an SDK, and a server, for the tests of one file. @param lists paths below `src`: their exports are a site's `sdk` */
export function browserScene(...lists: readonly (readonly string[])[]): BrowserScene {
  let browser: Browser;
  let sites: readonly Site[] = [];
  let real: RealServer;
  let context: BrowserContext;

  beforeAll(async () => {
    const source = (path: string): string => fileURLToPath(new URL(`../src/${path}`, import.meta.url));
    const serving = Promise.all(lists.map((modules) => serveSite(modules.map(source))));
    [browser, sites] = await Promise.all([launchBrowser(), serving]);
    real = await startRealServer(
      undefined,
      sites.map(({ origin }) => origin),
    );
  });
  afterAll(async () => {
    await browser.close();
    await real.close();
    for (const site of sites) await site.close();
  });
  beforeEach(async () => {
    context = await browser.newContext();
  });
  afterEach(() => context.close());

  return {
    get sites() {
      return sites;
    },
    get real() {
      return real;
    },
    get context() {
      return context;
    },
  };
}

export type Site = {
  /** The origin of its pages; `/` is one that may store, `/sandbox` one that may not. */
  readonly origin: string;
  close(): Promise<void>;
};

/** Serves a page whose `sdk` is what the modules export, bundled as an app's would be. */
async function serveSite(modules: readonly string[]): Promise<Site> {
  const entry = 'virtual:sdk';
  const output = (await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
    plugins: [
      {
        name: 'sdk',
        resolveId: (id) => (id === entry ? id : null),
        load: (id) =>
          id === entry
            ? `${modules.map((url, at) => `import * as m${at} from ${JSON.stringify(url)};`).join('')}
               globalThis.sdk = { ${modules.map((_, at) => `...m${at}`).join(', ')} };`
            : null,
      },
    ],
    build: {
      write: false,
      modulePreload: false,
      // One classic script: a sandboxed page may not fetch modules.
      rolldownOptions: { input: entry, output: { format: 'iife', codeSplitting: false } },
    },
  })) as Rolldown.RolldownOutput;
  const [script] = output.output;
  const server = createServer((request, response) => {
    if (request.url === '/sdk.js') {
      response.setHeader('content-type', 'text/javascript');
      response.end(script.code);
      return;
    }
    response.setHeader('content-type', 'text/html');
    // An origin of its own, which may store nothing.
    if (request.url === '/sandbox') response.setHeader('content-security-policy', 'sandbox allow-scripts');
    // Not a module: those are fetched with the page's origin, and a sandboxed page has none.
    response.end('<!doctype html><title>sdk</title><script src="/sdk.js"></script>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
