import { describe, expect, it } from 'vitest';
import { driveChannels, p, ps, story, subscribed } from './channels-driver.ts';

describe('subscribing', () => {
  it('[CHN6] asks for what the app wants as soon as there is a line, and again on each line', () => {
    const driver = driveChannels();
    driver.subscribe('chat:x');
    expect([driver.takeSent(), story(driver)]).toEqual([[], ['waiting']]);
    driver.live();
    const sub = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', i: sub['i'], c: 'chat:x' });
    driver.receive({ t: 'ok', i: sub['i'], e: 'e1', o: 7 });
    expect(driver.channels.position('chat:x')).toEqual({ epoch: 'e1', offset: 7 });
    driver.down();
    driver.live();
    expect(driver.takeOne('sub')).toMatchObject({ c: 'chat:x', e: 'e1', o: 7 });
    expect(story(driver)).toEqual(['subscribing', 'live', 'waiting', 'subscribing']);
  });

  it('[REC2] an empty channel has a position: what comes first is not taken for a gap', () => {
    const driver = subscribed(0);
    driver.receive(p(1), p(2));
    expect(story(driver)).toEqual([1, 2]);
  });

  it('[REC1] a resume replays what was missed, then goes on', () => {
    const driver = subscribed(3);
    driver.receive(p(4));
    driver.down();
    driver.live();
    const { i, e, o } = driver.takeOne('sub');
    expect([e, o]).toEqual(['e1', 4]);
    driver.receive({ t: 'ok', i, e: 'e1', o: 7, rec: true }, ps(5, 6), ps(7), p(8));
    expect(story(driver)).toEqual([4, 'waiting', 'subscribing', 'replaying', 5, 6, 7, 'live', 8]);
  });

  it('[REC4] a line that drops within a replay resumes from what was applied, not from the top', () => {
    const driver = subscribed(0);
    driver.down();
    driver.live();
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 5, rec: true }, ps(1, 2));
    driver.down();
    driver.live();
    expect(driver.takeOne('sub')).toMatchObject({ e: 'e1', o: 2 });
  });

  for (const why of ['epoch', 'trimmed', 'ahead'] as const) {
    it(`[REC1] a resume that is not recovered (${why}) is told, and goes on from the top`, () => {
      const driver = subscribed(4);
      driver.down();
      driver.live();
      const { i } = driver.takeOne('sub');
      driver.receive({ t: 'ok', i, e: 'e2', o: 9, rec: false, why });
      expect(driver.takeAll('lost')).toEqual([
        {
          do: 'lost',
          channel: 'chat:x',
          why,
          from: { epoch: 'e1', offset: 4 },
          to: { epoch: 'e2', offset: 9 },
        },
      ]);
      driver.receive({ ...p(10) });
      expect(driver.takeAll('publications')).toHaveLength(1);
      expect(driver.channels.position('chat:x')).toEqual({ epoch: 'e2', offset: 10 });
    });
  }

  it('[REC1] another epoch is a loss also where the server does not say so', () => {
    const driver = subscribed(4);
    driver.down();
    driver.live();
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e2', o: 4 });
    expect(story(driver)).toContain('lost epoch 4 e2/4');
  });

  it('[REC5] begins with the last so many, or with those since a time', () => {
    for (const start of [{ last: 2 }, { since: 1700 }]) {
      const driver = driveChannels();
      driver.live();
      driver.subscribe('chat:x', start);
      const { i, ...sub } = driver.takeOne('sub');
      expect(sub).toEqual({ t: 'sub', c: 'chat:x', ...start });
      driver.receive({ t: 'ok', i, e: 'e1', o: 5 }, ps(4, 5), p(6));
      expect(story(driver)).toEqual(['subscribing', 'live', 4, 5, 6]);
    }
  });

  it('[REC5] a beginning that never came is asked for again', () => {
    const driver = driveChannels();
    driver.live();
    driver.subscribe('chat:x', { last: 2 });
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 5 });
    driver.down();
    driver.live();
    const { i, ...sub } = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', c: 'chat:x', last: 2 });
    driver.receive({ t: 'ok', i, e: 'e1', o: 6 }, ps(5, 6));
    expect(driver.takeAll('publications').map((told) => told.publications.length)).toEqual([2]);
  });

  it('[REC3] what was published while the line was gone is not skipped, though the beginning was never there', () => {
    const driver = driveChannels();
    driver.live();
    driver.subscribe('chat:x', { last: 1 });
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 5 });
    driver.down();
    driver.live();
    // The last one is 8 by now, and 6 and 7 came behind the first answer.
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 8 }, ps(8));
    expect(driver.takeAll('publications')).toEqual([]);
    const { i, e, o } = driver.takeOne('sub');
    expect([e, o]).toEqual(['e1', 5]);
    driver.receive({ t: 'ok', i, e: 'e1', o: 8, rec: true }, ps(6, 7, 8));
    expect(story(driver).filter((word) => typeof word === 'number')).toEqual([6, 7, 8]);
  });

  it('[REC1] a position of an earlier life is gone on from', () => {
    const driver = driveChannels();
    driver.live();
    driver.subscribe('chat:x', { position: { epoch: 'e1', offset: 2 } });
    const { i, e, o } = driver.takeOne('sub');
    expect([e, o]).toEqual(['e1', 2]);
    driver.receive({ t: 'ok', i, e: 'e1', o: 2, rec: true }, p(3));
    expect(story(driver)).toEqual(['subscribing', 'live', 3]);
  });

  it('an app that names another beginning begins anew', () => {
    const driver = subscribed(9);
    driver.subscribe('chat:x', { last: 3 });
    const { i, last } = driver.takeOne('sub');
    expect(last).toBe(3);
    // Of the subscription before: its answer was not there yet.
    driver.receive(p(10), { t: 'ok', i, e: 'e1', o: 10 }, ps(8, 9, 10), p(11));
    expect(story(driver)).toEqual(['subscribing', 'live', 8, 9, 10, 11]);
  });
});

