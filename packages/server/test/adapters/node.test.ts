import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import { createNodeSecrets } from '../../src/adapters/node/secrets.ts';

describe("the machine's clock", () => {
  const clock = createNodeClock();

  /** Resolves with how long the clock itself says that a timer took. */
  function timed(delayMs: number): Promise<number> {
    const beganMs = clock.monotonicMs();
    return new Promise((resolve) => {
      clock.setTimer(delayMs, () => resolve(clock.monotonicMs() - beganMs));
    });
  }

  it('a timer never fires before its delay has passed', async () => {
    const delays = Array.from({ length: 200 }, (_, i) => (i % 20) + 0.5);
    const taken = await Promise.all(delays.map(timed));
    expect(taken.filter((ms, i) => ms < (delays[i] ?? Infinity))).toEqual([]);
  });

  it('a cancelled timer does not fire, though it was due', async () => {
    let fired = false;
    const timer = clock.setTimer(1, () => (fired = true));
    timer.cancel();
    await timed(5);
    expect(fired).toBe(false);
  });

  it('a delay beyond what the machine can count does not fire at once', async () => {
    let fired = false;
    const timer = clock.setTimer(2 ** 32, () => (fired = true));
    await timed(5);
    timer.cancel();
    expect(fired).toBe(false);
  });

  it('the end of the turn comes after all that the turn still does, once, in order', async () => {
    const log: string[] = [];
    clock.defer(() => log.push('deferred 1'));
    clock.defer(() => log.push('deferred 2'));
    process.nextTick(() => log.push('tick'));
    void Promise.resolve().then(() => log.push('microtask'));
    log.push('turn');
    await nextTurn();
    await nextTurn();
    expect(log.slice(-2)).toEqual(['deferred 1', 'deferred 2']);
    expect(log.slice(0, -2).toSorted()).toEqual(['microtask', 'tick', 'turn']);
  });

  it('the wall clock counts milliseconds since the epoch', () => {
    const before = Date.now();
    const nowMs = clock.nowMs();
    expect(nowMs).toBeGreaterThanOrEqual(before);
    expect(nowMs).toBeLessThanOrEqual(Date.now());
  });
});

describe("the machine's secrets", () => {
  const secrets = createNodeSecrets();

  it('tokens are URL-safe, hold at least 128 bits, and are never the same', () => {
    const tokens = Array.from({ length: 1_000 }, () => secrets.token());
    expect(new Set(tokens).size).toBe(1_000);
    for (const token of tokens) {
      expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(Buffer.from(token, 'base64url').length * 8).toBeGreaterThanOrEqual(128);
    }
    // Every character of the alphabet in every place: no part of a token is constant.
    for (let place = 0; place < (tokens[0]?.length ?? 0); place++) {
      expect(new Set(tokens.map((token) => token[place])).size, `place ${place}`).toBeGreaterThan(32);
    }
  });

  it('ids are never the same', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => secrets.id())).size).toBe(1_000);
  });

  it('the hash is SHA-256 in base64url (FIPS 180-2, appendix B.1: "abc")', () => {
    expect(secrets.hash('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });

  it('fractions lie in [0, 1) and spread over it', () => {
    const fractions = Array.from({ length: 1_000 }, () => secrets.fraction());
    expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
    expect(new Set(fractions.map((fraction) => Math.floor(fraction * 10))).size).toBe(10);
  });
});
