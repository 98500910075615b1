import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Balancer, startBalancer } from '../../deploy/balancer.ts';
import { type BareClient, connectBare } from '../../wire/scene/bare-client.ts';
import { within } from '../../wire/scene/within.ts';
import { type ClusterNode, type ClusterScene, openClusterScene } from './cluster-scene.ts';
import { ROOMS_CONFIG } from './commute.ts';
import { transportsOf } from './sdk-crowd.ts';

/** What somebody writes who has no SDK. */
const PAGE = `<!doctype html><script>
  window.seen = [];
  window.events = [];
  window.follow = (ticket) => {
    const source = (window.source = new EventSource('/sse?ticket=' + encodeURIComponent(ticket)));
    source.onopen = () => events.push('open');
    source.onmessage = ({ data }) => seen.push(JSON.parse(data).d);
    for (const name of ['lost', 'end']) source.addEventListener(name, () => events.push(name));
  };
</script>`;

type Told = { readonly seen: string[]; readonly events: string[]; readonly state: number };

let scene: ClusterScene;
let nginx: Balancer;
let browser: Browser;
let page: Page | null = null;
const ending: (() => void)[] = [];

beforeAll(async () => {
  scene = await openClusterScene({
    configModule: ROOMS_CONFIG,
    settings: { CARILLON_TRUSTED_PROXIES: '127.0.0.1' },
  });
  nginx = await startBalancer('nginx', { nodes: scene.nodes.map(({ port }) => port) });
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
});
afterEach(async () => {
  for (const end of ending.splice(0)) end();
  await page?.close();
  page = null;
});
afterAll(async () => {
  await browser?.close();
  await nginx?.stop();
  await scene?.close();
});

async function logIn(node: ClusterNode, user: string, extra: object = {}): Promise<BareClient> {
  const client = await connectBare(node.port);
  ending.push(() => client.drop());
  await client.logIn(user, extra);
  return client;
}

/** A stream read to its end. */
async function follow(node: ClusterNode, ticket: string) {
  const request = get({
    ...{ host: '127.0.0.1', port: node.port, path: `/sse?ticket=${encodeURIComponent(ticket)}` },
  });
  ending.push(() => void request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  let arrived = Promise.withResolvers<void>();
  // Cut off by the test's own end.
  response.on('error', () => undefined);
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    arrived.resolve();
    arrived = Promise.withResolvers();
  });
  return {
    status: response.statusCode,
    ended: new Promise<string>((resolve) => response.on('close', () => resolve(text))),
    async until(part: string): Promise<string> {
      while (!text.includes(part)) await arrived.promise;
      return text;
    },
  };
}

async function publish(node: ClusterNode, channel: string, data: string): Promise<void> {
  const path = `/v1/channels/${encodeURIComponent(channel)}/publications`;
  expect((await node.process.api('POST', path, { data })).status).toBe(200);
}

async function ticketFor(node: ClusterNode, user: string, channel: string): Promise<string> {
  const { status, body } = await node.process.api('POST', '/v1/tickets', { user, channel });
  expect(status).toBe(200);
  return (body as { readonly ticket: string }).ticket;
}

describe('tickets of several nodes', () => {
  it('[TKT2] [TKT3] made on one, used on another, over when the session ends on a third', async () => {
    const [first, second, third] = scene.nodes as [ClusterNode, ClusterNode, ClusterNode];
    const alice = await logIn(first, 'alice');
    alice.send({ t: 'ticket', c: 'room:tickets', i: 1 });
    const { g } = await alice.waitFor('the ticket', ({ t, i }) => t === 'ok' && i === 1);
    const following = await follow(second, g as string);
    expect(following.status).toBe(200);
    await following.until('id: ');
    await publish(third, 'room:tickets', 'heard');
    await within(following.until('heard'), 'what another node published comes');
    const moved = await logIn(third, 'alice', { resume: alice.resumeToken, at: alice.at, v: 1 });
    moved.send({ t: 'logout', i: 2 });
    await moved.waitFor('the answer', ({ t, i }) => t === 'ok' && i === 2);
    for (const node of scene.nodes) expect((await follow(node, g as string)).status).toBe(401);
    const text = await within(following.ended, 'the stream ends');
    expect(text).toMatch(/event: end\ndata: \{"code":"ticket_invalid"\}\n\n$/);
  });
});

describe('an EventSource in Chromium, and nothing else', () => {
  /** A page of the server's own origin that follows by a ticket. */
  async function open(port: number, ticket: string): Promise<Page> {
    page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    await page.route('**/page', (route) => route.fulfill({ contentType: 'text/html', body: PAGE }));
    await page.goto(`http://127.0.0.1:${port}/page`);
    await page.evaluate(`follow(${JSON.stringify(ticket)})`);
    await until('a stream', ({ events }) => events.includes('open'));
    return page;
  }

  const look = (): Promise<Told> => page!.evaluate('({ seen, events, state: source.readyState })');

  async function until(what: string, holds: (told: Told) => boolean): Promise<void> {
    await expect
      .poll(async () => holds(await look()), { timeout: 30_000, interval: 50, message: what })
      .toBe(true);
  }

  it('[TKT2] comes back by itself when its node was killed, and gets what it missed, once', async () => {
    const channel = 'room:source';
    await open(nginx.port, await ticketFor(scene.nodes[2]!, 'bob', channel));
    await publish(scene.nodes[0]!, channel, 'one');
    await until('the first', ({ seen }) => seen.length === 1);
    const homes = await Promise.all(scene.nodes.map(async (node) => (await transportsOf(node))[1]));
    const victim = scene.nodes[homes.indexOf(1)]!;
    const other = scene.nodes.find((node) => node !== victim)!;
    await victim.end('SIGKILL');
    // Published while it is away: its browser waits some seconds before it comes back.
    for (const data of ['two', 'three']) await publish(other, channel, data);
    expect((await look()).seen).toEqual(['one']);
    await until('it is back', ({ seen }) => seen.length >= 3);
    await publish(other, channel, 'four');
    await until('it goes on', ({ seen }) => seen.includes('four'));
    expect(await look()).toEqual({
      seen: ['one', 'two', 'three', 'four'],
      events: ['open', 'open'],
      state: EVENT_SOURCE_OPEN,
    });
    await victim.start();
  });

  it('[TKT2] comes back by itself when the server was restarted, and gets what it missed, once', async () => {
    const channel = 'room:restarted';
    const [node, other] = scene.nodes as [ClusterNode, ClusterNode];
    await open(node.port, await ticketFor(other, 'carl', channel));
    for (let life = 1; life <= 2; life++) {
      await publish(other, channel, `before ${life}`);
      await until('it is there', ({ seen }) => seen.includes(`before ${life}`));
      expect(await node.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await publish(other, channel, `missed ${life}`);
      await node.start();
      await until('it is back', ({ seen }) => seen.includes(`missed ${life}`));
    }
    await publish(other, channel, 'last');
    await until('it goes on', ({ seen }) => seen.includes('last'));
    expect(await look()).toEqual({
      seen: ['before 1', 'missed 1', 'before 2', 'missed 2', 'last'],
      events: ['open', 'open', 'open'],
      state: EVENT_SOURCE_OPEN,
    });
  });
});

/** `EventSource.OPEN`: it has not given up. */
const EVENT_SOURCE_OPEN = 1;
