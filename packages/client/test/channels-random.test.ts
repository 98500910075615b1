import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ChannelsDriver, driveChannels } from './channels-driver.ts';

/** A stream on a server, and the line of one subscriber to it. Made from the rules of PROTOCOL.md alone. */
type Server = {
  epoch: number;
  /** Publications of each epoch, by offset - 1. */
  readonly logs: string[][];
  /** Offsets up to here are not kept any more. */
  trimmed: number;
  /** What the line was sent; null: it is not subscribed, or was told to subscribe again. */
  sent: number | null;
  /** The top that the first answer named: whatever comes behind it was asked for. */
  floor: { epoch: number; offset: number } | null;
  /** Losses that the client was told of. */
  losses: number;
  conflations: number;
  /** Publications that were left out without a word. */
  skipped: number;
};

const CHANNEL = 'chat:x';

function log(server: Server): string[] {
  return server.logs[server.epoch]!;
}

function publish(server: Server): void {
  log(server).push(`${server.epoch}/${log(server).length + 1}`);
}

function item(server: Server, o: number): object {
  return { o, ts: 1, d: log(server)[o - 1] };
}

/** Answers what the client sent. @param cutAfter messages of the replay that still arrive */
function answer(driver: ChannelsDriver, server: Server, split: number, cutAfter: number): void {
  for (const { t, i, e, o, last } of driver.takeSent()) {
    if (t === 'unsub') {
      server.sent = null;
      driver.receive({ t: 'ok', i });
      continue;
    }
    expect(t).toBe('sub');
    const top = log(server).length;
    const ok = { t: 'ok', i, e: `e${server.epoch}`, o: top };
    server.sent = top;
    let from = top;
    if (e === undefined) {
      server.floor ??= { epoch: server.epoch, offset: top };
      from = Math.max(server.trimmed, top - ((last as number | undefined) ?? 0));
      driver.receive(ok);
      if (last !== undefined && server.floor.epoch !== server.epoch) {
        server.losses++;
        server.floor = { epoch: server.epoch, offset: top };
      }
    } else {
      const why =
        e !== `e${server.epoch}`
          ? 'epoch'
          : (o as number) > top
            ? 'ahead'
            : (o as number) < server.trimmed
              ? 'trimmed'
              : null;
      if (why !== null) server.losses++;
      driver.receive(why === null ? { ...ok, rec: true } : { ...ok, rec: false, why });
      from = why === null ? (o as number) : top;
    }
    let pieces = cutAfter;
    for (let at = from; at < top; at += split) {
      if (pieces-- === 0) return cut(driver, server);
      const offsets = Array.from({ length: Math.min(split, top - at) }, (_, n) => at + 1 + n);
      driver.receive({ t: 'ps', c: CHANNEL, ps: offsets.map((offset) => item(server, offset)) });
    }
  }
}

function cut(driver: ChannelsDriver, server: Server): void {
  server.sent = null;
  driver.down();
  driver.takeSent();
  driver.live();
}

/** Time passes; a line that the client gives up is made anew. */
function wait(driver: ChannelsDriver, server: Server, ms: number): void {
  driver.advance(ms);
  if (driver.takeAll('failLine').length > 0) cut(driver, server);
}

function newEpoch(server: Server): void {
  server.logs.push([]);
  server.epoch++;
  server.trimmed = 0;
}

