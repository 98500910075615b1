import { describe, expect, it } from 'vitest';
import { type CoreDriver, connected, driveCore, logIn, tokenMessage, SYNC } from './core-driver.ts';

function set(driver: CoreDriver, patch: Record<string, string>, ticket = 1): void {
  driver.dispatch({ type: 'setStatus', patch, ticket });
}

function updates(driver: CoreDriver): Record<string, unknown>[] {
  return driver.takeSent().filter((message) => message['t'] === 'statusUpdate');
}

/** Loses the line and takes it up again; the login that was sent. */
function reconnect(driver: CoreDriver, token: object): Record<string, unknown> {
  driver.close();
  driver.advance(20_000);
  return logIn(driver, token);
}

describe('a change of the own status', () => {
  it('is sent at once and settled by its ok', () => {
    const driver = connected();
    set(driver, { s: 'Busy', a: 'Review' });
    const [update] = updates(driver);
    expect(update).toEqual({ t: 'statusUpdate', s: 'Busy', a: 'Review', i: expect.any(Number) });
    expect(driver.settled).toEqual([]);
    driver.receive({ t: 'ok', i: update!['i'] });
    expect(driver.settled).toEqual([{ upTo: 1, code: null }]);
  });

  it('waits for the one before it; of several that wait the newest value of each field goes out', () => {
    const driver = connected();
    set(driver, { a: 'one' }, 1);
    set(driver, { a: 'two', p: 'X' }, 2);
    set(driver, { a: 'three' }, 3);
    const [first, ...none] = updates(driver);
    expect(none).toEqual([]);
    driver.receive({ t: 'ok', i: first!['i'] });
    const [second] = updates(driver);
    expect(second).toMatchObject({ a: 'three', p: 'X' });
    driver.receive({ t: 'ok', i: second!['i'] });
    expect(driver.settled).toEqual([
      { upTo: 1, code: null },
      { upTo: 3, code: null },
    ]);
  });

  it('[LIM1] that came too fast waits as long as the server says, then the latest goes out', () => {
    const driver = connected();
    set(driver, { a: 'one' }, 1);
    driver.receive({
      t: 'err',
      code: 'rate_limited',
      m: '',
      i: updates(driver)[0]!['i'],
      retryAfterMs: 3000,
    });
    set(driver, { a: 'two' }, 2);
    driver.advance(3499);
    expect(updates(driver)).toEqual([]);
    driver.advance(1);
    const [update] = updates(driver);
    expect(update).toMatchObject({ a: 'two' });
    driver.receive({ t: 'ok', i: update!['i'] });
    expect(driver.settled).toEqual([{ upTo: 2, code: null }]);
  });

  it('that is refused is dropped; what was acknowledged before stands', () => {
    const driver = connected();
    set(driver, { s: 'Busy' }, 1);
    driver.receive({ t: 'ok', i: updates(driver)[0]!['i'] });
    set(driver, { a: 'x'.repeat(200) }, 2);
    set(driver, { p: 'Y' }, 3);
    driver.receive({ t: 'err', code: 'bad_message', m: 'a: too long', i: updates(driver)[0]!['i'] });
    expect(driver.settled.at(-1)).toEqual({ upTo: 2, code: 'bad_message' });
    const [next] = updates(driver);
    expect(next).toEqual({ t: 'statusUpdate', p: 'Y', i: expect.any(Number) });
    driver.receive({ t: 'ok', i: next!['i'] });
    const login = reconnect(driver, { resumed: false });
    expect(login).not.toHaveProperty('a');
  });

  it('an answer to something else settles nothing', () => {
    const driver = connected();
    set(driver, { s: 'Busy' });
    driver.receive({ t: 'ok', i: 4711 });
    driver.receive({ t: 'err', code: 'bad_json', m: '' });
    expect(driver.settled).toEqual([]);
  });

  it('that is not answered for ten seconds costs the line, and is told again on the next', () => {
    const driver = connected();
    set(driver, { s: 'Busy' });
    driver.advance(10_000);
    expect(driver.connection()).toMatchObject({ status: 'disconnected', reason: 'reply_missing' });
    driver.advance(1000);
    expect(logIn(driver, { resumed: true })).toMatchObject({ s: 'Busy' });
    expect(updates(driver)).toHaveLength(1);
  });
});

