import { describe, expect, it } from 'vitest';
import { wanted } from '../src/core/index.ts';
import { type CoreDriver, connected, driveCore, logIn, tokenMessage, SYNC } from './core-driver.ts';

function set(driver: CoreDriver, patch: Record<string, string>, ticket = 1): void {
  driver.dispatch({ type: 'setStatus', patch, ticket });
}

function updates(driver: CoreDriver): Record<string, unknown>[] {
  return driver.takeSent().filter((message) => message['t'] === 'statusUpdate');
}

function acknowledge(driver: CoreDriver): void {
  driver.receive({ t: 'ok', i: updates(driver)[0]!['i'] });
}

/** Loses the session and begins a new one; the login that was sent. */
function renew(driver: CoreDriver, token: object): Record<string, unknown> {
  driver.close();
  driver.advance(20_000);
  driver.open();
  const [login] = driver.takeSent();
  driver.receive({ t: 'err', code: 'resume_failed', m: '', i: login!['i'] });
  driver.receive(tokenMessage({ token: 'resume-2', ...token }));
  driver.receive(SYNC);
  return login!;
}

describe('[LOG8] the state of the device in the token', () => {
  it('is what the user is seen as, after a reload too', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: 'kept' });
    driver.giveToken();
    logIn(driver, { resumed: true, s: 'Invisible', a: 'Coding', z: 'not a field', p: '' });
    expect(wanted(driver.state.own)).toEqual({ s: 'Invisible', a: 'Coding' });
    expect(updates(driver)).toEqual([]);
    driver.close();
    driver.advance(500);
    expect(logIn(driver), 'hidden with the next login, should the session be lost').toMatchObject({
      s: 'Invisible',
    });
  });

  it('takes the fields that the app named', () => {
    const driver = connected({ fields: ['mood'] }, { s: 'Online', mood: 'fine', a: 'x' });
    expect(wanted(driver.state.own)).toEqual({ s: 'Online', mood: 'fine' });
  });

  it('gives way to what was changed and not told', () => {
    const driver = connected();
    driver.close();
    set(driver, { a: 'Coding' });
    driver.advance(20_000);
    driver.open();
    set(driver, { p: 'X' }, 2);
    driver.receive(tokenMessage({ resumed: true, s: 'Busy', a: 'Coding', p: 'Y' }));
    expect(wanted(driver.state.own)).toEqual({ s: 'Busy', a: 'Coding', p: 'X' });
    driver.receive(SYNC);
    expect(updates(driver)).toEqual([{ t: 'statusUpdate', p: 'X', i: expect.any(Number) }]);
  });

  it('acknowledges what it names, on a resume as on a new session', () => {
    for (const resumed of [true, false]) {
      const driver = connected();
      driver.close();
      set(driver, { s: 'Busy', a: 'Coding' });
      driver.advance(20_000);
      logIn(driver, { resumed, s: 'Busy', a: 'Coding' });
      expect([driver.settled, updates(driver)]).toEqual([[{ upTo: 1, code: null }], []]);
    }
  });

  it('of a new session: what was acknowledged before is told to it', () => {
    const driver = connected();
    set(driver, { s: 'Busy', a: 'Coding' });
    acknowledge(driver);
    renew(driver, { s: 'Online' });
    expect(updates(driver)).toEqual([{ t: 'statusUpdate', s: 'Busy', a: 'Coding', i: expect.any(Number) }]);
  });
});

