import { describe, expect, it } from 'vitest';
import { AT, EPOCH_MS, connected, driveCore, logIn, passTime } from './core-driver.ts';

describe('the login token', () => {
  it('is used again for a reconnect while it is good', () => {
    const driver = connected({}, { at: AT, exp: EPOCH_MS + 3_600_000 });
    driver.close();
    driver.advance(500);
    expect(driver.fetches).toEqual([]);
    expect(driver.socket).not.toBeNull();
  });

  it('is asked for anew when it has run out meanwhile', () => {
    const driver = connected({}, { at: AT, exp: EPOCH_MS + 60_000 });
    driver.close();
    driver.sleep(55_000, true);
    expect(driver.fetches).toHaveLength(1);
    driver.giveToken('jwt-2');
    expect(logIn(driver)).toMatchObject({ token: 'jwt-2', resume: 'resume-1' });
  });

  it('[LOG6] that ran out is replaced, and the session goes on', () => {
    for (const end of ['bye', 'close'] as const) {
      const driver = connected();
      if (end === 'bye') driver.receive({ t: 'bye', code: 'token_expired', advice: 'reconnect' });
      else driver.close(4100);
      expect(driver.connection()).toEqual({
        status: 'disconnected',
        reason: 'token_expired',
        retryInMs: 500,
      });
      driver.advance(500);
      driver.giveToken('jwt-2');
      expect(logIn(driver, { resumed: true })).toMatchObject({ token: 'jwt-2', resume: 'resume-1' });
    }
  });

  it('that is fixed and ran out stops the client', () => {
    const driver = connected({ renewable: false });
    driver.close(4100);
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'token_expired', retryInMs: null });
  });

  it('that was good and is refused now is replaced at once: the keys of the server changed', () => {
    const driver = connected();
    driver.close();
    driver.advance(500);
    driver.open();
    driver.takeSent();
    driver.close(4200);
    expect(driver.connection()).toMatchObject({ reason: 'token_invalid', retryInMs: 1000 });
    driver.advance(1000);
    driver.giveToken('jwt-2');
    expect(logIn(driver, { resumed: true })).toMatchObject({ token: 'jwt-2', resume: 'resume-1' });
  });

  it('that is fresh and refused is replaced a few times, ever later, before the client stops', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    const pauses: number[] = [];
    for (let i = 0; driver.fetches.length > 0; i++) {
      driver.giveToken('<html>502 Bad Gateway</html>');
      driver.open();
      driver.receive({ t: 'err', code: 'token_invalid', m: '', i: driver.takeSent()[0]!['i'] });
      driver.receive({ t: 'bye', code: 'token_invalid', advice: 'stop' });
      pauses.push(driver.connection()!.retryInMs ?? -1);
      // Nothing shortens it.
      driver.dispatch({ type: 'visible' });
      driver.advance(Math.max(0, pauses[i]!));
    }
    expect(pauses).toEqual([5_500, 21_000, 62_000, -1]);
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'token_invalid', retryInMs: null });
  });

  it('that is fresh and refused a while, and then taken, is refused a few times again', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken('bad');
    driver.close(4200);
    driver.advance(6000);
    driver.giveToken('good');
    logIn(driver);
    expect(driver.state.refusals).toBe(0);
  });

  it('that no login has worked with is not used again: nobody knows how old it is', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken('jwt-1');
    driver.close();
    driver.advance(500);
    driver.giveToken('jwt-2');
    expect(logIn(driver)).toMatchObject({ token: 'jwt-2' });
  });

  it('that is fixed and refused stops the client', () => {
    const driver = driveCore({ renewable: false });
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.close();
    driver.advance(500);
    driver.open();
    driver.close(4200);
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'token_invalid', retryInMs: null });
  });

  it('that cannot be had is asked for again after a pause', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.dispatch({ type: 'tokenFailed', fetch: driver.fetches.shift()! });
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'token_failed', retryInMs: 500 });
    driver.advance(500);
    driver.giveToken();
    expect(driver.socket).not.toBeNull();
  });

  it('that never comes is asked for again after 20 s, and the late one is not used', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.advance(20_000);
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'token_failed', retryInMs: 500 });
    driver.advance(500);
    driver.giveToken('late');
    expect(driver.socket).toBeNull();
    driver.giveToken('second');
    expect(logIn(driver)).toMatchObject({ token: 'second' });
  });
});

