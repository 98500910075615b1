import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ChannelsDriver, driveChannels } from './channels-driver.ts';

/** A server's allowance of messages: so many a second on average, so many at once ([LIM1]). */
function meter(perSecond: number, burst: number): (nowMs: number) => number | null {
  let tokens = burst;
  let atMs = 0;
  return (nowMs) => {
    tokens = Math.min(burst, tokens + ((nowMs - atMs) / 1000) * perSecond);
    atMs = nowMs;
    if (tokens < 1) return Math.ceil(((1 - tokens) / perSecond) * 1000);
    tokens--;
    return null;
  };
}

/** Runs a server that answers at once whatever it takes, until nothing is left to do. @returns its refusals */
function serve(driver: ChannelsDriver, take: (nowMs: number) => number | null): number {
  let refusals = 0;
  for (let idle = 0; idle < 2;) {
    const sent = driver.takeSent();
    idle = sent.length === 0 ? idle + 1 : 0;
    for (const { i } of sent) {
      const retryAfterMs = take(driver.nowMs);
      if (retryAfterMs === null) driver.receive({ t: 'ok', i, e: 'e1', o: 1 });
      else {
        refusals++;
        driver.receive({ t: 'err', code: 'rate_limited', m: '', i, retryAfterMs });
      }
    }
    if (sent.length === 0 && driver.alarmAtMs !== null) driver.advance(driver.alarmAtMs - driver.nowMs);
  }
  return refusals;
}

it('[LIM1] [LIM2] 1,000 subscriptions at once are made at the pace that the server takes, with few refusals', () => {
  const driver = driveChannels();
  for (let n = 0; n < 1000; n++) driver.subscribe(`chat:${n}`);
  driver.live();
  const refusals = serve(driver, meter(50, 100));
  const live = Array.from({ length: 1000 }, (_, n) => driver.status(`chat:${n}`)).filter(
    (status) => status === 'live',
  );
  expect(live).toHaveLength(1000);
  expect(refusals, 'a server closes the line after 200, of which one a second is forgiven').toBeLessThan(150);
  expect(driver.nowMs, 'and not for ever: 18 s are the least').toBeLessThan(40_000);
});

it('[LIM1] [LIM2] so are publications on many channels', () => {
  const driver = driveChannels();
  driver.live();
  for (let n = 0; n < 1000; n++) driver.publish(`chat:${n}`, n);
  const refusals = serve(driver, meter(50, 100));
  expect(driver.takeAll('resolve')).toHaveLength(1000);
  expect(refusals).toBeLessThan(200);
});

it('[PUB6] a channel with a rate of its own gets all publications, in their order, at about that rate', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 200 }),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom(0, 0.5, 0.999),
      (perSecond, burst, random) => {
        const driver = driveChannels({ random: () => random });
        driver.live();
        for (let n = 0; n < 100; n++) driver.publish('chat:x', n);
        const startMs = driver.nowMs;
        const order: unknown[] = [];
        const take = meter(perSecond, burst);
        let refusals = 0;
        for (;;) {
          const [pub] = driver.takeSent();
          if (pub === undefined) {
            if (driver.alarmAtMs === null) break;
            driver.advance(driver.alarmAtMs - driver.nowMs);
            continue;
          }
          const retryAfterMs = take(driver.nowMs);
          if (retryAfterMs === null) {
            order.push(pub['d']);
            driver.receive({ t: 'ok', i: pub['i'], e: 'e1', o: order.length });
          } else {
            refusals++;
            driver.receive({ t: 'err', code: 'rate_limited', m: '', i: pub['i'], retryAfterMs });
          }
        }
        expect(order).toEqual(Array.from({ length: 100 }, (_, n) => n));
        const leastMs = ((100 - burst) / perSecond) * 1000;
        expect(driver.nowMs - startMs).toBeLessThan(leastMs * 3 + 30_000);
        expect(refusals).toBeLessThan(60);
      },
    ),
    { numRuns: 40 },
  );
});

it('[LIM1] a lane that was refused does not keep what is new from having its turn', () => {
  const driver = driveChannels({ random: () => 0 });
  driver.live();
  for (let n = 0; n < 300; n++) driver.subscribe(`chat:${n}`);
  driver.publish('chat:x', 1);
  const order: unknown[] = [];
  const take = meter(10, 5);
  for (let steps = 0; steps < 400 && !order.includes('pub'); steps++) {
    for (const { i, t } of driver.takeSent()) {
      const retryAfterMs = take(driver.nowMs);
      if (retryAfterMs === null) {
        order.push(t);
        driver.receive({ t: 'ok', i, e: 'e1', o: 1 });
      } else driver.receive({ t: 'err', code: 'rate_limited', m: '', i, retryAfterMs });
    }
    if (driver.alarmAtMs !== null) driver.advance(driver.alarmAtMs - driver.nowMs);
  }
  expect(order).toContain('pub');
  expect(order.length, 'not behind all the subscriptions').toBeLessThan(60);
});
