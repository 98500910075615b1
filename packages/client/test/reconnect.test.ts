import { CLOSES } from '@carillon/protocol';
import { describe, expect, it } from 'vitest';
import { LONGEST_SERVER_WINDOW_MS, pauseMs } from '../src/core/index.ts';
import { reasonForClose } from '../src/core/protocol-closes.ts';
import { connected, driveCore, logIn } from './core-driver.ts';

describe('the pause before a reconnect', () => {
  it('[ERR4] is under a second at first, doubles, and ends at 20 s', () => {
    const almostOne = 1 - Number.EPSILON;
    expect(
      [0, 1, 2, 3, 4, 5, 6, 5000].map((failures) => Math.ceil(pauseMs(failures, almostOne) / 1000)),
    ).toEqual([1, 2, 4, 8, 16, 20, 20, 20]);
    expect(pauseMs(0, almostOne)).toBeLessThan(1000);
  });

  it('[ERR4] has full jitter: anywhere from nothing to the bound', () => {
    expect([0, 0.25, 0.5, 0.75].map((random) => pauseMs(2, random))).toEqual([0, 1000, 2000, 3000]);
  });

  it('[ERR4] grows over attempts that fail, to no more than 20 s', () => {
    const driver = driveCore({ random: () => 0.999_999 });
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      driver.close();
      pauses.push(Math.round(driver.connection()!.retryInMs! / 1000));
      driver.advance(driver.connection()!.retryInMs!);
      driver.giveToken();
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 20, 20, 20]);
  });

  it('goes on growing against a server that takes logins only to close at once', () => {
    const driver = connected({ random: () => 0.999_999 });
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      driver.advance(4999);
      driver.close();
      pauses.push(Math.round(driver.connection()!.retryInMs! / 1000));
      driver.advance(driver.connection()!.retryInMs!);
      logIn(driver);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 20]);
  });

  it('starts afresh after a connection that lived five seconds', () => {
    const driver = driveCore({ random: () => 0.999_999 });
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    for (let i = 0; i < 5; i++) {
      driver.close();
      driver.advance(driver.connection()!.retryInMs!);
      driver.giveToken();
    }
    logIn(driver);
    driver.advance(5000);
    driver.close();
    expect(driver.connection()!.retryInMs).toBe(999);
  });

  it('gives up an attempt that takes ten seconds to open', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.advance(9999);
    expect(driver.socket).not.toBeNull();
    driver.advance(1);
    expect(driver.socket).toBeNull();
    expect(driver.connection()).toEqual({
      status: 'disconnected',
      reason: 'connect_timeout',
      retryInMs: 500,
    });
  });
});

describe('a page whose session another connection took', () => {
  it('[RES3] begins one of its own when it is looked at again, and only then', () => {
    const driver = connected();
    driver.advance(5000);
    driver.close(4204);
    driver.dispatch({ type: 'networkOnline' });
    driver.advance(100_000);
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'replaced', retryInMs: null });
    driver.dispatch({ type: 'visible' });
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'replaced', retryInMs: 500 });
    driver.advance(500);
    driver.giveToken();
    expect(logIn(driver)).not.toHaveProperty('resume');
  });

  it('[ERR4] asks ever more seldom where that is taken from it too', () => {
    const driver = connected({ random: () => 0.999_999 });
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      driver.close(4204);
      driver.dispatch({ type: 'visible' });
      pauses.push(Math.round(driver.connection()!.retryInMs! / 1000));
      driver.advance(driver.connection()!.retryInMs!);
      driver.giveToken();
      logIn(driver);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 20]);
  });

  it('[RES3] stays as it is for any other reason', () => {
    for (const close of [4203, 4205, 4206]) {
      const driver = connected();
      driver.close(close);
      driver.dispatch({ type: 'visible' });
      expect(driver.connection()!.retryInMs).toBeNull();
    }
  });
});

