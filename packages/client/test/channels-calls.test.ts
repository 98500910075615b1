import { describe, expect, it } from 'vitest';
import { type ChannelsDriver, driveChannels, subscribed } from './channels-driver.ts';

const connected = (settings: Parameters<typeof driveChannels>[0] = {}): ChannelsDriver => {
  const driver = driveChannels(settings);
  driver.live();
  return driver;
};

describe('calls of the client', () => {
  it('[CALL1] resolve with the output', () => {
    const driver = connected();
    const ticket = driver.call('task.done', { id: 7 });
    const { i, ...call } = driver.takeOne('call');
    expect(call).toEqual({ t: 'call', n: 'task.done', ms: 10_000, d: { id: 7 } });
    driver.receive({ t: 'ok', i, d: { left: 3 } });
    expect([driver.takeTold(), driver.alarmAtMs]).toEqual([
      [{ do: 'resolve', ticket, value: { left: 3 } }],
      null,
    ]);
  });

  it('[CALL1] reject with the error of the app and its data', () => {
    const driver = connected();
    driver.call('task.done', {});
    const { i } = driver.takeOne('call');
    driver.receive({ t: 'err', i, code: 'call_failed', m: 'gone', n: 'gone', d: { by: 'bob' } });
    expect(driver.takeTold()).toMatchObject([
      { do: 'reject', refusal: { code: 'call_failed', error: 'gone', data: { by: 'bob' }, unknown: false } },
    ]);
  });

  it('[CALL2] end at their time, whatever the server does; a later answer is passed over', () => {
    const driver = connected();
    driver.call('slow', {}, 500);
    const { i } = driver.takeOne('call');
    driver.advance(499);
    expect(driver.takeTold()).toEqual([]);
    driver.advance(1);
    expect(driver.takeTold()).toMatchObject([{ refusal: { code: 'deadline_exceeded', unknown: true } }]);
    driver.receive({ t: 'ok', i, d: 1 });
    expect([driver.takeTold(), driver.alarmAtMs]).toEqual([[], null]);
  });

  it('[CALL2] that are called off say so to the server, and are over', () => {
    const driver = connected();
    const ticket = driver.call('slow', {});
    const { i } = driver.takeOne('call');
    driver.dispatch({ type: 'cancel', ticket });
    expect(driver.takeSent()).toEqual([{ t: 'cancel', r: i }]);
    expect(driver.takeTold()).toMatchObject([{ ticket, refusal: { code: 'cancelled', unknown: true } }]);
    driver.receive({ t: 'err', i, code: 'cancelled', m: '' });
    driver.dispatch({ type: 'cancel', ticket });
    expect([driver.takeTold(), driver.takeSent()]).toEqual([[], []]);
  });

  it('[CALL2] that are called off before they were sent are never sent', () => {
    const driver = driveChannels();
    const ticket = driver.call('slow', {});
    driver.dispatch({ type: 'cancel', ticket });
    expect(driver.takeTold()).toMatchObject([{ refusal: { code: 'cancelled', unknown: false } }]);
    driver.live();
    expect(driver.takeSent()).toEqual([]);
  });

  it('whose line drops are not repeated: whether they were carried out is unknown', () => {
    const driver = connected();
    driver.call('pay', {});
    driver.takeOne('call');
    driver.down();
    expect(driver.takeTold()).toMatchObject([{ refusal: { code: 'line_lost', unknown: true } }]);
    driver.live();
    expect(driver.takeSent()).toEqual([]);
  });

  it('wait for a line within their time, and tell the server what is left of it', () => {
    const driver = driveChannels();
    driver.call('ask', {}, 1000);
    driver.call('late', {}, 200);
    driver.advance(300);
    expect(driver.takeTold()).toMatchObject([{ refusal: { code: 'deadline_exceeded', unknown: false } }]);
    driver.live();
    expect(driver.takeOne('call')).toMatchObject({ n: 'ask', ms: 700 });
  });

  it('[CALL4] go out 64 at a time', () => {
    const driver = connected();
    for (let n = 0; n < 70; n++) driver.call('ask', n);
    const sent = driver.takeSent();
    expect(sent).toHaveLength(64);
    driver.receive({ t: 'ok', i: sent[5]!['i'], d: 0 });
    expect(driver.takeOne('call')).toMatchObject({ d: 64 });
  });

  it('[CALL4] [LIM1] that are refused for now are sent again within their time: they were not carried out', () => {
    const driver = connected({ random: () => 0 });
    driver.call('ask', 1, 1000);
    driver.receive({
      t: 'err',
      i: driver.takeOne('call')['i'],
      code: 'rate_limited',
      m: '',
      retryAfterMs: 300,
    });
    driver.advance(300);
    const again = driver.takeOne('call');
    expect(again).toMatchObject({ n: 'ask', ms: 700 });
    driver.receive({ t: 'err', i: again['i'], code: 'rate_limited', m: '', retryAfterMs: 5000 });
    driver.advance(700);
    expect(driver.takeTold()).toMatchObject([{ refusal: { code: 'deadline_exceeded' } }]);
    driver.advance(10_000);
    expect(driver.takeSent()).toEqual([]);
  });

  it('without an input carry none, and times out of bounds are brought within', () => {
    const driver = connected();
    driver.call('ask', undefined, 99 * 60_000);
    const { i: _i, ...call } = driver.takeOne('call');
    expect(call).toEqual({ t: 'call', n: 'ask', ms: 600_000 });
    driver.call('ask', 1, Number.NaN);
    expect(driver.takeOne('call')['ms']).toBe(1);
  });

  it('that wait when the session is left are refused', () => {
    const driver = driveChannels();
    driver.call('ask', {});
    driver.dispatch({ type: 'forget', code: 'logged_out' });
    expect([driver.takeTold(), driver.alarmAtMs]).toMatchObject([
      [{ refusal: { code: 'logged_out' } }],
      null,
    ]);
  });
});

