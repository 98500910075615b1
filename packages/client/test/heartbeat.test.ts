import { describe, expect, it } from 'vitest';
import { type CoreDriver, connected } from './core-driver.ts';

const probes = (driver: CoreDriver): Record<string, unknown>[] =>
  driver.takeSent().filter((message) => 'q' in message);

describe('the heartbeat', () => {
  it('[HB2] is answered in kind', () => {
    const driver = connected();
    driver.takeSent();
    driver.receive('{"t":"hb","at":1763715630000000}');
    expect(driver.takeSent()).toEqual([{ t: 'hb' }]);
  });

  it('[HB4] an echo is not answered', () => {
    const driver = connected();
    driver.takeSent();
    driver.receive('{"t":"hb","q":12345}');
    expect(driver.takeSent()).toEqual([]);
  });

  it('a line on which nothing was heard for 2.5 intervals is dead', () => {
    const driver = connected({}, { hbMs: 10_000 });
    driver.advance(10_000);
    driver.receive({ t: 'u', id: 'bob', a: 'Reading' });
    driver.advance(24_999);
    expect(driver.connection()!.status).toBe('connected');
    driver.advance(1);
    expect(driver.connection()).toMatchObject({
      status: 'disconnected',
      reason: 'line_silent',
      retryInMs: 500,
    });
    expect(driver.socket).toBeNull();
  });

  it('a line that is asked every interval lives', () => {
    const driver = connected();
    for (let i = 0; i < 100; i++) {
      driver.advance(30_000);
      driver.receive({ t: 'hb' });
    }
    expect([driver.connection()!.status, driver.sockets]).toEqual(['connected', 1]);
  });
});

describe('a probe', () => {
  it('[HB4] asks at once when the network changes or the page is looked at; one question at a time', () => {
    for (const type of ['networkOnline', 'networkOffline', 'visible'] as const) {
      const driver = connected();
      driver.takeSent();
      driver.dispatch({ type });
      driver.dispatch({ type: 'visible' });
      expect(probes(driver), type).toHaveLength(1);
    }
  });

  it('[HB4] that is echoed within five seconds leaves the line as it is', () => {
    const driver = connected();
    driver.dispatch({ type: 'visible' });
    const [probe] = probes(driver);
    driver.advance(4999);
    driver.receive({ t: 'hb', q: probe!['q'] });
    driver.advance(60_000);
    expect(driver.connection()!.status).toBe('connected');
    driver.dispatch({ type: 'visible' });
    expect(probes(driver)).toHaveLength(1);
  });

  it('[HB4] that is not echoed ends the line, whatever else comes: it may have been under way before the cut', () => {
    const driver = connected();
    driver.dispatch({ type: 'networkOnline' });
    driver.advance(3000);
    driver.receive({ t: 'u', id: 'bob', a: 'late' });
    driver.receive({ t: 'hb', q: 999_999 });
    driver.advance(2000);
    expect(driver.connection()).toMatchObject({ status: 'disconnected', reason: 'line_silent' });
  });
});

describe('waking from sleep', () => {
  for (const monotonic of [true, false]) {
    it(`is noticed by a timer that comes late, where the clock that never steps ${monotonic ? 'runs on' : 'stands still'} meanwhile`, () => {
      const driver = connected();
      driver.takeSent();
      driver.sleep(8 * 3_600_000, monotonic);
      expect(probes(driver)).toHaveLength(1);
      expect(driver.connection()!.status).toBe('connected');
      driver.advance(5000);
      expect(driver.connection()).toMatchObject({ status: 'disconnected', reason: 'line_silent' });
    });
  }

  it('keeps a line that outlived it', () => {
    const driver = connected();
    driver.takeSent();
    driver.sleep(120_000, true);
    driver.receive({ t: 'hb', q: probes(driver)[0]!['q'] });
    driver.advance(60_000);
    expect([driver.connection()!.status, driver.sockets]).toEqual(['connected', 1]);
  });

  it('a timer that is merely a little late asks nothing', () => {
    const driver = connected();
    driver.takeSent();
    driver.sleep(15_000 + 4000, true);
    expect(probes(driver)).toEqual([]);
  });
});