describe('a subscription that the server refuses', () => {
  const refuse = (fields: object, options: Parameters<typeof driveChannels>[0] = {}) => {
    const driver = driveChannels(options);
    driver.live();
    driver.subscribe('chat:x');
    driver.receive({ t: 'err', i: driver.takeOne('sub')['i'], m: 'm', ...fields });
    return driver;
  };

  it('for good fails, and stays so on the next line until the app asks again', () => {
    const driver = refuse({ code: 'forbidden' });
    expect(driver.channels.state('chat:x')).toEqual({ status: 'failed', code: 'forbidden', detail: 'm' });
    driver.down();
    driver.live();
    expect([driver.takeSent(), driver.alarmAtMs]).toEqual([[], null]);
    driver.subscribe('chat:x');
    expect(driver.takeOne('sub')).toMatchObject({ c: 'chat:x' });
  });

  it('[ERR1] for now is tried again, not before it said, after pauses that grow', () => {
    const driver = refuse({ code: 'unavailable', retryAfterMs: 3000 }, { random: () => 0.99 });
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      expect(driver.channels.state('chat:x')).toMatchObject({ status: 'waiting', code: 'unavailable' });
      const { alarmAtMs } = driver;
      pauses.push(alarmAtMs! - driver.nowMs);
      driver.advance(2999);
      expect(driver.takeSent()).toEqual([]);
      driver.advance(alarmAtMs! - driver.nowMs);
      const { i } = driver.takeOne('sub');
      driver.receive({ t: 'err', i, code: 'unavailable', m: '', retryAfterMs: 3000 });
    }
    expect(pauses.map((ms) => Math.round(ms / 100))).toEqual([40, 50, 70, 109, 188, 228, 228]);
  });

  it('for now and without a time is tried again all the same', () => {
    const driver = refuse({ code: 'internal' });
    expect(driver.status('chat:x')).toBe('waiting');
    driver.advance(2000);
    expect(driver.takeOne('sub')).toMatchObject({ c: 'chat:x' });
  });

  it('[CHN7] because of the grant is asked once more without it', () => {
    const driver = driveChannels();
    driver.live();
    driver.dispatch({ type: 'subscribe', channel: 'chat:x', kind: 'stream', grant: 'old' });
    const first = driver.takeOne('sub');
    expect(first['g']).toBe('old');
    driver.receive({ t: 'err', i: first['i'], code: 'grant_invalid', m: '' });
    const second = driver.takeOne('sub');
    expect(second).not.toHaveProperty('g');
    driver.receive({ t: 'err', i: second['i'], code: 'grant_invalid', m: '' });
    expect(driver.status('chat:x')).toBe('failed');
  });
});

