import { describe, expect, it } from 'vitest';
import { SYNC, connected, driveCore, tokenMessage } from './core-driver.ts';

describe('[RES3] a session that moves to a better line', () => {
  it('names its resume token and stamp there, and the app hears of the new line alone', () => {
    const driver = connected();
    driver.receive({ t: 'hb', at: 5000 });
    driver.takeSent();
    const before = driver.statuses.length;
    const old = driver.socket;
    expect(driver.climb()).toBe(true);
    expect(driver.socket).not.toBe(old);
    const [login] = driver.takeSent();
    expect(login).toMatchObject({ t: 'login', resume: 'resume-1', at: 5000 });
    expect(driver.statuses.length, 'nothing is told while it moves').toBe(before);
    driver.receive(tokenMessage({ token: 'resume-2', resumed: true }));
    driver.receive({ ...SYNC, delta: true, users: [] });
    expect(driver.statuses.slice(before)).toEqual([{ status: 'connected', reason: null, retryInMs: null }]);
    expect(driver.stored).toBe('resume-2');
  });

  it('tells again what was not acknowledged on the older line', () => {
    const driver = connected();
    driver.dispatch({ type: 'setStatus', patch: { a: 'x' }, ticket: 1 });
    driver.climb();
    driver.takeSent();
    driver.receive(tokenMessage({ resumed: true }));
    driver.receive({ ...SYNC, delta: true, users: [] });
    const told = driver.takeSent().find((message) => message['t'] === 'statusUpdate');
    expect(told).toMatchObject({ a: 'x' });
    driver.receive({ t: 'ok', i: told!['i'] });
    expect(driver.settled).toEqual([{ upTo: 1, code: null }]);
  });

  it('comes back as after any line that was lost, where the better one fails', () => {
    const driver = connected();
    driver.climb();
    driver.close(1006);
    expect(driver.connection()).toMatchObject({ status: 'disconnected', reason: 'line_lost' });
    driver.advance(20_000);
    driver.open();
    expect(driver.takeSent().at(-1)).toMatchObject({ t: 'login', resume: 'resume-1' });
  });

  it('ends, where the app logs out meanwhile', () => {
    const driver = connected();
    driver.climb();
    driver.dispatch({ type: 'logout' });
    expect(driver.takeSent().at(-1)).toMatchObject({ t: 'logout' });
    driver.close(4205);
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: null, retryInMs: null });
  });

  it('does not begin where nothing is live', () => {
    const driver = driveCore();
    expect(driver.climb()).toBe(false);
    driver.dispatch({ type: 'start', resume: null });
    expect(driver.climb()).toBe(false);
    driver.giveToken();
    expect(driver.climb()).toBe(false);
    driver.open();
    expect(driver.climb()).toBe(false);
  });
});
