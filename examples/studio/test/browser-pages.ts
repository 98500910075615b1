import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import { build } from 'vite';

const STUDIO = fileURLToPath(new URL('..', import.meta.url));

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

/** How long a page may take for anything, ms; far more than it needs on a slow machine. */
export const PATIENCE_MS = 30_000;

/** Builds the page as `npm start` does, so that what is tested is what is there. */
export async function buildPage(): Promise<void> {
  await build({ root: STUDIO, configFile: `${STUDIO}/vite.config.ts`, logLevel: 'error' });
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CARILLON_CHROMIUM'] || '/usr/bin/chromium',
    args: QUIET,
  });
}

/** A person's page in a browser of their own, and what it complained about. */
export type Desk = {
  readonly page: Page;
  /** Errors on the console, with the address of what could not be loaded, and uncaught ones. Those about a line that is down are left out while `outage` is on. */
  readonly errors: string[];
  outage: boolean;
  friend(user: string): ReturnType<Page['locator']>;
  /** Waits for the connection to have that status. */
  line(status: 'connected' | 'connecting' | 'disconnected'): Promise<void>;
  /** Waits for a friend to have that status. */
  sees(user: string, status: string): Promise<void>;
  /** The messages the wire log shows, oldest first. */
  wire(): Promise<{ direction: string; type: string; bytes: number; text: string }[]>;
};

export async function openDesk(
  browser: Browser,
  url: string,
  user: string,
  options: BrowserContextOptions = {},
): Promise<Desk> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const desk: Desk = {
    page,
    errors: [],
    outage: false,
    friend: (friend) => page.locator(`.friend[data-user="${friend}"]`),
    async line(status) {
      await page.locator(`.line-state[data-state="${status}"]`).waitFor();
    },
    async sees(friend, status) {
      await page.locator(`.friend[data-user="${friend}"][data-status="${status}"]`).waitFor();
    },
    wire: () =>
      page.locator('.wire-message').evaluateAll((rows) =>
        rows.toReversed().map((row) => {
          const part = (name: string): string => row.querySelector(`.wire-${name}`)?.textContent ?? '';
          const { direction = '', type = '' } = (row as HTMLElement).dataset;
          return { direction, type, bytes: parseInt(part('bytes'), 10), text: part('text') };
        }),
      ),
  };
  page.on('pageerror', (error) => desk.errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const text = message.text();
    // A browser says so itself, and no page can keep it from it.
    if (desk.outage && /WebSocket connection to .* failed|net::ERR_|status of \d{3}/.test(text)) return;
    if (!text.startsWith('Failed to load resource')) return void desk.errors.push(text);
    // The text does not say which one.
    const { url: resource } = message.location();
    // Where a WebSocket was slow or lost early, the client asks whether the server is there: this is how the server says yes.
    if (text.includes('status of 404') && resource === `${url}/poll`) return;
    desk.errors.push(`${text}: ${resource}`);
  });
  await page.goto(`${url}/?as=${encodeURIComponent(user)}`);
  await desk.line('connected');
  return desk;
}

/** Writes down every status that a friend's row shows from now on; a row that goes away counts as "gone". */
export async function watchStatus(desk: Desk, user: string): Promise<() => Promise<string[]>> {
  await desk.page.evaluate((friend) => {
    const status = (): string =>
      document.querySelector<HTMLElement>(`.friend[data-user="${friend}"]`)?.dataset['status'] ?? 'gone';
    const seen = [status()];
    const note = (): void => {
      if (seen.at(-1) !== status()) seen.push(status());
    };
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
    Object.assign(globalThis, { [`seen ${friend}`]: seen });
  }, user);
  return () =>
    desk.page.evaluate(
      (friend) => (globalThis as unknown as Record<string, string[]>)[`seen ${friend}`] ?? [],
      user,
    );
}
