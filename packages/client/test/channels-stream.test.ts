import { describe, expect, it } from 'vitest';
import { driveChannels, p, ps, story, subscribed } from './channels-driver.ts';

describe('the order of a stream', () => {
  it('[REC3] tells each publication once, with what stands in it', () => {
    const driver = subscribed(2);
    driver.receive(
      { t: 'p', c: 'chat:x', o: 3, ts: 77, by: 'bob', d: { a: [1] } },
      { t: 'p', c: 'chat:x', o: 4, d: null },
    );
    expect(driver.takeAll('publications').flatMap(({ publications }) => publications)).toEqual([
      { position: { epoch: 'e1', offset: 3 }, atMs: 77, by: 'bob', data: { a: [1] } },
      { position: { epoch: 'e1', offset: 4 }, atMs: null, by: null, data: null },
    ]);
  });

  it('[PUB8] tells what a publication answers, live, replayed and in the history', () => {
    const driver = subscribed(2);
    driver.receive({ t: 'p', c: 'chat:x', o: 3, d: 1, ref: 'm1' });
    driver.receive({
      t: 'ps',
      c: 'chat:x',
      ps: [
        { o: 4, d: 2, ref: 'm2' },
        { o: 5, d: 3 },
      ],
    });
    const told = driver.takeAll('publications').flatMap(({ publications }) => publications);
    expect(told.map(({ ref }) => ref)).toEqual(['m1', 'm2', undefined]);
    driver.dispatch({
      type: 'history',
      ticket: 99,
      channel: 'chat:x',
      position: null,
      reverse: false,
    });
    const ps = [{ o: 3, d: 1, ref: 'm1' }];
    driver.receive({ t: 'ok', i: driver.takeOne('hist')['i'], e: 'e1', o: 5, ps, more: false });
    expect(driver.takeAll('resolve')).toMatchObject([{ value: { publications: [{ ref: 'm1' }] } }]);
  });

  it('[REC3] repeats are dropped, of live publications and of replays', () => {
    const driver = subscribed(2);
    driver.receive(p(3), p(3), p(1), ps(2, 3, 4), p(4), p(5));
    expect(story(driver)).toEqual([3, 4, 5]);
    expect(driver.takeSent()).toEqual([]);
  });

  it('[REC3] one that is left out is never skipped: the client asks for what is behind its position', () => {
    const driver = subscribed(2);
    driver.receive(p(3), p(5), p(6));
    const { i, ...sub } = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', c: 'chat:x', e: 'e1', o: 3 });
    driver.receive({ t: 'ok', i, e: 'e1', o: 6, rec: true }, ps(4, 5, 6), p(7));
    expect(story(driver)).toEqual([3, 'subscribing', 'replaying', 4, 5, 6, 'live', 7]);
  });

  it('[REC3] a replay with a hole in it is asked for again behind the hole', () => {
    const driver = subscribed(2);
    driver.receive(ps(3, 5, 6));
    expect(driver.takeOne('sub')).toMatchObject({ o: 3 });
    expect(story(driver)).toEqual([3, 'subscribing']);
  });

  it('a server with which this goes on is asked ever more seldom', () => {
    const driver = subscribed(0, { random: () => 0.99 });
    driver.receive(p(2));
    const pauses: number[] = [];
    for (let round = 0; round < 4; round++) {
      driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 2, rec: true }, p(3));
      expect(driver.takeSent(), 'not at once').toEqual([]);
      pauses.push(driver.alarmAtMs! - driver.nowMs);
      driver.advance(pauses.at(-1)!);
    }
    expect(pauses).toEqual([990, 1980, 3960, 7920]);
    expect(driver.channels.position('chat:x')!.offset, 'nothing was skipped').toBe(0);
  });

  it('a server that mended itself is trusted again', () => {
    const driver = subscribed(0);
    for (let round = 0; round < 3; round++) {
      const at = driver.channels.position('chat:x')!.offset;
      driver.receive(p(at + 2));
      driver.receive(
        { t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: at + 2, rec: true },
        ps(at + 1, at + 2),
        p(at + 3),
      );
    }
    expect(driver.takeAll('publications').flatMap(({ publications }) => publications)).toHaveLength(9);
  });

  it('publications of a channel that nobody wants, and malformed ones, are passed over', () => {
    const driver = subscribed(2);
    driver.receive(
      { t: 'p', c: 'chat:y', o: 1, d: 1 },
      { t: 'ps', c: 'chat:x' },
      { t: 'p', c: 'chat:x', o: '3', d: 1 },
    );
    driver.receive({ t: 'sig', c: 'chat:y' }, { t: 'ok' }, { t: 'later', c: 'chat:x' });
    expect(driver.takeAll('publications')).toEqual([]);
  });
});

