import { type StandardSchema, call, defineContract, map, stream } from '@carillon/contract';
import { createTestServer } from '@carillon/server/testing';
import { expect, it } from 'vitest';
import { createChance } from '../src/testing/chance.ts';
import { type Tab, createBrowser } from './tabs-world.ts';

const number: StandardSchema<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'expected a number' }] },
  },
};

const contract = defineContract({
  channels: {
    'chat:{room}': stream({ data: number, history: { count: 5_000 } }),
    'silent:{room}': stream({ data: number, echo: false, history: { count: 5_000 } }),
    'board:{id}': map({ data: number, history: { count: 5_000 } }),
  },
  calls: { add: call({ input: number, output: number }) },
});

/** Histories that are run; each takes some tens of ms. */
const SEEDS = 60;
const STEPS = 80;
const CHANNELS = ['chat:{room}', 'silent:{room}'] as const;

/** What one tab was told of one channel, since it subscribed. */
type Told = { readonly offsets: number[]; readonly data: number[]; readonly since: boolean };

/** One history of a browser with up to five tabs of alice, and what must hold of it. */
async function run(seed: string): Promise<void> {
  const chance = createChance(seed);
  const below = (n: number): number => Math.floor(chance() * n);
  const carriedOut: number[] = [];
  const server = await createTestServer(contract, {
    follows: [
      ['bob', 'alice'],
      ['alice', 'bob'],
      ['alice', 'eve'],
    ],
    authorize: { 'chat:{room}': inAWhile, 'silent:{room}': inAWhile, 'board:{id}': inAWhile },
    calls: {
      add(input) {
        carriedOut.push(input);
        return input + 1;
      },
    },
    limits: { messagesPerSecond: 100_000, messageBurst: 100_000 },
  });
  const { clock } = server;

  /** A rule that asks somewhere: meanwhile publications come. */
  function inAWhile(): Promise<boolean> {
    return new Promise((resolve) => clock.setTimer(below(40), () => resolve(true)));
  }

  const browser = createBrowser(server, seed);
  const bob = browser.open({ username: 'bob' });
  const eve = browser.open({ username: 'eve' });
  let activity = '';
  let seenGone = false;
  const tabs: { readonly tab: Tab<typeof contract>; readonly told: Map<string, Told[]> }[] = [];
  const published: { readonly channel: string; readonly data: number; readonly settled: Promise<unknown> }[] =
    [];
  const answered: number[] = [];
  let last = 0;

  function open(): void {
    const tab = browser.open({ visible: chance() < 0.7 });
    const entry = { tab, told: new Map<string, Told[]>() };
    tab.line.delay(below(30));
    for (const pattern of CHANNELS) {
      const channel = tab.client.stream(pattern, { room: 'k' });
      const segments: Told[] = [];
      channel.onPublication(({ position, data }) => {
        segments.at(-1)?.offsets.push(position.offset);
        segments.at(-1)?.data.push(data);
      });
      channel.onLost((lost) => expect.unreachable(`${seed}: ${tab.id} lost ${JSON.stringify(lost)}`));
      entry.told.set(channel.channel, segments);
      subscribe(entry, pattern);
    }
    void tab.client
      .map('board:{id}', { id: '1' })
      .subscribe()
      .catch(() => {});
    tabs.push(entry);
  }

  /** Wants a channel, from one beginning or another; what it was told before belongs to what was before. */
  function subscribe({ tab, told }: (typeof tabs)[number], pattern: (typeof CHANNELS)[number]): void {
    const channel = tab.client.stream(pattern, { room: 'k' });
    const { position } = channel;
    channel.unsubscribe();
    const starts = [
      {},
      { last: 1 + below(20) },
      { since: clock.nowMs() - below(500) },
      position === null ? {} : { position },
    ];
    const start = pick(starts);
    told.get(channel.channel)!.push({ offsets: [], data: [], since: 'since' in start });
    void channel.subscribe(start).catch(() => {});
  }

  const alive = () => tabs.filter(({ tab }) => tab.alive);
  const awake = () => alive().filter(({ tab }) => !tab.frozen);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

  function publish(): void {
    const { tab } = pick(awake());
    const data = ++last;
    if (chance() < 0.2)
      return void tab.client
        .map('board:{id}', { id: '1' })
        .set(`k${below(5)}`, data)
        .catch(() => {});
    const pattern = pick(CHANNELS);
    const channel = tab.client.stream(pattern, { room: 'k' });
    const settled = channel.publish(data).then(
      ({ position }) => position?.offset,
      (error: unknown) => error,
    );
    published.push({ channel: channel.channel, data, settled });
  }

  function callOnce(): void {
    const input = ++last;
    pick(awake())
      .tab.client.call('add', input)
      .then((output) => answered.push(output - 1))
      .catch(() => {});
  }

  function freeze(tab: Tab<typeof contract>): void {
    if (tab.client.connection.status !== 'connected') return;
    if (chance() < 0.5) tab.freeze();
    else tab.putAway();
  }

  function changeFriend(): void {
    activity = `a${++last}`;
    void bob.client.setStatus({ a: activity });
  }

  function step(): void {
    const dice = below(21);
    if (dice < 7) return publish();
    if (dice < 9) return callOnce();
    if (dice === 9 && alive().length < 5) return open();
    if (dice === 10 && awake().length > 1) return pick(awake()).tab.kill();
    // In the midst of the first login it would hold a session that nobody knows of.
    if (dice === 11 && awake().length > 1) return freeze(pick(awake()).tab);
    if (dice === 12 || dice === 13) return pick(alive()).tab.thaw();
    if (dice === 14) return pick(awake()).tab.line.cut(chance() < 0.5 ? {} : { forMs: below(3_000) });
    if (dice === 15) return pick(awake()).tab.line.loseNextReply();
    if (dice === 16) return pick(awake()).tab.show(chance() < 0.6);
    if (dice === 17) return void server.publish('chat:{room}', { room: 'k' }, ++last);
    if (dice === 18) return subscribe(pick(awake()), pick(CHANNELS));
    if (dice === 19) return changeFriend();
    burst();
  }

  /** Publications that come while whatever is next happens. */
  function burst(): void {
    for (let n = 0; n < 20; n++)
      clock.setTimer(n * 4, () => void server.publish(pick(CHANNELS), { room: 'k' }, ++last));
  }

  async function logOf(pattern: (typeof CHANNELS)[number]): Promise<Map<number, number>> {
    const page = await server.history(pattern, { room: 'k' }, { limit: 1_000 });
    return new Map((page.ok ? page.value.publications : []).map(({ offset, data }) => [offset, data ?? 0]));
  }

  /** When nothing was done for a while every tab that runs is connected, by one line, and has everything. */
  async function rest(after: string): Promise<void> {
    if (!awake().some(({ tab }) => tab.visible)) pick(awake()).tab.show(true);
    // As long as a client waits at most that has failed again and again.
    await clock.advance(25_000);
    const connected = browser.connected().filter((tab) => tab !== bob && tab !== eve);
    expect(connected.length, `${after}: one connection`).toBe(1);
    for (const { tab, told } of awake()) {
      expect(tab.client.connection.status, `${after}: ${tab.id}`).toBe('connected');
      const friends = ['bob', 'eve'].map((friend) => tab.client.presence.get(friend));
      expect(friends, `${after}: the friends of ${tab.id}`).toMatchObject([
        { status: 'Online', ...(activity === '' ? {} : { a: activity }) },
        { status: 'Online' },
      ]);
      for (const pattern of CHANNELS) {
        const { position, state, channel } = tab.client.stream(pattern, { room: 'k' });
        expect(state.status, `${after}: ${tab.id} of ${channel}`).toBe('live');
        const log = await logOf(pattern);
        // What was asked for since a time may be nothing, and then nothing is known.
        if (position === null && (told.get(channel)!.at(-1)!.since || log.size === 0)) continue;
        expect(position?.offset, `${after}: ${tab.id} of ${channel}, to the end`).toBe(log.size);
      }
    }
  }

  open();
  open();
  await clock.advance(100);
  bob.client.presence.on('alice', (alice) => (seenGone ||= alice?.status === 'Offline'));
  for (let n = 0; n < STEPS; n++) {
    const count = tabs.length;
    step();
    // Whoever comes hears of the session from those that are there, if they are awake.
    if (tabs.length > count) await clock.advance(100);
    await clock.advance(pick([0, 1, 2, 5, 20, 300, 1_200]));
    if (n % 10 === 9) await rest(`seed ${seed}, step ${n}`);
  }

  for (const { tab } of alive()) {
    tab.thaw();
  }
  await rest(`seed ${seed}, at the end`);

  const why = `seed ${seed}`;
  expect(seenGone, `${why}: the user was seen to go`).toBe(false);
  expect(new Set(alive().map(({ tab }) => tab.client.session)).size, `${why}: one session`).toBe(1);
  expect(carriedOut, `${why}: a call was carried out twice`).toEqual([...new Set(carriedOut)]);
  for (const input of answered) expect(carriedOut, why).toContain(input);

  const logs = new Map<string, Map<number, number>>();
  for (const pattern of CHANNELS) {
    const log = await logOf(pattern);
    expect([...log.values()], `${why}: published twice`).toHaveLength(new Set(log.values()).size);
    logs.set(pattern.replace('{room}', 'k'), log);
  }
  for (const { tab, told } of tabs) {
    for (const [channel, segments] of told) {
      const log = logs.get(channel)!;
      for (const { offsets, data } of segments) {
        const [first = 0] = offsets;
        const of = `${why}: ${tab.id} of ${channel}`;
        expect(offsets, of).toEqual(offsets.map((_, at) => first + at));
        expect(data, of).toEqual(offsets.map((offset) => log.get(offset)));
      }
    }
  }
  const outcomes = await Promise.all(
    published.map(async ({ channel, data, settled }) => {
      const outcome = await Promise.race([settled, clock.settle().then(() => 'open')]);
      return { channel, data, outcome };
    }),
  );
  for (const { channel, data, outcome } of outcomes) {
    if (typeof outcome === 'number') expect(logs.get(channel)!.get(outcome), `${why}: ${data}`).toBe(data);
  }
  const boards = alive().map(({ tab }) =>
    Object.fromEntries([...tab.client.map('board:{id}', { id: '1' })].map(({ key, value }) => [key, value])),
  );
  for (const board of boards) expect(board, `${why}: the map`).toEqual(boards[0]);

  for (const { tab } of [...alive(), { tab: bob }, { tab: eve }]) tab.client.disconnect();
  await clock.advance(1_000);
  await server.close();
}

const seeds = process.env['SEEDS']?.split(',') ?? Array.from({ length: SEEDS }, (_, n) => `tabs-${n}`);

it.each(seeds)(
  'whatever happens to tabs, each is told everything once and in order, and each publication applied once: %s',
  run,
);
