import { describe, expect, it } from 'vitest';
import { EPOCH_MS, connected, tokenMessage } from './core-driver.ts';

/** A login token that is good for ten minutes. */
const SHORT = { exp: EPOCH_MS + 600_000, at: EPOCH_MS * 1000 };

describe('[LOG5] a machine that slept for an hour', () => {
  it.each([true, false])('asks for a new login token as it wakes; its clock ran on: %s', (monotonic) => {
    const driver = connected({}, SHORT);
    driver.takeSent();
    driver.sleep(3_600_000, monotonic, ['watch']);
    expect(driver.fetches, 'asked for at once').toHaveLength(1);
    driver.giveToken('fresh');
    const auth = driver.takeSent().find((message) => message['t'] === 'auth');
    expect(auth).toMatchObject({ token: 'fresh' });
    driver.receive({ t: 'ok', i: auth!['i'], exp: EPOCH_MS + 7_200_000 });
    expect(driver.connection()?.status).toBe('connected');
  });

  it('a token that is good for longer is renewed when it was to be, by the clock that did not stand still', () => {
    const driver = connected({}, { ...SHORT, exp: EPOCH_MS + 7_200_000 });
    driver.sleep(3_600_000, false, ['watch']);
    expect(driver.fetches).toHaveLength(0);
    const dueMs = (driver.timers.get('refresh') ?? 0) - driver.nowMs;
    expect(dueMs).toBeGreaterThan(2_700_000);
    expect(dueMs).toBeLessThan(3_600_000);
  });

  it('a wall clock that was set back ages nothing', () => {
    const driver = connected({}, SHORT);
    driver.sleep(-3_600_000, false, ['watch']);
    expect(driver.fetches).toHaveLength(0);
  });

  it('a fixed token is not asked for', () => {
    const driver = connected({ renewable: false }, SHORT);
    driver.sleep(3_600_000, true);
    expect(driver.fetches).toHaveLength(0);
  });

  it('[LOG6] whose line went, too, comes back into its session with a new token', () => {
    const driver = connected({}, SHORT);
    driver.sleep(3_600_000, true);
    driver.close(4100);
    driver.advance(1_000);
    expect(driver.fetches.length).toBeGreaterThan(0);
    driver.giveFetched(driver.fetches.at(-1)!);
    driver.open();
    expect(driver.takeSent().at(-1)).toMatchObject({ t: 'login', resume: 'resume-1', token: 'jwt' });
    driver.receive(tokenMessage({ resumed: true }));
    driver.receive({ t: 'sync', users: [], delta: true });
    expect(driver.connection()?.status).toBe('connected');
  });
});