describe('the own status over a reconnect', () => {
  it('set before the first connection, goes with the login, and is acknowledged by the token', () => {
    const driver = driveCore();
    set(driver, { s: 'Away', a: 'Tea', l: '' }, 1);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    const login = logIn(driver, { s: 'Away', a: 'Tea' });
    expect(login).toMatchObject({ s: 'Away', a: 'Tea' });
    expect(login).not.toHaveProperty('l');
    expect(driver.settled).toEqual([{ upTo: 1, code: null }]);
    expect(updates(driver)).toEqual([]);
  });

  it('changed while the login was under way, is told after it', () => {
    const driver = driveCore();
    set(driver, { s: 'Away', a: 'Tea' }, 1);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    set(driver, { a: 'Coffee' }, 2);
    driver.receive(tokenMessage());
    driver.receive(SYNC);
    const [update] = updates(driver);
    expect(update).toEqual({ t: 'statusUpdate', a: 'Coffee', i: expect.any(Number) });
    driver.receive({ t: 'ok', i: update!['i'] });
    expect(driver.settled).toEqual([{ upTo: 2, code: null }]);
  });

  it('acknowledged, is not restated to a session that resumes: another session of the device may have changed it', () => {
    const driver = connected({ device: 'desk' });
    set(driver, { s: 'Busy', a: 'Review' });
    driver.receive({ t: 'ok', i: updates(driver)[0]!['i'] });
    const login = reconnect(driver, { resumed: true });
    expect([login['s'], login['a']]).toEqual([undefined, undefined]);
    expect(updates(driver)).toEqual([]);
  });

  it('acknowledged, is told to the new session when the resume fails', () => {
    const driver = connected();
    set(driver, { s: 'Busy', a: 'Review' });
    driver.receive({ t: 'ok', i: updates(driver)[0]!['i'] });
    reconnect(driver, { resumed: false });
    expect(updates(driver)).toEqual([{ t: 'statusUpdate', s: 'Busy', a: 'Review', i: expect.any(Number) }]);
  });

  it('[PRE5] that hides the user goes with every login: a resume that fails must not show them for a moment', () => {
    for (const s of ['Invisible', 'Offline']) {
      const driver = connected();
      set(driver, { s, a: 'Secret' });
      driver.receive({ t: 'ok', i: updates(driver)[0]!['i'] });
      expect(reconnect(driver, { resumed: true })).toMatchObject({ s });
    }
  });

  it('not acknowledged, is restated with the login and settled only by an ok', () => {
    const driver = connected();
    set(driver, { s: 'Busy' }, 1);
    updates(driver);
    expect(reconnect(driver, { resumed: true })).toMatchObject({ s: 'Busy' });
    expect(driver.settled).toEqual([]);
    driver.receive({ t: 'ok', i: updates(driver)[0]!['i'] });
    expect(driver.settled).toEqual([{ upTo: 1, code: null }]);
  });

  it('changed while disconnected: the newest value of each field is told', () => {
    const driver = connected();
    driver.close();
    set(driver, { s: 'Busy', a: 'one' }, 1);
    set(driver, { a: 'two' }, 2);
    driver.advance(20_000);
    expect(logIn(driver, { resumed: true })).toMatchObject({ s: 'Busy', a: 'two' });
    expect(updates(driver)).toMatchObject([{ s: 'Busy', a: 'two' }]);
  });

  it('that the server does not take at login is dropped, so that the user can log in at all', () => {
    const driver = driveCore();
    set(driver, { a: 'x'.repeat(500) });
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    driver.receive({ t: 'err', code: 'bad_message', m: 'a: too long', i: driver.takeSent()[0]!['i'] });
    expect(driver.settled).toEqual([{ upTo: 1, code: 'bad_message' }]);
    driver.advance(1000);
    driver.giveToken();
    expect(logIn(driver)).not.toHaveProperty('a');
  });

  it('changed again while the change before was unanswered: the newer value is told', () => {
    const driver = connected();
    set(driver, { a: 'one', p: 'X' }, 1);
    set(driver, { a: 'two' }, 2);
    updates(driver);
    expect(reconnect(driver, { resumed: true })).toMatchObject({ a: 'two', p: 'X' });
    driver.receive({ t: 'ok', i: updates(driver)[0]!['i'] });
    expect(driver.settled).toEqual([{ upTo: 2, code: null }]);
  });

  it('acknowledged once and not taken at a later login is dropped too', () => {
    const driver = connected();
    set(driver, { a: 'x'.repeat(200) });
    driver.receive({ t: 'ok', i: updates(driver)[0]!['i'] });
    driver.close(4204);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    const [login] = driver.takeSent();
    expect(login).toHaveProperty('a');
    driver.receive({
      t: 'err',
      code: 'bad_message',
      m: 'a: expected at most 128 characters',
      i: login!['i'],
    });
    driver.advance(1000);
    driver.giveToken();
    expect(logIn(driver)).not.toHaveProperty('a');
  });

  it('that waits when the client is stopped by the server is refused with the reason', () => {
    const driver = connected();
    set(driver, { s: 'Busy' });
    driver.close(4204);
    expect(driver.settled).toEqual([{ upTo: 1, code: 'replaced' }]);
  });

  it('that waits when the app disconnects is kept', () => {
    const driver = connected();
    set(driver, { s: 'Busy' });
    driver.dispatch({ type: 'stop' });
    expect(driver.settled).toEqual([]);
    driver.dispatch({ type: 'start', resume: null });
    expect(logIn(driver, { resumed: true })).toMatchObject({ s: 'Busy' });
  });

  it('ends with a logout', () => {
    const driver = connected();
    set(driver, { s: 'Busy' });
    driver.dispatch({ type: 'logout' });
    driver.receive({ t: 'bye', code: 'logged_out', advice: 'stop' });
    expect(driver.settled).toEqual([{ upTo: 1, code: 'logged_out' }]);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    expect(logIn(driver)).not.toHaveProperty('s');
  });
});
