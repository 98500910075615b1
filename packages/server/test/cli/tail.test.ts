import { describe, expect, it } from 'vitest';
import { driveTail, offsetsOf, ok, publication, replay, type TailDriver, TOKEN } from './tail-driver.ts';

/** A tail that is subscribed, at offset 5 of epoch e1. */
function live(settings: Parameters<typeof driveTail>[0] = {}): TailDriver {
  const tail = driveTail(settings);
  tail.logIn();
  tail.receive(ok(1));
  tail.sent();
  return tail;
}

describe('a tail', () => {
  it('logs in without being seen, subscribes behind the sync, and prints what comes', () => {
    const tail = driveTail();
    tail.opened();
    expect(tail.sent()).toEqual([{ t: 'login', username: 'auth0|1', token: 'jwt', v: 1, s: 'Offline' }]);
    tail.receive(TOKEN);
    expect(tail.sent()).toEqual([]);
    tail.receive({ t: 'sync', users: [] });
    expect(tail.sent()).toEqual([{ t: 'sub', i: 1, c: 'chat:1' }]);
    tail.receive(
      ok(1),
      publication(6, { ts: 17, by: 'bob', d: { text: 'hi' } }),
      publication(7, { d: null }),
    );
    expect(tail.printed).toEqual([
      '{"epoch":"e1","offset":6,"atMs":17,"by":"bob","data":{"text":"hi"}}',
      '{"epoch":"e1","offset":7,"data":null}',
    ]);
  });

  it('prints keys, versions and deletions of a map, and signals without a position', () => {
    const map = live();
    map.receive(publication(6, { k: 'a', ver: 2, d: 1 }), { t: 'p', c: 'chat:1', o: 7, k: 'a', del: true });
    expect(map.printed).toEqual([
      '{"epoch":"e1","offset":6,"key":"a","version":2,"data":1}',
      '{"epoch":"e1","offset":7,"key":"a","del":true}',
    ]);
    const signal = driveTail();
    signal.logIn();
    signal.receive({ t: 'ok', i: 1 });
    signal.receive({
      t: 'sig',
      c: 'chat:1',
      ss: [
        { id: 's_2', by: 'bob', k: 'x', d: 1 },
        { id: '', d: 2 },
      ],
    });
    expect(signal.printed).toEqual([
      '{"session":"s_2","by":"bob","key":"x","data":1}',
      '{"session":"","data":2}',
    ]);
  });

  it('[REC1] goes on behind a position that it is given, and prints the replay before what is live', () => {
    const tail = driveTail({ from: { epoch: 'e1', offset: 2 } });
    tail.logIn();
    expect(tail.sent().at(-1)).toEqual({ t: 'sub', i: 1, c: 'chat:1', e: 'e1', o: 2 });
    tail.receive(ok(1, { rec: true }), replay(3, 4), replay(5), publication(6));
    expect(offsetsOf(tail)).toEqual([3, 4, 5, 6]);
    expect(tail.told).toEqual([]);
  });

  it.each(['epoch', 'trimmed', 'ahead'])('[REC1] says what cannot be recovered (%s), and goes on', (why) => {
    const tail = driveTail({ from: { epoch: 'e0', offset: 2 } });
    tail.logIn();
    tail.receive(ok(1, { rec: false, why }), publication(6));
    expect(offsetsOf(tail)).toEqual([6]);
    expect(tail.told).toEqual([
      `not recovered (${why}): publications behind e0:2 are missing, it goes on behind e1:5`,
    ]);
    tail.dispatch({ type: 'interrupt' });
    expect(tail.end).toEqual({ failed: false, incomplete: true });
  });

  it('[REC5] begins with the last so many', () => {
    const tail = driveTail({ last: 2 });
    tail.logIn();
    expect(tail.sent().at(-1)).toEqual({ t: 'sub', i: 1, c: 'chat:1', last: 2 });
    tail.receive(ok(1), replay(4, 5), publication(6));
    expect(offsetsOf(tail)).toEqual([4, 5, 6]);
  });

  it('ends when the count is full, whatever else has come, and gives its session up', () => {
    const tail = live({ count: 2 });
    tail.receive(replay(6, 7, 8), publication(9));
    expect(offsetsOf(tail)).toEqual([6, 7]);
    expect(tail.sent()).toEqual([{ t: 'logout' }]);
    expect(tail.told).toEqual(['position e1:7']);
    expect(tail.end).toEqual({ failed: false, incomplete: false });
  });

  it('ends when it is interrupted, and says up to where it printed', () => {
    const tail = live();
    tail.receive(publication(6));
    tail.dispatch({ type: 'interrupt' });
    expect(tail.told).toEqual(['position e1:6']);
    expect(tail.end).toEqual({ failed: false, incomplete: false });
    tail.receive(publication(7));
    expect(offsetsOf(tail)).toEqual([6]);
  });

  it('[HB2] answers heartbeats, and no echo', () => {
    const tail = live();
    tail.receive({ t: 'hb', at: 5 });
    expect(tail.sent()).toEqual([{ t: 'hb' }]);
    tail.receive({ t: 'hb', q: 1 });
    expect(tail.sent()).toEqual([]);
  });

  it('passes over what it does not know, other channels and friends', () => {
    const tail = live();
    tail.receive(
      { t: 'later', c: 'chat:1' },
      publication(6, { c: 'chat:2' }),
      { t: 'u', id: 'bob', a: 'x' },
      { t: 'join', c: 'chat:1', id: 'bob' },
      publication(6, { later: true }),
    );
    expect(offsetsOf(tail)).toEqual([6]);
    expect(tail.sent()).toEqual([]);
  });
});

