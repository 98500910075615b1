import { describe, expect, it } from 'vitest';
import { SYNC, connected, driveCore, logIn, tokenMessage } from './core-driver.ts';

describe('the login', () => {
  it('[VER1] names the version, the user, the token and the device', () => {
    const driver = driveCore({ device: 'phone' });
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken('jwt-9');
    driver.open();
    const [login] = driver.takeSent();
    expect(login).toEqual({
      t: 'login',
      username: 'alice',
      token: 'jwt-9',
      v: 1,
      i: expect.any(Number),
      device: 'phone',
    });
  });

  it('[LOG4] counts as connected when both token and sync are here', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    driver.receive(tokenMessage());
    expect(driver.connection()!.status).toBe('connecting');
    driver.receive(SYNC);
    expect(driver.connection()).toEqual({ status: 'connected', reason: null, retryInMs: null });
    expect(driver.statuses.map((change) => change.status)).toEqual(['connecting', 'connected']);
  });

  it('a sync without a token does not connect', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    driver.receive(SYNC);
    expect(driver.connection()!.status).toBe('connecting');
  });

  it('gives up after ten seconds, and tries again', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    driver.receive(tokenMessage());
    driver.advance(10_000);
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'login_timeout', retryInMs: 500 });
  });

  it('[HB2] answers a heartbeat that comes before the sync', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    driver.takeSent();
    driver.receive({ t: 'hb', at: 5 });
    expect(driver.takeSent()).toEqual([{ t: 'hb' }]);
  });

  it('an answer that it is impossible now is heeded', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    const [login] = driver.takeSent();
    driver.receive({ t: 'err', code: 'unavailable', m: 'later', i: login!['i'], retryAfterMs: 1000 });
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'unavailable', retryInMs: 1500 });
  });

  it('[ERR2] an err that ends the login is followed by a bye, which gives the advice', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    const [login] = driver.takeSent();
    driver.receive({ t: 'err', code: 'limit_reached', m: 'sessions of one user: 64', i: login!['i'] });
    driver.receive({ t: 'bye', code: 'too_many_connections', advice: 'reconnect', afterMs: 60_000 });
    expect(driver.connection()).toEqual({
      status: 'disconnected',
      reason: 'too_many_connections',
      retryInMs: 60_500,
    });
  });

  it('a login that can never fit stops the client', () => {
    const driver = driveCore({ username: '' });
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    const [login] = driver.takeSent();
    driver.receive({ t: 'err', code: 'bad_message', m: 'username', i: login!['i'] });
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'bad_message', retryInMs: null });
  });
});

describe('the resume token', () => {
  it('[RES1] is named in the next login', () => {
    const driver = connected();
    driver.close();
    driver.advance(500);
    expect(logIn(driver, { resumed: true, token: 'resume-2' })).toMatchObject({ resume: 'resume-1' });
    driver.close();
    driver.advance(1000);
    expect(logIn(driver, { resumed: true })).toMatchObject({ resume: 'resume-2' });
  });

  it('[RES2] a token message that is lost with its line leaves the older token in use', () => {
    const driver = connected();
    driver.close();
    driver.advance(500);
    driver.open();
    driver.takeSent();
    driver.close();
    driver.advance(1000);
    expect(logIn(driver, { resumed: true })).toMatchObject({ resume: 'resume-1' });
  });

  it('[RES1] one kept from before a reload is named, without a stamp: the friends are not known', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: 'kept' });
    driver.giveToken();
    const login = logIn(driver, { resumed: true });
    expect(login).toMatchObject({ resume: 'kept' });
    expect(login).not.toHaveProperty('at');
  });

  it('[RES4] that failed is forgotten, stamp and all; the full sync replaces the friends', () => {
    const driver = connected();
    driver.close();
    driver.advance(500);
    driver.open();
    const [login] = driver.takeSent();
    driver.receive({ t: 'err', code: 'resume_failed', m: 'unknown token', i: login!['i'] });
    expect(driver.stored).toBeNull();
    driver.receive(tokenMessage({ token: 'resume-2', session: 's_2' }));
    expect([driver.stored, driver.state.session]).toEqual(['resume-2', 's_2']);
    driver.receive({ t: 'sync', users: [{ username: 'dave', s: 'Away' }] });
    expect([...driver.friends.all.keys()]).toEqual(['dave']);
    expect(driver.connection()!.status).toBe('connected');
  });
});

describe('the stamp', () => {
  const at = (login: Record<string, unknown>): unknown => login['at'];

  it('[RES5] of the token is named once its sync was here', () => {
    const driver = connected({}, { at: 5000 });
    driver.close();
    driver.advance(500);
    expect(at(logIn(driver))).toBe(5000);
  });

  it('[RES5] moves on with the heartbeats', () => {
    const driver = connected({}, { at: 5000 });
    driver.receive({ t: 'hb', at: 6000 });
    driver.close();
    driver.advance(500);
    expect(at(logIn(driver))).toBe(6000);
  });

  it('[RES5] of a token whose sync was lost is not named: the older one is, for the session it was given to', () => {
    const driver = connected({}, { at: 5000 });
    driver.close();
    driver.advance(500);
    driver.open();
    driver.takeSent();
    driver.receive(tokenMessage({ resumed: true, token: 'resume-2', at: 9000 }));
    driver.receive({ t: 'hb', at: 9500 });
    driver.close();
    driver.advance(1000);
    const login = logIn(driver);
    expect([login['resume'], at(login)]).toEqual(['resume-2', 5000]);
  });

  it('[RES5] of an older session is not named to a new one', () => {
    const driver = connected({}, { at: 5000 });
    driver.close();
    driver.advance(500);
    driver.open();
    driver.takeSent();
    driver.receive(tokenMessage({ resumed: false, token: 'resume-2', at: 9000 }));
    driver.close();
    driver.advance(1000);
    const login = logIn(driver);
    expect([login['resume'], at(login)]).toEqual(['resume-2', undefined]);
  });

  it('[RES5] a delta sync merges, and takes away who is gone', () => {
    const driver = connected();
    driver.close();
    driver.advance(500);
    driver.open();
    driver.receive(tokenMessage({ resumed: true }));
    driver.receive({
      t: 'sync',
      users: [{ username: 'erin', s: 'Busy' }],
      delta: true,
      gone: ['carol', 'nobody'],
    });
    expect([...driver.friends.all.keys()].toSorted()).toEqual(['bob', 'erin']);
  });
});
