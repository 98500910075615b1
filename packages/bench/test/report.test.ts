import { describe, expect, it } from 'vitest';
import { replaceSection } from '../src/report/document.ts';
import { reportFanout } from '../src/report/fanout.ts';
import { reportFeeds } from '../src/report/feeds.ts';
import { reportSizes } from '../src/report/sizes.ts';
import { digits, table, verdicts } from '../src/report/table.ts';
import { reportWays } from '../src/report/transports.ts';
import { CONTENDERS, type Contender, type FanoutSample, IN_FLIGHT } from '../src/scenarios/fanout.ts';
import { WAYS, WAYS_IN_FLIGHT } from '../src/scenarios/transports.ts';

describe('the document', () => {
  const document = 'Before.\n<!-- bench:graph -->\nold\n<!-- /bench:graph -->\nAfter.\n';

  it('gets a new section between its markers, and keeps everything else', () => {
    const once = replaceSection(document, { name: 'graph', text: '\nnew\n' });
    expect(once).toBe('Before.\n<!-- bench:graph -->\n\nnew\n\n<!-- /bench:graph -->\nAfter.\n');
    expect(replaceSection(once, { name: 'graph', text: 'new' })).toBe(once);
  });

  it('without the markers is an error, for nobody would see the results', () => {
    expect(() => replaceSection(document, { name: 'fanout', text: '' })).toThrow(/bench:fanout/);
  });
});

describe('tables', () => {
  it('are Markdown, numbers to the right', () => {
    expect(table(['a', 'b'], [['x', '1']])).toBe('| a | b |\n| --- | --: |\n| x | 1 |');
  });

  it('say of a missed target that it was missed', () => {
    expect(verdicts([{ target: 't', value: '2', met: false }])).toContain('| t | 2 | **no** |');
  });

  it.each([
    [0.05012, '0.050'],
    [2.345, '2.35'],
    [45.67, '45.7'],
    [578006, '578,006'],
  ])('%d is written %s', (value, text) => {
    expect(digits(value)).toBe(text);
  });
});

describe('feeds', () => {
  const result = (p99Ms: number, complete: number, deliveries: number) =>
    reportFeeds({
      plan: {
        users: 10_000,
        eventsPerSecond: 1_000,
        seconds: 10,
        warmUpSeconds: 0,
        watchingUsers: 1_000,
        windowSeconds: 1,
      },
      nodes: 2,
      connections: 30_000,
      events: 10_000,
      complete,
      deliveries,
      closed: 0,
      latencies: { p50Ms: 1, p95Ms: 2, p99Ms, maxMs: 3_000 },
      lateMs: 0,
      microsEach: 1,
      intake: [],
    });

  it('meet their target below a second on every device, and not where one device missed one event', () => {
    expect(result(999, 10_000, 30_000)).not.toContain('**no**');
    expect(result(1_000, 10_000, 30_000)).toContain('**no**');
    expect(result(10, 9_999, 29_999)).toContain('| 9,999 of 10,000 | **no** |');
    expect(result(10, 10_000, 30_001)).toContain('**no**');
  });
});

describe('the fan-out', () => {
  const MICROS: Record<Contender, number> = { carillon: 3, 'socket.io': 5, ws: 4, floor: 2 };
  const samples = (carillonAt32: number): FanoutSample[] =>
    IN_FLIGHT.flatMap((inFlight) =>
      CONTENDERS.map((contender) => ({
        contender,
        inFlight,
        microsPerDelivery: contender === 'carillon' && inFlight === 32 ? carillonAt32 : MICROS[contender],
        deliveriesPerSecond: 1,
        bytesPerDelivery: 58,
        p50Ms: 1,
        p99Ms: 2,
      })),
    );
  const plan = { followers: 1_000, repetitions: 1, warmUpSeconds: 0, windowSeconds: 1 };

  it('meets its targets at three quarters and at a twentieth of Socket.IO, and not above', () => {
    const met = reportFanout(plan, samples(0.25));
    expect(met).toContain('| 0.600 (1/1.67) | yes |');
    expect(met).toContain('| 0.050 (1/20.0) | yes |');
    expect(reportFanout(plan, samples(0.26))).toContain('| 0.052 (1/19.2) | **no** |');
  });
});

describe('the transports', () => {
  const report = (sseMicros: number): string =>
    reportWays(
      {
        subscribers: 1_000,
        connections: 4_000,
        repetitions: 1,
        warmUpSeconds: 0,
        windows: 1,
        windowSeconds: 1,
        idleSeconds: 1,
      },
      {
        fanout: WAYS_IN_FLIGHT.flatMap((inFlight) =>
          WAYS.map((way) => ({
            way,
            inFlight,
            microsPerDelivery: way === 'sse' && inFlight === 32 ? sseMicros : 1,
            deliveriesPerSecond: 1,
            bytesPerDelivery: 58,
            p50Ms: 1,
            p95Ms: 2,
            p99Ms: 3,
          })),
        ),
        idle: WAYS.map((way) => ({ way, connectionKb: way === 'sse' ? 15 : 10 })),
      },
    );

  it('meet their target where SSE takes 1.2 of what WebSocket does, and not above', () => {
    expect(report(1.2)).toContain("| SSE, 32 in flight: at most 1.2 of WebSocket's CPU | 1.20 | yes |");
    expect(report(1.25)).toContain("| SSE, 32 in flight: at most 1.2 of WebSocket's CPU | 1.25 | **no** |");
    expect(report(1)).toContain('| SSE | 15.0 | 1.50 |');
  });
});

describe('the sizes', () => {
  const KB = 1024;
  const size = (firstKb: number, laterKb = 0) => ({ firstBytes: firstKb * KB, laterBytes: laterKb * KB });
  const report = (presenceKb: number, offlineKb: number, leanKb = offlineKb): string =>
    reportSizes({
      entries: new Map([
        ['./lean', size(12)],
        ['./presence', size(presenceKb, 4)],
        ['.', size(20, 4)],
        ['./outbox', size(6)],
      ]),
      withDefault: new Map([['./outbox', size(25, 4)]]),
      offline: size(offlineKb, 4),
      leanCore: size(presenceKb - 1),
      leanWhole: size(leanKb),
      everything: size(25, 4),
      peers: new Map([['peer 1.0', size(12)]]),
    });

  it('meet their targets at 10 and at 16 KB, what is loaded when needed included, and not above', () => {
    const met = report(10, 12);
    expect(met).toContain('presence alone | 10.0 KB | yes |');
    expect(met).toContain('with the default entry | 16.0 KB | yes |');
    expect(report(10, 12, 16)).toContain('with the lean client | 16.0 KB | yes |');
    expect(report(10, 12, 16.01)).toContain('with the lean client | 16.0 KB | **no** |');
    expect(report(11, 12)).toContain('the lean client alone | 10.0 KB | yes |');
    expect(report(11.01, 12)).toContain('the lean client alone | 10.0 KB | **no** |');
    const missed = report(10.01, 12.1);
    expect(missed).toContain('presence alone | 10.0 KB | **no** |');
    expect(missed).toContain('with the default entry | 16.1 KB | **no** |');
  });

  it('say what an entry takes beside the default entry, which shares much with it', () => {
    expect(report(10, 12)).toContain('| `@carillon/client/outbox` | 6.00 |  | 5.00 |');
  });
});