describe('rights', () => {
  it('[CHN7] the grant that an ok carries is named at the next sub', () => {
    const driver = driveChannels();
    driver.live();
    driver.subscribe('chat:x');
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 0, g: 'grant-1', until: 9 });
    driver.down();
    driver.live();
    expect(driver.takeOne('sub')).toMatchObject({ g: 'grant-1' });
  });

  it('[CHN7] a newer grant of the app renews the right, and nothing begins anew', () => {
    const driver = subscribed(3);
    driver.dispatch({ type: 'subscribe', channel: 'chat:x', kind: 'stream', grant: 'newer' });
    const { i, ...sub } = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', c: 'chat:x', g: 'newer' });
    driver.receive(p(4), { t: 'ok', i, e: 'e1', o: 4, until: 99 }, p(5));
    expect(story(driver)).toEqual([4, 5]);
  });

  it('[CHN6] a subscription that the server ends fails with its code', () => {
    const driver = subscribed(3);
    driver.receive({ t: 'unsub', c: 'chat:x', code: 'forbidden', m: 'no more' }, p(4));
    expect(story(driver)).toEqual(['failed forbidden']);
    expect(driver.channels.state('chat:x').detail).toBe('no more');
  });

  it('[CHN6] one whose grant ran out is asked for without it, from where it stands', () => {
    const driver = driveChannels();
    driver.live();
    driver.dispatch({ type: 'subscribe', channel: 'chat:x', kind: 'stream', grant: 'g1' });
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 3 });
    driver.receive({ t: 'unsub', c: 'chat:x', code: 'grant_invalid' });
    const { i, ...sub } = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', c: 'chat:x', e: 'e1', o: 3 });
    driver.receive({ t: 'err', i, code: 'forbidden', m: '' });
    expect(driver.status('chat:x')).toBe('failed');
  });

  it('[CHN6] one whose right could not be looked up is asked for again', () => {
    const driver = subscribed(3);
    driver.receive({ t: 'unsub', c: 'chat:x', code: 'unavailable' });
    expect(driver.status('chat:x')).toBe('waiting');
    driver.advance(2000);
    expect(driver.takeOne('sub')).toMatchObject({ e: 'e1', o: 3 });
  });

  it('[CHN6] an end that crosses a newer sub says nothing about that', () => {
    const driver = subscribed(3);
    driver.subscribe('chat:x', { last: 1 });
    const { i } = driver.takeOne('sub');
    driver.receive({ t: 'unsub', c: 'chat:x', code: 'forbidden' }, { t: 'ok', i, e: 'e1', o: 3 });
    expect(driver.status('chat:x')).toBe('live');
  });

  it('[CHN6] [CHN7] an end that crosses the renewal of the right costs neither the newer grant nor the place', () => {
    const driver = driveChannels();
    driver.live();
    driver.dispatch({ type: 'subscribe', channel: 'chat:x', kind: 'stream', grant: 'g1' });
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 3 });
    driver.dispatch({ type: 'subscribe', channel: 'chat:x', kind: 'stream', grant: 'g2' });
    const renewal = driver.takeOne('sub');
    driver.receive({ t: 'unsub', c: 'chat:x', code: 'grant_invalid' });
    const { i, ...sub } = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', c: 'chat:x', e: 'e1', o: 3, g: 'g2' });
    driver.receive(
      { t: 'ok', i: renewal['i'], e: 'e1', o: 5 },
      { t: 'ok', i, e: 'e1', o: 5, rec: true },
      ps(4, 5),
    );
    expect([driver.status('chat:x'), driver.channels.position('chat:x')?.offset]).toEqual(['live', 5]);
    driver.receive({ t: 'unsub', c: 'chat:x', code: 'forbidden' });
    expect(driver.status('chat:x')).toBe('failed');
  });
});

