import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ChannelsDriver, driveChannels } from './channels-driver.ts';

const CHANNELS = ['chat:x', 'chat:y'] as const;

/** What a server does with the next message of a client: takes it or not, answers or not. */
type Fate = 'ok' | 'taken, then cut' | 'cut' | 'rate_limited' | 'unavailable' | 'refused';

type Step =
  | { readonly do: 'publish'; readonly channel: (typeof CHANNELS)[number] }
  | { readonly do: 'serve'; readonly fate: Fate }
  | { readonly do: 'wait' | 'offline'; readonly ms: number };

/** All together stays below the time for which ids are sure. */
const LONGEST_MS = 2_000;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record<Step & { do: 'publish' }>({ do: fc.constant('publish'), channel: fc.constantFrom(...CHANNELS) }),
  fc.record<Step & { do: 'serve' }>({
    do: fc.constant('serve'),
    fate: fc.constantFrom('ok', 'ok', 'taken, then cut', 'cut', 'rate_limited', 'unavailable', 'refused'),
  }),
  fc.record<Step & { do: 'wait' | 'offline' }>({
    do: fc.constantFrom('wait', 'offline'),
    ms: fc.integer({ min: 0, max: LONGEST_MS }),
  }),
);

/** The logs of a server that keeps ids ([PUB2]), and what is on its way to it. */
type Server = {
  readonly logs: Map<string, unknown[]>;
  readonly ids: Map<unknown, number>;
  pending: Record<string, unknown>[];
  /** Refused for good: they may be missing. */
  readonly refused: Set<unknown>;
};

function collect(driver: ChannelsDriver, server: Server): void {
  server.pending.push(...driver.takeSent());
}

function reconnect(driver: ChannelsDriver, server: Server, ms = 0): void {
  server.pending = [];
  driver.down();
  driver.advance(ms);
  driver.live();
  collect(driver, server);
}

function serve(driver: ChannelsDriver, server: Server, fate: Fate): void {
  const pub = server.pending.shift();
  if (pub === undefined) return;
  const { i, c, d, id } = pub;
  const log = server.logs.get(c as string)!;
  const before = server.ids.get(id);
  if (fate === 'cut') return reconnect(driver, server);
  if (fate === 'ok' || fate === 'taken, then cut') {
    if (before === undefined) server.ids.set(id, log.push(d));
    if (fate !== 'ok') return reconnect(driver, server);
    driver.receive({
      t: 'ok',
      i,
      e: 'e1',
      o: server.ids.get(id),
      ...(before === undefined ? {} : { dup: true }),
    });
  } else if (fate === 'refused' && before === undefined) {
    server.refused.add(d);
    driver.receive({ t: 'err', i, code: 'payload_invalid', m: '' });
  } else
    driver.receive({
      t: 'err',
      i,
      code: fate === 'rate_limited' ? fate : 'unavailable',
      m: '',
      retryAfterMs: 500,
    });
  collect(driver, server);
}

it('[PUB2] [PUB5] whatever is lost or refused for now, each publication is there once, in order, and its promise knows where', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const driver = driveChannels();
      const server: Server = {
        logs: new Map(CHANNELS.map((channel) => [channel, []])),
        ids: new Map(),
        pending: [],
        refused: new Set(),
      };
      const published: { ticket: number; channel: string; data: number }[] = [];
      driver.live();
      for (const each of steps) {
        if (each.do === 'publish') {
          const data = published.length;
          published.push({ ticket: driver.publish(each.channel, data), channel: each.channel, data });
        } else if (each.do === 'wait') driver.advance(each.ms);
        else if (each.do === 'offline') reconnect(driver, server, each.ms);
        collect(driver, server);
        if (each.do === 'serve') serve(driver, server, each.fate);
        if (driver.takeAll('failLine').length > 0) reconnect(driver, server);
      }
      for (let round = 0; round < 500 && (server.pending.length > 0 || driver.alarmAtMs !== null); round++) {
        serve(driver, server, 'ok');
        if (server.pending.length === 0) driver.advance(5_000);
        collect(driver, server);
      }
      for (const channel of CHANNELS)
        expect(server.logs.get(channel)).toEqual(
          published
            .filter((each) => each.channel === channel && !server.refused.has(each.data))
            .map(({ data }) => data),
        );
      const settled = new Map<number, unknown>();
      for (const told of driver.told) {
        if (told.do !== 'resolve' && told.do !== 'reject') continue;
        expect(settled.has(told.ticket), 'settled once').toBe(false);
        settled.set(
          told.ticket,
          told.do === 'resolve' ? (told.value as { position: { offset: number } }).position.offset : null,
        );
      }
      for (const { ticket, channel, data } of published) {
        const index = server.logs.get(channel)!.indexOf(data);
        expect(settled.get(ticket)).toBe(index === -1 ? null : index + 1);
      }
    }),
    { numRuns: 400 },
  );
});