describe('advice of the server', () => {
  it('[ERR3] a bye says after how long: not before, and spread by the jitter', () => {
    const driver = connected();
    driver.receive({ t: 'bye', code: 'draining', advice: 'resume', afterMs: 7000 });
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: 'draining', retryInMs: 7500 });
    driver.advance(7499);
    expect(driver.sockets).toBe(1);
    driver.advance(1);
    expect(driver.sockets).toBe(2);
  });

  it('[ERR3] the window stands, whoever looks at the page or plugs in the cable', () => {
    const driver = connected();
    driver.receive({ t: 'bye', code: 'draining', advice: 'resume', afterMs: 7000 });
    driver.advance(6999);
    driver.dispatch({ type: 'visible' });
    driver.dispatch({ type: 'networkOnline' });
    expect(driver.sockets).toBe(1);
    driver.advance(1);
    driver.dispatch({ type: 'visible' });
    expect(driver.sockets).toBe(2);
  });

  it('a window that makes no sense is bounded', () => {
    for (const [afterMs, atMost] of [
      [1e15, LONGEST_SERVER_WINDOW_MS + 1000],
      [-5, 1000],
      ['soon', 1000],
    ] as const) {
      const driver = connected();
      driver.receive({ t: 'bye', code: 'draining', advice: 'resume', afterMs });
      expect(driver.connection()!.retryInMs).toBeLessThanOrEqual(atMost);
    }
  });

  it('[ERR3] without a bye the close code says it: resume after the jitter alone', () => {
    for (const code of [1000, 1001, 1006, 1011, 4000, 4001, 4099]) {
      const driver = connected();
      driver.close(code);
      expect(driver.connection(), String(code)).toEqual({
        status: 'disconnected',
        reason: 'line_lost',
        retryInMs: 500,
      });
    }
  });

  it('[ERR3] without a bye the close code says it: reconnect after a pause', () => {
    for (const code of [4101, 4102, 4104, 4199]) {
      const driver = connected();
      driver.close(code);
      expect(driver.connection(), String(code)).toEqual({
        status: 'disconnected',
        reason: 'line_lost',
        retryInMs: 1500,
      });
    }
  });

  it('[ERR3] without a bye the close code says it: stop, and why', () => {
    const reasons = [4200, 4201, 4202, 4203, 4204, 4205, 4206, 4207, 4299, 1007, 1009].map((code) => {
      const driver = connected({ renewable: false });
      driver.close(code);
      driver.advance(3_600_000);
      expect(driver.sockets, 'no further attempt').toBe(1);
      expect(driver.connection()).toMatchObject({ status: 'disconnected', retryInMs: null });
      return driver.connection()!.reason;
    });
    expect(reasons).toEqual([
      'token_invalid',
      'username_mismatch',
      'user_id_invalid',
      'version_unsupported',
      'replaced',
      'logged_out',
      'user_erased',
      'bad_messages',
      'close_4299',
      'close_1007',
      'close_1009',
    ]);
  });

  it('the names of the close codes are those of the protocol', () => {
    for (const [name, { close, advice }] of Object.entries(CLOSES)) {
      if (advice === 'stop' || name === 'token_expired') expect(reasonForClose(close)).toBe(name);
    }
    expect(reasonForClose(4250)).toBe('close_4250');
  });

  it('a stop forgets the session where it is over, and keeps it where the app can mend the matter', () => {
    const stored = (code: number): string | null => {
      const driver = connected({ renewable: false });
      driver.close(code);
      return driver.stored;
    };
    expect([4204, 4205, 4206].map(stored)).toEqual([null, null, null]);
    expect([4200, 4203].map(stored)).toEqual(['resume-1', 'resume-1']);
  });

  it('after a logout elsewhere and an erasure the friends are gone too', () => {
    for (const [code, size] of [
      [4205, 0],
      [4206, 0],
      [4204, 2],
    ] as const) {
      const driver = connected();
      driver.close(code);
      expect(driver.friends.all.size, String(code)).toBe(size);
    }
  });
});

describe('the network and the page', () => {
  it('the network coming back ends the pause', () => {
    const driver = connected();
    driver.close();
    driver.dispatch({ type: 'networkOnline' });
    expect(driver.sockets).toBe(2);
  });

  it('the app asking again ends the pause', () => {
    const driver = connected();
    driver.close();
    driver.dispatch({ type: 'start', resume: null });
    expect(driver.sockets).toBe(2);
  });

  it('disconnect leaves no timer and no socket, whatever was under way', () => {
    const driver = connected();
    driver.dispatch({ type: 'networkOnline' });
    driver.dispatch({ type: 'setStatus', patch: { s: 'Busy' }, ticket: 1 });
    driver.dispatch({ type: 'stop' });
    expect([driver.socket, driver.timers.size]).toEqual([null, 0]);
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: null, retryInMs: null });
    expect(driver.stored, 'the session can be gone on with').toBe('resume-1');
  });

  it('a logout ends the session at the server, and forgets it', () => {
    const driver = connected();
    driver.takeSent();
    driver.dispatch({ type: 'logout' });
    const [logout] = driver.takeSent();
    expect(logout).toMatchObject({ t: 'logout' });
    expect(driver.connection()!.status).toBe('connected');
    driver.receive({ t: 'ok', i: logout!['i'] });
    expect(driver.connection()).toEqual({ status: 'disconnected', reason: null, retryInMs: null });
    expect([driver.stored, driver.socket, driver.timers.size, driver.friends.all.size]).toEqual([
      null,
      null,
      0,
      0,
    ]);
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    expect(logIn(driver)).not.toHaveProperty('resume');
  });

  it('what comes after a logout is not for this user any more', () => {
    const driver = connected();
    driver.dispatch({ type: 'logout' });
    driver.receive({ t: 'o', id: 'dave', s: 'Online' });
    expect(driver.friends.all.has('dave')).toBe(false);
  });

  it('a logout that is not answered ends after five seconds', () => {
    const driver = connected();
    driver.dispatch({ type: 'logout' });
    driver.advance(5000);
    expect(driver.state.phase.name).toBe('idle');
  });
});