describe('calls of the server', () => {
  it('[CALL3] are answered once, with output or with a code', () => {
    const driver = connected();
    driver.receive({ t: 'call', i: 4, n: 'confirm', d: { q: 1 }, ms: 900 }, { t: 'call', i: 5, n: 'other' });
    expect(driver.takeTold()).toEqual([
      { do: 'serve', call: 1, name: 'confirm', input: { q: 1 }, timeoutMs: 900 },
      { do: 'serve', call: 2, name: 'other', input: undefined, timeoutMs: null },
    ]);
    driver.dispatch({ type: 'answer', call: 1, output: '{"yes":true}' });
    driver.dispatch({ type: 'answer', call: 2, output: null, code: 'busy', detail: 'x'.repeat(600) });
    driver.dispatch({ type: 'answer', call: 1, output: '1' });
    expect(driver.takeSent()).toEqual([
      { t: 're', r: 4, d: { yes: true } },
      { t: 're', r: 5, code: 'busy', m: 'x'.repeat(512) },
    ]);
  });

  it('[CALL3] that come twice are served once', () => {
    const driver = connected();
    driver.receive({ t: 'call', i: 4, n: 'confirm' }, { t: 'call', i: 4, n: 'confirm' });
    expect(driver.takeAll('serve')).toHaveLength(1);
  });

  it('[CALL4] whose time is over make room for others, though their handlers never end', () => {
    const driver = connected();
    for (let i = 1; i <= 64; i++) driver.receive({ t: 'call', i, n: 'confirm', ms: 1_000 });
    const [first] = driver.takeAll('serve');
    driver.advance(999);
    driver.receive({ t: 'call', i: 65, n: 'confirm', ms: 1_000 });
    expect(driver.takeOne('re')).toEqual({ t: 're', r: 65, code: 'rate_limited' });
    driver.advance(1);
    driver.receive({ t: 'call', i: 66, n: 'confirm', ms: 1_000 });
    expect(driver.takeAll('serve')).toHaveLength(1);
    driver.dispatch({ type: 'answer', call: first!.call, output: '1' });
    expect(driver.takeSent()).toEqual([]);
  });

  it('[CALL3] whose line is gone are not answered on another', () => {
    const driver = connected();
    driver.receive({ t: 'call', i: 4, n: 'confirm' });
    driver.down();
    driver.live();
    driver.dispatch({ type: 'answer', call: 1, output: '1' });
    expect(driver.takeSent()).toEqual([]);
  });

  it('[CALL4] beyond 64 at once are refused', () => {
    const driver = connected();
    for (let i = 1; i <= 65; i++) driver.receive({ t: 'call', i, n: 'confirm' });
    expect(driver.takeAll('serve')).toHaveLength(64);
    expect(driver.takeSent()).toEqual([{ t: 're', r: 65, code: 'rate_limited' }]);
    driver.dispatch({ type: 'answer', call: 1, output: null });
    driver.receive({ t: 'call', i: 66, n: 'confirm' });
    expect(driver.takeAll('serve')).toHaveLength(1);
  });

  it('[MSG4] an answer that no message can carry is a failure, not the end of the connection', () => {
    const driver = connected({ messageBytes: 10_000 });
    driver.receive({ t: 'call', i: 1, n: 'confirm' });
    driver.dispatch({ type: 'answer', call: 1, output: JSON.stringify('x'.repeat(9_000)) });
    expect(driver.takeSent()).toMatchObject([{ t: 're', r: 1, code: 'too_large' }]);
  });
});

it('[CALL5] a broadcast is handed on', () => {
  const driver = connected();
  driver.receive({ t: 'msg', n: 'news', d: [1] });
  expect(driver.takeTold()).toEqual([{ do: 'broadcast', name: 'news', data: [1] }]);
});