describe('unsubscribing', () => {
  it('says so, and forgets the position; what is still on its way is passed over', () => {
    const driver = subscribed(3);
    driver.unsubscribe('chat:x');
    const { i, ...unsub } = driver.takeOne('unsub');
    expect(unsub).toEqual({ t: 'unsub', c: 'chat:x' });
    driver.receive(p(4), { t: 'gap', c: 'chat:x', why: 'resync' }, { t: 'ok', i });
    expect([story(driver), driver.channels.position('chat:x')]).toEqual([['idle'], null]);
    driver.down();
    driver.live();
    expect(driver.takeSent()).toEqual([]);
  });

  it('while the answer is under way, ends it all the same', () => {
    const driver = driveChannels();
    driver.live();
    driver.subscribe('chat:x');
    const { i } = driver.takeOne('sub');
    driver.unsubscribe('chat:x');
    driver.takeOne('unsub');
    driver.receive({ t: 'ok', i, e: 'e1', o: 3 }, p(4));
    expect(story(driver)).toEqual(['subscribing', 'idle']);
  });

  it('[LIM1] that was refused for now is not repeated once the channel is wanted again', () => {
    const driver = subscribed(3);
    driver.unsubscribe('chat:x');
    const unsub = driver.takeOne('unsub');
    driver.subscribe('chat:x');
    const sub = driver.takeOne('sub');
    driver.receive({ t: 'err', code: 'rate_limited', m: '', i: unsub['i'], retryAfterMs: 50 });
    driver.receive({ t: 'ok', i: sub['i'], e: 'e1', o: 5 });
    driver.advance(1000);
    expect(driver.takeSent()).toEqual([]);
    expect(driver.status('chat:x')).toBe('live');
  });

  it('of what was never told to the server tells it nothing', () => {
    const driver = driveChannels();
    driver.subscribe('chat:x');
    driver.unsubscribe('chat:x');
    driver.live();
    expect(driver.takeSent()).toEqual([]);
  });

  it('an answer to a subscription that was given up since does not count for the one that is wanted now', () => {
    const driver = driveChannels();
    driver.live();
    driver.subscribe('chat:x', { last: 9 });
    const first = driver.takeOne('sub');
    driver.unsubscribe('chat:x');
    driver.subscribe('chat:x');
    const [, second] = driver.takeSent();
    driver.receive({ t: 'ok', i: first['i'], e: 'e1', o: 3 }, ps(1, 2, 3));
    expect(driver.status('chat:x')).toBe('subscribing');
    driver.receive({ t: 'ok', i: second!['i'], e: 'e1', o: 3 }, p(4));
    expect(
      driver.takeAll('publications').map(({ publications }) => publications[0]!.position.offset),
    ).toEqual([4]);
  });
});

describe('an invitation', () => {
  it('[CHN8] is answered with a sub that names the grant, and the app is told of the kind', () => {
    const kinds = { stream: { e: 'e1', o: 2 }, map: { e: 'e1', o: 2, es: [] }, signal: {} };
    for (const [kind, fields] of Object.entries(kinds)) {
      const driver = driveChannels();
      driver.live();
      driver.receive({ t: 'sub', c: 'chat:x', g: 'g1' });
      const { i, ...sub } = driver.takeOne('sub');
      expect(sub).toEqual({ t: 'sub', c: 'chat:x', g: 'g1' });
      driver.receive({ t: 'ok', i, ...fields });
      expect(driver.takeAll('invited')).toEqual([{ do: 'invited', channel: 'chat:x', kind }]);
      expect(driver.status('chat:x')).toBe('live');
    }
  });

  it('[CHN8] to a channel that the app wants by itself before it is answered is none any more', () => {
    const driver = driveChannels();
    driver.live();
    driver.receive({ t: 'sub', c: 'chat:x', g: 'g1' });
    const { i } = driver.takeOne('sub');
    driver.subscribe('chat:x', undefined, 'stream');
    driver.receive({ t: 'err', i, code: 'forbidden', m: '' });
    expect([driver.status('chat:x'), driver.takeAll('invited')]).toEqual(['failed', []]);
  });

  it('[CHN8] that does not work leaves nothing behind', () => {
    const driver = driveChannels();
    driver.live();
    driver.receive({ t: 'sub', c: 'chat:x', g: 'g1' });
    driver.receive({ t: 'err', i: driver.takeOne('sub')['i'], code: 'grant_invalid', m: '' });
    driver.receive({ t: 'err', i: driver.takeOne('sub')['i'], code: 'forbidden', m: '' });
    expect(driver.status('chat:x')).toBe('idle');
    expect(driver.takeAll('invited')).toEqual([]);
  });

  it('[CHN8] to a channel that failed takes it up again, from where it stood', () => {
    const driver = subscribed(3);
    driver.receive({ t: 'unsub', c: 'chat:x', code: 'forbidden' });
    driver.receive({ t: 'sub', c: 'chat:x', g: 'g2' });
    expect(driver.takeOne('sub')).toMatchObject({ g: 'g2', e: 'e1', o: 3 });
  });

  it('[CHN8] [CHN7] to a channel that is subscribed renews the right', () => {
    const driver = subscribed(3);
    driver.receive({ t: 'sub', c: 'chat:x', g: 'g2' });
    expect(driver.takeOne('sub')).not.toHaveProperty('o');
    driver.receive(p(4));
    expect(story(driver)).toEqual([4]);
  });
});