describe('renewing the login token', () => {
  const exp = EPOCH_MS + 100_000;

  it('[LOG5] happens after 80% of its life, on the same connection, again and again', () => {
    const driver = connected({}, { at: AT, exp });
    passTime(driver, 79_999);
    expect(driver.fetches).toEqual([]);
    driver.advance(1);
    driver.giveToken('jwt-2');
    const auth = driver.takeSent().find((message) => message['t'] === 'auth')!;
    expect(auth).toEqual({ t: 'auth', token: 'jwt-2', i: expect.any(Number) });
    driver.receive({ t: 'ok', i: auth['i'], exp: exp + 80_000 });
    passTime(driver, 80_000 - 1);
    expect(driver.fetches).toEqual([]);
    driver.advance(1);
    expect(driver.fetches).toHaveLength(1);
    expect(driver.sockets).toBe(1);
    driver.close();
    driver.advance(500);
    expect(driver.state.credential!.token).toBe('jwt-2');
  });

  it('happens ten seconds before the end at the latest', () => {
    const driver = connected({}, { at: AT, exp: EPOCH_MS + 15_000 });
    driver.advance(4999);
    expect(driver.fetches).toEqual([]);
    driver.advance(1);
    expect(driver.fetches).toHaveLength(1);
  });

  it('is not done every instant for a token that seems to have run out, or lives for ages', () => {
    const past = connected({}, { at: AT, exp: EPOCH_MS - 60_000 });
    past.advance(7499);
    expect(past.fetches).toEqual([]);
    past.advance(1);
    expect(past.fetches).toHaveLength(1);
    const short = connected({}, { at: AT, exp: EPOCH_MS + 500 });
    short.advance(999);
    expect(short.fetches).toEqual([]);
    const far = connected({}, { at: AT, exp: EPOCH_MS + 1e12 });
    expect(far.timers.get('refresh')! - far.nowMs).toBe(24 * 3_600_000);
  });

  it("counts the token's life by the server's clock, whatever this machine's says", () => {
    for (const aheadMs of [-7_200_000, 7_200_000]) {
      const serverMs = EPOCH_MS - aheadMs;
      const driver = connected({}, { at: serverMs * 1000, exp: serverMs + 100_000 });
      passTime(driver, 79_999);
      expect(driver.fetches).toEqual([]);
      driver.advance(1);
      driver.giveToken('jwt-2');
      const auth = driver.takeSent().find((message) => message['t'] === 'auth')!;
      driver.receive({ t: 'ok', i: auth['i'], exp: serverMs + 180_000 });
      passTime(driver, 79_999);
      expect(driver.fetches).toEqual([]);
      driver.advance(1);
      expect(driver.fetches).toHaveLength(1);
    }
  });

  it('is tried again when the callback or the server fails, or neither answers', () => {
    const driver = connected({}, { at: AT, exp });
    passTime(driver, 80_000);
    driver.dispatch({ type: 'tokenFailed', fetch: driver.fetches.shift()! });
    driver.advance(7500);
    driver.giveToken('jwt-2');
    const auth = driver.takeSent().find((message) => message['t'] === 'auth')!;
    driver.receive({ t: 'err', code: 'unavailable', m: '', i: auth['i'], retryAfterMs: 1000 });
    driver.advance(8499);
    expect(driver.fetches).toEqual([]);
    driver.advance(1);
    expect(driver.fetches).toHaveLength(1);
    driver.receive({ t: 'hb' });
    driver.advance(20_000);
    expect(driver.fetches).toHaveLength(2);
    driver.giveToken('late');
    expect(driver.takeSent().filter((message) => message['t'] === 'auth')).toEqual([]);
    expect(driver.connection()!.status).toBe('connected');
  });

  it('is not done for a fixed token', () => {
    expect(connected({ renewable: false }, { at: AT, exp }).timers.has('refresh')).toBe(false);
  });
});