describe('the own status of a device that sessions share', () => {
  it('set by another session while this one was away is not overwritten: the last to arrive wins', () => {
    const driver = connected({ device: 'laptop' });
    set(driver, { s: 'Busy', a: 'old' });
    acknowledge(driver);
    renew(driver, { s: 'Online', a: 'new' });
    expect([updates(driver), wanted(driver.state.own)]).toEqual([[], { s: 'Online', a: 'new' }]);
  });

  it('is not carried by a login without a session either', () => {
    const driver = connected({ device: 'laptop' });
    set(driver, { s: 'Busy', a: 'old' });
    acknowledge(driver);
    driver.close(4204);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    const login = logIn(driver, { s: 'Online', a: 'new' });
    expect([login['s'], login['a'], updates(driver)]).toEqual([undefined, undefined, []]);
  });

  it('that nobody else has set since is told again', () => {
    const driver = connected({ device: 'laptop' });
    set(driver, { s: 'Busy', a: 'old' });
    acknowledge(driver);
    renew(driver, { s: 'Online' });
    expect(updates(driver)).toEqual([{ t: 'statusUpdate', s: 'Busy', a: 'old', i: expect.any(Number) }]);
  });

  it('[PRE5] that hides the user goes with every login', () => {
    const driver = connected({ device: 'laptop' });
    set(driver, { s: 'Invisible' });
    acknowledge(driver);
    expect(renew(driver, { s: 'Invisible' })).toMatchObject({ s: 'Invisible' });
    driver.close(4204);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    expect(logIn(driver, { s: 'Invisible' })).toMatchObject({ s: 'Invisible' });
  });

  it('a field that was cleared is cleared, also when the resume fails', () => {
    for (const token of [{ s: 'Online', a: 'Coding' }, {}]) {
      const driver = connected({ device: 'laptop' });
      set(driver, { a: 'Coding' });
      acknowledge(driver);
      driver.close();
      set(driver, { a: '' }, 2);
      driver.advance(20_000);
      driver.open();
      const [login] = driver.takeSent();
      driver.receive({ t: 'err', code: 'resume_failed', m: '', i: login!['i'] });
      driver.receive(tokenMessage(token));
      driver.receive(SYNC);
      const [update] = updates(driver);
      expect(update).toEqual({ t: 'statusUpdate', a: '', i: expect.any(Number) });
      expect(driver.settled.at(-1)).toEqual({ upTo: 1, code: null });
      driver.receive({ t: 'ok', i: update!['i'] });
      expect(driver.settled.at(-1)).toEqual({ upTo: 2, code: null });
    }
  });
});

describe('the own status that an earlier life of the page kept', () => {
  const kept = { confirmed: { s: 'Invisible', a: 'Coding', z: 'x' }, pending: { p: 'X', s: 'Sleepy' } };

  it('is known before the login, and goes with it as far as it was not told, or hides the user', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: 'kept', own: kept });
    expect(wanted(driver.state.own)).toEqual({ s: 'Invisible', a: 'Coding', p: 'X' });
    driver.giveToken();
    driver.open();
    const [login] = driver.takeSent();
    expect(login).toMatchObject({ resume: 'kept', s: 'Invisible', p: 'X' });
    expect(login).not.toHaveProperty('a');
    driver.receive({ t: 'err', code: 'resume_failed', m: '', i: login!['i'] });
    driver.receive(tokenMessage({ s: 'Invisible', p: 'X' }));
    driver.receive(SYNC);
    expect(updates(driver)).toEqual([{ t: 'statusUpdate', a: 'Coding', i: expect.any(Number) }]);
  });

  it('goes whole with the login where there is no session to go on with', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null, own: kept });
    driver.giveToken();
    expect(logIn(driver, { s: 'Invisible' })).toMatchObject({ s: 'Invisible', a: 'Coding', p: 'X' });
  });

  it('gives way to what the app set before it connected', () => {
    const driver = driveCore();
    set(driver, { s: 'Busy', a: '' });
    driver.dispatch({ type: 'start', resume: 'kept', own: kept });
    expect(wanted(driver.state.own)).toEqual({ s: 'Busy', a: '', p: 'X' });
  });

  it('is told outside with every change of it, on its way or not', () => {
    const driver = connected({}, { s: 'Online' });
    set(driver, { s: 'Invisible' });
    expect(driver.keptOwn).toEqual({ confirmed: { s: 'Online' }, pending: { s: 'Invisible' } });
    acknowledge(driver);
    expect(driver.keptOwn).toEqual({ confirmed: { s: 'Invisible' }, pending: {} });
  });
});