describe('history', () => {
  const page = (driver: ChannelsDriver, fields: object): void =>
    driver.dispatch({
      type: 'history',
      ticket: 1,
      channel: 'chat:x',
      position: null,
      reverse: false,
      ...fields,
    });

  it('[REC7] reads both ways, from an end or from a position', () => {
    const driver = connected();
    page(driver, {});
    page(driver, { reverse: true, limit: 5 });
    page(driver, { position: { epoch: 'e1', offset: 9 }, reverse: true });
    expect(driver.takeSent().map(({ i: _i, ...rest }) => rest)).toEqual([
      { t: 'hist', c: 'chat:x' },
      { t: 'hist', c: 'chat:x', rev: true, n: 5 },
      { t: 'hist', c: 'chat:x', e: 'e1', o: 9, rev: true },
    ]);
  });

  it('[REC7] resolves with the page, the top, and whether there is more', () => {
    const driver = connected();
    page(driver, {});
    const { i } = driver.takeOne('hist');
    const items = [
      { o: 3, ts: 4, by: 'bob', d: 1 },
      { o: 4, k: 'a', del: true },
    ];
    driver.receive({ t: 'ok', i, e: 'e1', o: 9, more: true, ps: items });
    expect(driver.takeTold()).toEqual([
      {
        do: 'resolve',
        ticket: 1,
        value: {
          publications: [
            { position: { epoch: 'e1', offset: 3 }, atMs: 4, by: 'bob', data: 1, key: null, deleted: false },
            {
              position: { epoch: 'e1', offset: 4 },
              atMs: null,
              by: null,
              data: undefined,
              key: 'a',
              deleted: true,
            },
          ],
          more: true,
          top: { epoch: 'e1', offset: 9 },
        },
      },
    ]);
  });

  it('[REC7] of an epoch that is over rejects with the position that counts', () => {
    const driver = connected();
    page(driver, { position: { epoch: 'e0', offset: 1 } });
    driver.receive({ t: 'err', i: driver.takeOne('hist')['i'], code: 'conflict', m: '', e: 'e1', o: 2 });
    expect(driver.takeTold()).toMatchObject([
      { refusal: { code: 'conflict', position: { epoch: 'e1', offset: 2 } } },
    ]);
  });

  it('is asked for again where the line drops, for it changes nothing', () => {
    const driver = connected();
    page(driver, {});
    driver.takeOne('hist');
    driver.down();
    expect(driver.takeTold()).toEqual([]);
    driver.live();
    driver.takeOne('hist');
    driver.down('replaced');
    expect(driver.takeTold()).toMatchObject([{ do: 'reject', refusal: { code: 'replaced' } }]);
  });
});

describe('members', () => {
  const counted = (): ChannelsDriver => {
    const driver = connected();
    driver.subscribe('chat:x');
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 0, n: 2 });
    return driver;
  };

  it('[MEM1] the number comes with the subscription, and changes as they come and go', () => {
    const driver = counted();
    driver.receive({ t: 'join', c: 'chat:x', id: 'bob' }, { t: 'leave', c: 'chat:x', id: 'carol' });
    expect(driver.takeAll('member').map(({ user, joined, count }) => [user, joined, count])).toEqual([
      [null, true, 2],
      ['bob', true, 3],
      ['carol', false, 2],
    ]);
    expect(driver.channels.count('chat:x')).toBe(2);
  });

  it('[MEM1] [REC6] behind a gap the number is asked for: somebody may have been left out', () => {
    const driver = counted();
    driver.takeTold();
    driver.receive({ t: 'gap', c: 'chat:x', why: 'conflated' });
    const { i, ...ask } = driver.takeOne('members');
    expect(ask).toEqual({ t: 'members', c: 'chat:x', n: 1 });
    driver.receive({ t: 'ok', i, ids: ['bob'], n: 5, next: 'bob' });
    expect(driver.takeAll('member')).toMatchObject([{ user: null, count: 5 }]);
  });

  it('of a channel that tells nothing of them are not asked for behind a gap', () => {
    const driver = subscribed(3);
    driver.receive({ t: 'gap', c: 'chat:x', why: 'conflated', o: 5 });
    expect(driver.takeSent()).toEqual([]);
  });

  it('[MEM1] come in pages', () => {
    const driver = connected();
    driver.dispatch({ type: 'members', ticket: 1, channel: 'chat:x', after: 'bob', limit: 2 });
    const { i, ...ask } = driver.takeOne('members');
    expect(ask).toEqual({ t: 'members', c: 'chat:x', k: 'bob', n: 2 });
    driver.receive({ t: 'ok', i, ids: ['carol', 'dave'], n: 9, next: 'dave' });
    expect(driver.takeTold()).toMatchObject([{ value: { ids: ['carol', 'dave'], count: 9, next: 'dave' } }]);
  });
});