describe('when the line drops, a tail', () => {
  it('[REC4] resumes behind the last publication it printed, in the middle of a replay too', () => {
    const tail = driveTail({ from: { epoch: 'e1', offset: 1 } });
    tail.logIn();
    tail.receive(ok(1, { rec: true }), replay(2, 3));
    tail.closed(1006);
    expect(tail.socket).toBeNull();
    expect(tail.told).toEqual(['the line was lost (1006); trying again']);
    tail.sent();
    tail.dispatch({ type: 'alarm' });
    tail.opened();
    expect(tail.sent()).toEqual([
      { t: 'login', username: 'auth0|1', token: 'jwt', v: 1, s: 'Offline', resume: 'resume-1' },
    ]);
    tail.receive({ ...TOKEN, resumed: true }, { t: 'sync', users: [], delta: true });
    expect(tail.sent()).toEqual([{ t: 'sub', i: 2, c: 'chat:1', e: 'e1', o: 3 }]);
    tail.receive(ok(2, { rec: true }), replay(4, 5), publication(6));
    expect(offsetsOf(tail)).toEqual([2, 3, 4, 5, 6]);
  });

  it('before anything came, resumes from the top that the first `ok` named', () => {
    const tail = live();
    tail.closed(1006);
    tail.dispatch({ type: 'alarm' });
    tail.logIn();
    expect(tail.sent().at(-1)).toEqual({ t: 'sub', i: 2, c: 'chat:1', e: 'e1', o: 5 });
  });

  it('with the last so many on their way, asks for them and for all that came since', () => {
    const tail = driveTail({ last: 2 });
    tail.logIn();
    tail.receive(ok(1));
    tail.closed(1006);
    tail.dispatch({ type: 'alarm' });
    tail.logIn();
    expect(tail.sent().at(-1)).toEqual({ t: 'sub', i: 2, c: 'chat:1', e: 'e1', o: 3 });
    tail.receive(ok(2, { o: 7, rec: true }), replay(4, 5, 6, 7));
    expect(offsetsOf(tail)).toEqual([4, 5, 6, 7]);
  });

  it('with more asked for than are kept, asks anew, or from where it began if something came since', () => {
    const tail = driveTail({ last: 9 });
    tail.logIn();
    tail.receive(ok(1));
    tail.closed(1006);
    tail.dispatch({ type: 'alarm' });
    tail.logIn();
    expect(tail.sent().at(-1)).toEqual({ t: 'sub', i: 2, c: 'chat:1', e: 'e1', o: 0 });
    tail.receive(ok(2, { rec: false, why: 'trimmed' }));
    expect(tail.sent().at(-1)).toEqual({ t: 'sub', i: 3, c: 'chat:1', last: 9 });
    tail.receive(ok(3));
    tail.closed(1006);
    tail.dispatch({ type: 'alarm' });
    tail.logIn();
    tail.receive(ok(4, { o: 8, rec: false, why: 'trimmed' }));
    expect(tail.sent().at(-1)).toEqual({ t: 'sub', i: 5, c: 'chat:1', e: 'e1', o: 5 });
    tail.receive(ok(5, { o: 8, rec: true }), replay(6, 7, 8));
    expect(offsetsOf(tail)).toEqual([6, 7, 8]);
    expect(tail.told.filter((line) => line.startsWith('not'))).toEqual([]);
  });

  it('and with it the epoch, says that what came between is missing', () => {
    const tail = driveTail({ last: 2 });
    tail.logIn();
    tail.receive(ok(1));
    tail.closed(1006);
    tail.dispatch({ type: 'alarm' });
    tail.logIn();
    tail.receive({ t: 'ok', i: 2, e: 'e2', o: 1, rec: false, why: 'epoch' }, publication(2));
    expect(tail.printed).toEqual(['{"epoch":"e2","offset":2,"data":2}']);
    expect(tail.told.at(-1)).toMatch(/^not recovered \(epoch\): publications behind e1:5/);
  });

  it('with nothing to begin with, resumes from where it subscribed', () => {
    for (const [last, top] of [
      [0, 5],
      [3, 0],
    ] as const) {
      const tail = driveTail({ last });
      tail.logIn();
      tail.receive(ok(1, { o: top }));
      tail.closed(1006);
      tail.dispatch({ type: 'alarm' });
      tail.logIn();
      expect(tail.sent().at(-1)).toEqual({ t: 'sub', i: 2, c: 'chat:1', e: 'e1', o: top });
    }
  });

  it('[ERR4] waits for a random time whose bound doubles, and for as long as the server asked', () => {
    const tail = live();
    const pauses: (number | null)[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      tail.closed(1006);
      pauses.push(tail.alarmMs);
      tail.dispatch({ type: 'alarm' });
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
    tail.logIn();
    tail.receive(ok(2, { rec: true }), { t: 'bye', code: 'draining', advice: 'resume', afterMs: 3_000 });
    tail.closed(4000);
    expect(tail.told.at(-1)).toBe('draining; trying again');
    expect(tail.alarmMs).toBe(3_500);
  });

  it('notices a line that is silent for two heartbeats, and a server that does not answer', () => {
    const tail = live();
    expect(tail.alarmMs).toBe(75_000);
    tail.receive({ t: 'hb', at: 1 });
    expect(tail.alarmMs).toBe(75_000);
    tail.dispatch({ type: 'alarm' });
    expect(tail.told).toEqual(['the line is silent; trying again']);
    expect(tail.socket).toBeNull();
    tail.dispatch({ type: 'alarm' });
    expect(tail.socket).toBe(2);
    expect(tail.alarmMs).toBe(15_000);
    tail.dispatch({ type: 'alarm' });
    expect(tail.told.at(-1)).toBe('the server does not answer; trying again');
  });

  it('[RES4] goes on with a new session where the old one is gone', () => {
    const tail = live();
    tail.closed(1006);
    tail.dispatch({ type: 'alarm' });
    tail.opened();
    tail.receive(
      { t: 'err', code: 'resume_failed', m: 'x' },
      { ...TOKEN, token: 'resume-2' },
      { t: 'sync', users: [] },
    );
    expect(tail.sent().at(-1)).toMatchObject({ t: 'sub', e: 'e1', o: 5 });
    tail.closed(1006);
    expect(tail.told.at(-1)).toBe('the line was lost (1006); trying again');
  });

  it('ignores what a socket says that it has given up', () => {
    const tail = live();
    tail.dispatch({ type: 'alarm' });
    tail.dispatch({ type: 'alarm' });
    tail.logIn();
    tail.receive(ok(2, { rec: true }));
    tail.sent();
    const text = JSON.stringify(publication(6));
    tail.dispatch({ type: 'message', socket: 1, text });
    tail.dispatch({ type: 'closed', socket: 1, code: 1006, detail: null });
    tail.dispatch({ type: 'opened', socket: 1, token: 'jwt' });
    expect({ printed: tail.printed, sent: tail.sent(), socket: tail.socket }).toEqual({
      printed: [],
      sent: [],
      socket: 2,
    });
    tail.receive(publication(6));
    expect(offsetsOf(tail)).toEqual([6]);
  });
});

describe('where something is missing, a tail', () => {
  it('[REC3] prints nothing twice, and asks again for what was left out', () => {
    const tail = live();
    tail.receive(publication(6), publication(6), publication(5));
    expect(offsetsOf(tail)).toEqual([6]);
    expect(tail.sent()).toEqual([]);
    tail.receive(publication(8));
    expect(tail.sent()).toEqual([{ t: 'sub', i: 2, c: 'chat:1', e: 'e1', o: 6 }]);
    // On its way before the server read the new `sub`.
    tail.receive(publication(9));
    expect(tail.sent()).toEqual([]);
    tail.receive(ok(2, { o: 9, rec: true }), replay(7, 8, 9), publication(10));
    expect(offsetsOf(tail)).toEqual([6, 7, 8, 9, 10]);
  });

  it('[REC6] says what was dropped for it, and ends as incomplete', () => {
    const tail = live();
    tail.receive({ t: 'gap', c: 'chat:1', why: 'dropped', e: 'e1', o: 8 }, publication(9));
    expect(offsetsOf(tail)).toEqual([9]);
    expect(tail.told).toEqual([
      'not recovered (dropped): publications behind e1:5 are missing, it goes on behind e1:8',
    ]);
    tail.dispatch({ type: 'interrupt' });
    expect(tail.end).toEqual({ failed: false, incomplete: true });
  });

  it('[REC6] does not take conflation for loss', () => {
    const tail = live();
    tail.receive({ t: 'gap', c: 'chat:1', why: 'conflated', o: 7 }, publication(8));
    expect(offsetsOf(tail)).toEqual([8]);
    expect(tail.told[0]).toMatch(/^gap \(conflated\): publications behind e1:5 are missing/);
    tail.dispatch({ type: 'interrupt' });
    expect(tail.end).toEqual({ failed: false, incomplete: false });
  });

  it('[REC6] subscribes again where it is told to, from its position', () => {
    const tail = live();
    tail.receive({ t: 'gap', c: 'chat:1', why: 'resync' });
    expect(tail.sent()).toEqual([{ t: 'sub', i: 2, c: 'chat:1', e: 'e1', o: 5 }]);
  });

  it('[REC6] goes on in another epoch, and says that the one before is over', () => {
    const tail = live();
    tail.receive({ t: 'gap', c: 'chat:1', why: 'epoch', e: 'e2', o: 1 }, publication(2));
    expect(tail.printed).toEqual(['{"epoch":"e2","offset":2,"data":2}']);
    expect(tail.told).toEqual([
      'not recovered (epoch): publications behind e1:5 are missing, it goes on behind e2:1',
    ]);
  });

  it('a gap that speaks of what it has already changes nothing', () => {
    const tail = live();
    tail.receive(publication(6), { t: 'gap', c: 'chat:1', why: 'dropped', e: 'e1', o: 6 }, publication(7));
    expect(offsetsOf(tail)).toEqual([6, 7]);
    expect(tail.told).toEqual([]);
  });

  it('takes another line when subscribing again does not help', () => {
    const tail = live();
    for (let i = 2; i < 7; i++) tail.receive(publication(9), ok(i, { rec: true }));
    expect(tail.socket).toBe(1);
    tail.receive(publication(9));
    expect(tail.told).toEqual(['what comes does not fit together; trying again']);
    expect(tail.socket).toBeNull();
  });
});

describe('a refusal', () => {
  it('of the subscription ends it, and says why', () => {
    const tail = driveTail();
    tail.logIn();
    tail.receive({ t: 'err', i: 1, code: 'forbidden', m: 'An authorize rule must open it.' });
    expect(tail.told).toEqual(['forbidden: An authorize rule must open it.']);
    expect(tail.end).toEqual({ failed: true, incomplete: false });
    expect(tail.socket).toBeNull();
  });

  it('for now is tried again when the server says', () => {
    const tail = driveTail();
    tail.logIn();
    tail.receive({ t: 'err', i: 1, code: 'unavailable', m: 'x', retryAfterMs: 1_234 });
    expect(tail.alarmMs).toBe(1_234);
    tail.sent();
    tail.dispatch({ type: 'alarm' });
    expect(tail.sent()).toEqual([{ t: 'sub', i: 2, c: 'chat:1' }]);
  });

  it('of the login ends it with what the server said', () => {
    const tail = driveTail();
    tail.opened();
    tail.receive(
      { t: 'err', code: 'token_invalid', m: 'The login token was refused.' },
      { t: 'bye', code: 'token_invalid', advice: 'stop' },
    );
    tail.closed(4200);
    expect(tail.told).toEqual(['token_invalid: The login token was refused.']);
    expect(tail.end).toEqual({ failed: true, incomplete: false });
  });

  it.each([
    [4204, 'replaced'],
    [4206, 'user_erased'],
    [4208, 'revoked'],
  ])('that says stop (%s) is the end', (closeCode, code) => {
    const tail = live();
    tail.receive({ t: 'bye', code, advice: 'stop' });
    tail.closed(closeCode);
    expect(tail.told).toEqual([code, 'position e1:5']);
    expect(tail.end?.failed).toBe(true);
  });

  it('of a server that was never there is no reason to try again', () => {
    const tail = driveTail();
    tail.closed(1006, 'ws://127.0.0.1:1: connect ECONNREFUSED');
    expect(tail.told).toEqual(['ws://127.0.0.1:1: connect ECONNREFUSED']);
    expect(tail.end).toEqual({ failed: true, incomplete: false });
  });

  it('of a token that ran out is the end where there is no other, and else none', () => {
    const fixed = live({ renewable: false });
    fixed.receive({ t: 'bye', code: 'token_expired', advice: 'reconnect' });
    fixed.closed(4100);
    expect(fixed.end?.failed).toBe(true);
    const renewable = live();
    renewable.receive({ t: 'bye', code: 'token_expired', advice: 'reconnect' });
    renewable.closed(4100);
    expect(renewable.end).toBeNull();
    renewable.dispatch({ type: 'alarm' });
    expect(renewable.socket).toBe(2);
  });

  it('[CHN6] a subscription that the server ended is asked for again, and what the server says then counts', () => {
    const tail = live();
    tail.receive({ t: 'unsub', c: 'chat:1', code: 'forbidden' });
    expect(tail.sent()).toEqual([{ t: 'sub', i: 2, c: 'chat:1', e: 'e1', o: 5 }]);
    tail.receive({ t: 'err', i: 2, code: 'forbidden', m: 'closed' });
    expect(tail.told).toEqual(['forbidden: closed', 'position e1:5']);
    expect(tail.end?.failed).toBe(true);
  });
});
