import { describe, expect, it } from 'vitest';
import { type ChannelEvent, type ClientEvent, channelEventsOf } from '../src/core/index.ts';
import { type CoreDriver, SYNC, connected, driveCore, tokenMessage } from './core-driver.ts';

/** Dispatches to the connection; @returns what it means for the channels */
function follow(driver: CoreDriver, event: ClientEvent): readonly ChannelEvent[] {
  const effects = driver.dispatch(event);
  return channelEventsOf(event, driver.state, effects);
}

function receive(driver: CoreDriver, message: object): readonly ChannelEvent[] {
  return follow(driver, { type: 'socketMessage', socket: driver.socket!, text: JSON.stringify(message) });
}

describe('what the connection hands on to the channels', () => {
  it('every message that it has no use for, while it is there', () => {
    const driver = connected();
    for (const t of [
      'p',
      'ps',
      'sig',
      'gap',
      'unsub',
      'sub',
      'join',
      'leave',
      'call',
      'msg',
      'of-a-newer-server',
    ])
      expect(receive(driver, { t, c: 'x' })).toEqual([{ type: 'message', message: { t, c: 'x' } }]);
    for (const message of [{ t: 'hb' }, { t: 'u', id: 'bob', a: 'x' }, tokenMessage()])
      expect(receive(driver, message)).toEqual([]);
  });

  it('not before the sync, and not once it is being left', () => {
    const driver = driveCore();
    driver.dispatch({ type: 'start', resume: null });
    driver.giveToken();
    driver.open();
    driver.receive(tokenMessage());
    expect(receive(driver, { t: 'msg', n: 'x' })).toEqual([]);
    driver.receive(SYNC);
    driver.dispatch({ type: 'logout' });
    expect(receive(driver, { t: 'msg', n: 'x' })).toEqual([]);
    expect(driver.forwarded).toEqual([]);
  });

  it('replies to odd request ids, and errors that name none; even ids are its own', () => {
    const driver = connected();
    driver.dispatch({ type: 'setStatus', patch: { s: 'Busy' }, ticket: 1 });
    driver.dispatch({ type: 'networkOnline' });
    const own = driver.takeSent().flatMap(({ i, q }) => [i, q].filter((id) => id !== undefined));
    expect(own.map((id) => (id as number) % 2)).toEqual([0, 0]);
    for (const message of [
      { t: 'ok', i: 7, e: 'e1', o: 1 },
      { t: 'err', i: 7, code: 'forbidden', m: '' },
      { t: 'err', code: 'rate_limited', m: '', retryAfterMs: 5 },
    ])
      expect(receive(driver, message)).toEqual([{ type: 'message', message }]);
    expect(receive(driver, { t: 'ok', i: own[0] })).toEqual([]);
    expect(driver.settled).toEqual([{ upTo: 1, code: null }]);
  });

  it('that the line is there, with the socket and the session, and that it went', () => {
    const driver = driveCore();
    expect(follow(driver, { type: 'start', resume: null })).toEqual([{ type: 'down', stopped: null }]);
    driver.giveToken();
    driver.open();
    driver.receive(tokenMessage());
    const { socket } = driver;
    expect(receive(driver, SYNC)).toEqual([{ type: 'live', socket, session: 's_1' }]);
    expect(follow(driver, { type: 'replyMissing' })).toEqual([{ type: 'down', stopped: null }]);
    expect(driver.connection()).toMatchObject({ status: 'disconnected', reason: 'reply_missing' });
  });

  it('that it stopped, and why; that it goes on', () => {
    const driver = connected();
    expect(receive(driver, { t: 'bye', code: 'replaced', advice: 'stop' })).toEqual([
      { type: 'down', stopped: 'replaced' },
    ]);
    expect(follow(driver, { type: 'start', resume: null })).toEqual([{ type: 'down', stopped: null }]);
  });

  it('that a session is left, when it is left and not when that is answered', () => {
    const driver = connected();
    expect(follow(driver, { type: 'logout' })).toEqual([{ type: 'forget', code: 'logged_out' }]);
    expect(receive(driver, { t: 'bye', code: 'logged_out', advice: 'stop' })).toEqual([
      { type: 'down', stopped: null },
    ]);
  });

  it('that a session which the server ended is to be forgotten', () => {
    const driver = connected();
    expect(receive(driver, { t: 'bye', code: 'user_erased', advice: 'stop' })).toEqual([
      { type: 'forget', code: 'user_erased' },
      { type: 'down', stopped: 'user_erased' },
    ]);
  });
});