describe('gaps', () => {
  it('[REC6] conflated: nothing is recovered, the app hears that it was left out', () => {
    const driver = subscribed(2);
    driver.receive(
      { t: 'gap', c: 'chat:x', why: 'conflated', o: 5 },
      p(6),
      { t: 'gap', c: 'chat:x', why: 'conflated', o: 8 },
      p(9),
    );
    expect(story(driver)).toEqual(['conflated 2 5', 6, 'conflated 6 8', 9]);
    expect(driver.takeSent()).toEqual([]);
  });

  it('[REC6] dropped: it goes on behind the offset that is named, and the loss is told', () => {
    const driver = subscribed(2);
    driver.receive({ t: 'gap', c: 'chat:x', why: 'dropped', o: 7 }, p(8));
    expect(story(driver)).toEqual(['lost dropped 2 e1/7', 8]);
    expect(driver.takeSent()).toEqual([]);
  });

  it('[REC6] resync: the client subscribes again with its position, and nothing is lost', () => {
    const driver = subscribed(2);
    driver.receive(p(3), { t: 'gap', c: 'chat:x', why: 'resync' });
    const { i, ...sub } = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', c: 'chat:x', e: 'e1', o: 3 });
    driver.receive({ t: 'ok', i, e: 'e1', o: 5, rec: true }, ps(4, 5));
    expect(story(driver)).toEqual([3, 'subscribing', 'replaying', 4, 5, 'live']);
  });

  it('[REC6] epoch: what was known counts no more, and it goes on from the new one', () => {
    const driver = subscribed(12);
    driver.receive({ t: 'gap', c: 'chat:x', why: 'epoch', e: 'e2', o: 0 }, p(1), p(2));
    expect(story(driver)).toEqual(['lost epoch 12 e2/0', 1, 2]);
    expect(driver.channels.position('chat:x')).toEqual({ epoch: 'e2', offset: 2 });
  });

  it('[REC6] an epoch that does not say where it begins is asked about', () => {
    const driver = subscribed(12);
    driver.receive({ t: 'gap', c: 'chat:x', why: 'epoch' });
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e2', o: 3, rec: false, why: 'epoch' }, p(4));
    expect(story(driver)).toEqual(['subscribing', 'lost epoch 12 e2/3', 'live', 4]);
  });

  it('a gap that speaks of what was applied already, or of no place, changes nothing', () => {
    const driver = subscribed(12);
    driver.receive(
      { t: 'gap', c: 'chat:x', why: 'dropped', o: 12 },
      { t: 'gap', c: 'chat:x', why: 'dropped' },
      p(13),
    );
    expect(story(driver)).toEqual([13]);
  });

  it('[REC6] a gap within a replay ends it where it reaches its end', () => {
    const driver = subscribed(0);
    driver.down();
    driver.live();
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 4, rec: true }, ps(1));
    driver.receive({ t: 'gap', c: 'chat:x', why: 'conflated', o: 4 });
    expect(driver.status('chat:x')).toBe('live');
  });
});

describe('own publications that are not echoed', () => {
  it('[PUB4] stand in their place, with what was sent', () => {
    const driver = subscribed(2);
    driver.publish('chat:x', { text: 'hi' }, { echo: false });
    const { i, echo } = driver.takeOne('pub');
    expect(echo).toBe(false);
    driver.receive(p(3), { t: 'p', c: 'chat:x', o: 4, own: true, i }, { t: 'ok', i, e: 'e1', o: 4 }, p(5));
    const told = driver.takeAll('publications').flatMap(({ publications }) => publications);
    expect(told.map(({ position, data, by, atMs }) => [position.offset, data, by, atMs])).toEqual([
      [3, 3, 'bob', 5],
      [4, { text: 'hi' }, 'alice', null],
      [5, 5, 'bob', 5],
    ]);
  });

  it('[PUB4] also where the ok comes first', () => {
    const driver = subscribed(2);
    driver.publish('chat:x', 'hi');
    const { i } = driver.takeOne('pub');
    driver.receive({ t: 'ok', i, e: 'e1', o: 4 }, p(3), { t: 'p', c: 'chat:x', o: 4, own: true, i });
    expect(driver.takeAll('publications').map(({ publications }) => publications[0]!.data)).toEqual([
      3,
      'hi',
    ]);
  });

  it('[PUB4] whose payload is not here any more are brought by a replay', () => {
    const driver = subscribed(2);
    driver.receive({ t: 'p', c: 'chat:x', o: 3, own: true, i: 99 });
    const { i, o } = driver.takeOne('sub');
    expect(o).toBe(2);
    driver.receive({ t: 'ok', i, e: 'e1', o: 3, rec: true }, ps(3));
    expect(driver.takeAll('publications')).toHaveLength(1);
  });

  it('what was sent is not kept once it has come back', () => {
    const driver = subscribed(2);
    driver.publish('chat:x', 'echoed');
    const { i } = driver.takeOne('pub');
    driver.receive({ t: 'ok', i, e: 'e1', o: 3 }, p(3), { t: 'p', c: 'chat:x', o: 4, own: true, i });
    // The second message of that request is somebody's mistake: its payload is asked for.
    expect(driver.takeOne('sub')).toMatchObject({ o: 3 });
  });
});

describe('the end', () => {
  it('a line that went leaves no alarm and takes no messages', () => {
    const driver = subscribed(2);
    driver.down();
    driver.receive(p(3));
    expect([story(driver), driver.alarmAtMs]).toEqual([['waiting'], null]);
  });

  it('a logout forgets every channel', () => {
    const driver = subscribed(2);
    driver.dispatch({ type: 'forget', code: 'logged_out' });
    expect([story(driver), driver.channels.position('chat:x'), driver.takeSent()]).toEqual([
      ['idle'],
      null,
      [],
    ]);
    driver.live();
    expect(driver.takeSent()).toEqual([]);
  });

  it('what is wanted outlives a stop, for the app may connect again', () => {
    const driver = driveChannels();
    driver.subscribe('chat:x');
    driver.live();
    driver.takeSent();
    driver.down('replaced');
    driver.live();
    expect(driver.takeOne('sub')).toMatchObject({ c: 'chat:x' });
  });
});
