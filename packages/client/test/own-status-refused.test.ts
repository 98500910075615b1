import { describe, expect, it } from 'vitest';
import { wanted } from '../src/core/index.ts';
import { type CoreDriver, connected, driveCore, logIn, tokenMessage, SYNC } from './core-driver.ts';

function set(driver: CoreDriver, patch: Record<string, string>, ticket: number): void {
  driver.dispatch({ type: 'setStatus', patch, ticket });
}

function acknowledge(driver: CoreDriver): Record<string, unknown> {
  const update = driver.takeSent().find((message) => message['t'] === 'statusUpdate');
  expect(update).toBeDefined();
  driver.receive({ t: 'ok', i: update!['i'] });
  return update!;
}

/** The login that is on its way is refused, and tried again after the pause. */
function refuseLogin(
  driver: CoreDriver,
  detail = 'a: expected at most 64 characters',
): Record<string, unknown> {
  driver.open();
  const [login] = driver.takeSent();
  driver.receive({ t: 'err', code: 'bad_message', m: detail, i: login!['i'] });
  driver.advance(20_000);
  if (driver.fetches.length > 0) driver.giveToken();
  return login!;
}

const LONG = 'x'.repeat(100);

describe('a login that is refused for what it carries of the own status', () => {
  it('[PRE5] leaves out the field and not the status: whoever is invisible stays so', () => {
    const driver = connected();
    set(driver, { s: 'Invisible' }, 1);
    acknowledge(driver);
    driver.close();
    set(driver, { a: LONG }, 2);
    driver.advance(20_000);
    expect(refuseLogin(driver)).toMatchObject({ s: 'Invisible', a: LONG });
    expect(driver.settled.at(-1)).toEqual({ upTo: 2, code: 'bad_message' });
    driver.open();
    const [login] = driver.takeSent();
    expect(login).toMatchObject({ s: 'Invisible', resume: 'resume-1' });
    expect(login).not.toHaveProperty('a');
    driver.receive({ t: 'err', code: 'resume_failed', m: '', i: login!['i'] });
    driver.receive(tokenMessage({ token: 'resume-2', s: 'Invisible' }));
    driver.receive(SYNC);
    expect(wanted(driver.state.own)).toEqual({ s: 'Invisible' });
  });

  it('[PRE5] leaves out the field and not the status, also at the very first login', () => {
    const driver = driveCore();
    set(driver, { s: 'Invisible' }, 1);
    set(driver, { a: LONG }, 2);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    expect(refuseLogin(driver)).toMatchObject({ s: 'Invisible', a: LONG });
    const login = logIn(driver, { s: 'Invisible' });
    expect(login).toMatchObject({ s: 'Invisible' });
    expect(login).not.toHaveProperty('a');
  });

  it('keeps the fields that were acknowledged before, until they are refused too', () => {
    const driver = connected();
    set(driver, { s: 'Busy', p: 'X' }, 1);
    acknowledge(driver);
    driver.close(4204);
    driver.dispatch({ type: 'start', resume: null });
    set(driver, { a: LONG }, 2);
    driver.giveToken();
    expect(refuseLogin(driver)).toMatchObject({ s: 'Busy', p: 'X', a: LONG });
    const second = refuseLogin(driver, 'p: expected at most 0 characters');
    expect(second).toMatchObject({ s: 'Busy', p: 'X' });
    expect(second).not.toHaveProperty('a');
    const third = logIn(driver, { s: 'Busy' });
    expect(third).toMatchObject({ s: 'Busy' });
    expect(third).not.toHaveProperty('p');
  });

  it('a field that was changed while the login was under way is another, and goes out', () => {
    const driver = driveCore();
    set(driver, { a: LONG, p: LONG }, 1);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    const [login] = driver.takeSent();
    set(driver, { a: 'short' }, 2);
    driver.receive({ t: 'err', code: 'bad_message', m: 'a: too long', i: login!['i'] });
    expect(driver.settled).toEqual([{ upTo: 1, code: 'bad_message' }]);
    driver.advance(1000);
    driver.giveToken();
    expect(logIn(driver, { s: 'Online', a: 'short' })).toMatchObject({ a: 'short' });
    expect(driver.settled.at(-1)).toEqual({ upTo: 2, code: null });
  });

  it('and carries nothing is tried once more without its session, then the app must act', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: 'misshapen' });
    driver.giveToken();
    expect(refuseLogin(driver, 'resume: …')).toMatchObject({ resume: 'misshapen' });
    driver.open();
    const [login] = driver.takeSent();
    expect(login).not.toHaveProperty('resume');
    driver.receive({ t: 'err', code: 'bad_message', m: '', i: login!['i'] });
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'bad_message', retryInMs: null });
  });

  it('a kept resume token that no server would read is none', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: 'x'.repeat(300) });
    driver.giveToken();
    expect(logIn(driver)).not.toHaveProperty('resume');
  });
});