type Step =
  | {
      do: 'publish' | 'deliver' | 'repeat' | 'skip' | 'cut' | 'resync' | 'trim' | 'restart' | 'gapEpoch';
    }
  | { do: 'answer'; split: number; cutAfter: number }
  | { do: 'conflate' | 'drop'; count: number }
  | { do: 'wait'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Step>({ do: 'publish' }) },
  { weight: 8, arbitrary: fc.constant<Step>({ do: 'deliver' }) },
  {
    weight: 8,
    arbitrary: fc.record<Step & { do: 'answer' }>({
      do: fc.constant('answer'),
      split: fc.integer({ min: 1, max: 4 }),
      cutAfter: fc.constantFrom(0, 1, 2, 99, 99, 99),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Step>(
      { do: 'repeat' },
      { do: 'skip' },
      { do: 'cut' },
      { do: 'resync' },
      { do: 'trim' },
      { do: 'restart' },
      { do: 'gapEpoch' },
    ),
  },
  fc.record<Step & { do: 'conflate' | 'drop' }>({
    do: fc.constantFrom('conflate', 'drop'),
    count: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record<Step & { do: 'wait' }>({ do: fc.constant('wait'), ms: fc.integer({ min: 0, max: 30_000 }) }),
);

function act(driver: ChannelsDriver, server: Server, each: Step): void {
  const { sent } = server;
  const top = log(server).length;
  switch (each.do) {
    case 'publish':
      return publish(server);
    case 'deliver':
      if (sent !== null && sent < top)
        driver.receive({ t: 'p', c: CHANNEL, ...item(server, ++server.sent!) });
      return;
    case 'repeat':
      if (sent !== null && sent > 0) driver.receive({ t: 'p', c: CHANNEL, ...item(server, sent) });
      return;
    case 'skip':
      // A server that breaks [REC3].
      if (sent === null) return;
      while (log(server).length < sent + 2) publish(server);
      server.skipped++;
      server.sent = sent + 1;
      return;
    case 'cut':
      return cut(driver, server);
    case 'resync':
      if (sent === null) return;
      server.sent = null;
      return driver.receive({ t: 'gap', c: CHANNEL, why: 'resync' });
    case 'trim':
      server.trimmed = Math.max(server.trimmed, top - 2);
      return;
    case 'restart':
      newEpoch(server);
      return cut(driver, server);
    case 'gapEpoch':
      newEpoch(server);
      publish(server);
      if (sent === null) return;
      server.sent = 1;
      server.losses++;
      return driver.receive({ t: 'gap', c: CHANNEL, why: 'epoch', e: `e${server.epoch}`, o: 1 });
    case 'conflate':
    case 'drop': {
      if (sent === null || sent + each.count > top) return;
      server.sent = sent + each.count;
      if (each.do === 'drop') server.losses++;
      else server.conflations++;
      const why = each.do === 'drop' ? 'dropped' : 'conflated';
      return driver.receive({ t: 'gap', c: CHANNEL, why, o: server.sent });
    }
    case 'answer':
      return answer(driver, server, each.split, each.cutAfter);
    case 'wait':
      return wait(driver, server, each.ms);
  }
}

/** Holds what the app was told against the logs. @returns where it stands by what it was told */
function check(driver: ChannelsDriver, server: Server): { epoch: string; offset: number } | null {
  let at: { epoch: string; offset: number } | null = null;
  let losses = 0;
  let conflations = 0;
  for (const told of driver.told) {
    if (told.do === 'lost') {
      losses++;
      if (at !== null) expect(told.from).toEqual(at);
      at = told.to;
    } else if (told.do === 'conflated') {
      conflations++;
      if (at !== null) expect(told.from).toEqual(at);
      at = told.to;
    } else if (told.do === 'publications') {
      for (const { position, data } of told.publications) {
        expect(data, 'what stands there').toBe(`${position.epoch.slice(1)}/${position.offset}`);
        expect(server.logs[Number(position.epoch.slice(1))]![position.offset - 1]).toBe(data);
        if (at === null) {
          expect(position.offset, 'begins no later than what was asked for').toBeLessThanOrEqual(
            server.floor!.offset + 1,
          );
        } else expect(position, 'the next one, or told otherwise').toEqual({ ...at, offset: at.offset + 1 });
        at = position;
      }
    }
  }
  expect(losses, 'nothing is called lost that the server did not lose').toBeLessThanOrEqual(server.losses);
  expect(conflations).toBeLessThanOrEqual(server.conflations);
  return at;
}

it('[REC1] [REC3] [REC4] [REC6] what is applied is in order, complete and told once, or told otherwise', () => {
  let recovered = 0;
  let skipped = 0;
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80, size: 'max' }),
      fc.constantFrom(undefined, { last: 3 }, { last: 1 }),
      fc.integer({ min: 0, max: 4 }),
      (steps, start, before) => {
        const server: Server = {
          epoch: 0,
          logs: [[]],
          trimmed: 0,
          sent: null,
          floor: null,
          losses: 0,
          conflations: 0,
          skipped: 0,
        };
        for (let n = 0; n < before; n++) publish(server);
        const driver = driveChannels();
        driver.live();
        driver.subscribe(CHANNEL, start);
        for (const each of steps) act(driver, server, each);
        // Left alone with a good server it catches up.
        publish(server);
        for (let round = 0; round < 12; round++) {
          answer(driver, server, 3, 99);
          wait(driver, server, 25_000);
          while (server.sent !== null && server.sent < log(server).length)
            act(driver, server, { do: 'deliver' });
        }
        skipped += server.skipped;
        const at = check(driver, server);
        const top = { epoch: `e${server.epoch}`, offset: log(server).length };
        expect(driver.status(CHANNEL)).toBe('live');
        if (at !== null) {
          expect(at).toEqual(top);
          recovered++;
        }
        expect(driver.channels.position(CHANNEL)).toEqual(top);
        expect(driver.alarmAtMs, 'nothing is left to do').toBeNull();
      },
    ),
    { numRuns: 1000 },
  );
  expect([recovered > 700, skipped > 300], 'the runs were about something').toEqual([true, true]);
});
