import { describe, expect, it } from 'vitest';
import { createClusterTime } from '../../src/adapters/redis/cluster-time.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';

/** The server's clock stands an hour ahead of the machine's, which counts from 0 besides. */
const SERVER_MS = 1_700_000_000_000;
const WALL_MS = SERVER_MS - 3_600_000;

function timeUnderTest() {
  const clock = createVirtualClock(WALL_MS);
  const time = createClusterTime(clock);
  /** Asks, with so long a way there and back, ms. */
  async function ask(thereMs: number, backMs: number, serverLeapMs = 0, lostMs = 0): Promise<void> {
    const sentMs = clock.monotonicMs();
    await clock.advance(thereMs);
    const serverMs = SERVER_MS + clock.monotonicMs() + serverLeapMs;
    await clock.advance(backMs);
    time.answered(serverMs, sentMs, lostMs);
  }
  /** How far the time is off, ms. */
  const off = (leapMs = 0) => time.nowMs() - (SERVER_MS + clock.monotonicMs() + leapMs);
  return { clock, time, ask, off };
}

describe("the cluster's clock", () => {
  it("is the machine's before the first answer", () => {
    const { time } = timeUnderTest();
    expect(time.nowMs()).toBe(WALL_MS);
    expect(time.renewedAtMs).toBe(0);
  });

  it("is the server's from then on, wherever the machine's stands and whoever sets that", async () => {
    const { clock, time, ask, off } = timeUnderTest();
    await ask(10, 10);
    expect(off()).toBe(0);
    clock.stepWall(-86_400_000);
    await clock.advance(5_000);
    expect(off()).toBe(0);
    expect(time.renewedAtMs).toBe(SERVER_MS + 10);
  });

  it('is off by no more than half the round trip, and goes by the shortest of the last ones', async () => {
    const { ask, off } = timeUnderTest();
    await ask(400, 0);
    expect(off()).toBe(200);
    await ask(1, 3);
    expect(off()).toBe(-1);
    await ask(0, 300);
    expect(off()).toBe(-1);
  });

  it('an answer is forgotten behind eight others: quartz drifts', async () => {
    const { ask, off } = timeUnderTest();
    await ask(0, 2);
    expect(off()).toBe(-1);
    for (let i = 0; i < 7; i++) await ask(20, 0);
    expect(off()).toBe(-1);
    await ask(20, 0);
    expect(off()).toBe(10);
  });

  it('goes with a server whose clock was set, or another that took over', async () => {
    const { ask, off } = timeUnderTest();
    await ask(1, 1);
    await ask(20, 20, 60_000);
    expect(off(60_000)).toBe(0);
    await ask(20, 20, -60_000);
    expect(off(-60_000)).toBe(0);
  });

  it('steady time leaves out what was lost', async () => {
    const { clock, time, ask } = timeUnderTest();
    await ask(1, 1);
    const beforeMs = time.steadyMs();
    await clock.advance(100_000);
    await ask(1, 1, 0, 100_000);
    expect(time.steadyMs()).toBe(beforeMs + 2);
    expect(time.lostMs).toBe(100_000);
  });
});