describe('a change that is refused', () => {
  it('[PRE5] takes no status with it: that is told by itself', () => {
    const driver = connected();
    set(driver, { l: 'TS' }, 1);
    const [first] = driver.takeSent();
    set(driver, { s: 'Invisible' }, 2);
    set(driver, { a: LONG }, 3);
    driver.receive({ t: 'ok', i: first!['i'] });
    const [merged] = driver.takeSent();
    expect(merged).toMatchObject({ s: 'Invisible', a: LONG });
    driver.receive({ t: 'err', code: 'bad_message', m: 'a: too long', i: merged!['i'] });
    expect(acknowledge(driver)).toEqual({ t: 'statusUpdate', s: 'Invisible', i: expect.any(Number) });
    expect(driver.settled).toEqual([
      { upTo: 1, code: null },
      { upTo: 3, code: 'bad_message' },
    ]);
    expect(wanted(driver.state.own)).toEqual({ l: 'TS', s: 'Invisible' });
  });

  it('and that is a status alone is not told for ever', () => {
    const driver = connected();
    set(driver, { s: 'Busy', a: LONG }, 1);
    driver.receive({ t: 'err', code: 'bad_message', m: '', i: driver.takeSent()[0]!['i'] });
    driver.receive({ t: 'err', code: 'bad_message', m: '', i: driver.takeSent()[0]!['i'] });
    expect(driver.takeSent()).toEqual([]);
    expect(driver.settled).toEqual([{ upTo: 1, code: 'bad_message' }]);
  });

  it('a newer status is the one that is told', () => {
    const driver = connected();
    set(driver, { s: 'Busy', a: LONG }, 1);
    const [merged] = driver.takeSent();
    set(driver, { s: 'Away' }, 2);
    driver.receive({ t: 'err', code: 'bad_message', m: '', i: merged!['i'] });
    expect(acknowledge(driver)).toEqual({ t: 'statusUpdate', s: 'Away', i: expect.any(Number) });
  });

  it('[ERR1] for now waits a second at least, whatever the server says, and not as long as all others', () => {
    for (const [random, atMs] of [
      [0, 1000],
      [0.5, 1500],
    ] as const) {
      const driver = connected({ random: () => random });
      set(driver, { s: 'Busy' }, 1);
      const [update] = driver.takeSent();
      driver.receive({ t: 'err', code: 'unavailable', m: '', i: update!['i'], retryAfterMs: 0 });
      driver.advance(atMs - 1);
      expect(driver.takeSent()).toEqual([]);
      driver.advance(1);
      expect(acknowledge(driver)).toMatchObject({ s: 'Busy' });
    }
  });
});

describe('a change when the client has stopped', () => {
  it('is refused at once with the reason', () => {
    const driver = connected();
    driver.receive({ t: 'bye', code: 'version_unsupported', advice: 'stop' });
    set(driver, { s: 'Busy' }, 1);
    expect(driver.settled).toEqual([{ upTo: 1, code: 'version_unsupported' }]);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    expect(logIn(driver)).not.toHaveProperty('s');
  });

  it('[PRE5] that was under way and hides the user is refused and kept: whatever connects again must not show them', () => {
    const driver = connected();
    set(driver, { s: 'Invisible', a: 'x' }, 1);
    driver.close(4204);
    expect(driver.settled).toEqual([{ upTo: 1, code: 'replaced' }]);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    const login = logIn(driver, { s: 'Invisible' });
    expect(login).toMatchObject({ s: 'Invisible' });
    expect(login).not.toHaveProperty('a');
  });

  it('an erased user, and one who was logged out, is forgotten', () => {
    for (const code of ['user_erased', 'logged_out']) {
      const driver = connected();
      set(driver, { s: 'Invisible', a: 'x' }, 1);
      acknowledge(driver);
      driver.receive({ t: 'bye', code, advice: 'stop' });
      expect([wanted(driver.state.own), driver.keptOwn]).toEqual([{}, { confirmed: {}, pending: {} }]);
    }
  });
});
