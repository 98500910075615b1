import { describe, expect, it } from 'vitest';
import { type ChannelsDriver, driveChannels, subscribed } from './channels-driver.ts';

/** Answers the one publication that was sent, and gives it back. */
function answer(driver: ChannelsDriver, fields: object): Record<string, unknown> {
  const pub = driver.takeOne('pub');
  driver.receive({ t: 'ok', i: pub['i'], ...fields });
  return pub;
}

function refuse(driver: ChannelsDriver, code: string, fields: object = {}): Record<string, unknown> {
  const pub = driver.takeOne('pub');
  driver.receive({ t: 'err', i: pub['i'], code, m: 'what to do', ...fields });
  return pub;
}

const connected = (settings: Parameters<typeof driveChannels>[0] = {}): ChannelsDriver => {
  const driver = driveChannels(settings);
  driver.live();
  return driver;
};

describe('publishing', () => {
  it('[PUB1] needs no subscription, and resolves with the position', () => {
    const driver = connected();
    const ticket = driver.publish('chat:x', { text: 'hi' });
    const { i: _i, id, ...pub } = answer(driver, { e: 'e1', o: 3 });
    expect(pub).toEqual({ t: 'pub', c: 'chat:x', d: { text: 'hi' } });
    expect(id).toMatch(/^[-0-9a-z]{10,64}$/);
    expect(driver.takeTold()).toEqual([
      {
        do: 'resolve',
        ticket,
        value: { position: { epoch: 'e1', offset: 3 }, duplicate: false, outdated: false },
      },
    ]);
  });

  it('[PUB2] each publication has an id of its own, unless the app names one', () => {
    const driver = connected();
    const ids = new Set<unknown>();
    for (let n = 0; n < 50; n++) {
      driver.publish('chat:x', n);
      ids.add(answer(driver, { e: 'e1', o: n + 1 })['id']);
    }
    driver.publish('chat:x', 'again', { id: 'mine' });
    ids.add(answer(driver, { e: 'e1', o: 51, dup: true })['id']);
    expect([ids.size, ids.has('mine')]).toEqual([51, true]);
    expect(driver.takeTold().at(-1)).toMatchObject({ value: { duplicate: true } });
  });

  it('[PUB3] [MAP3] carries what the app asks for', () => {
    const driver = connected();
    driver.publish('tasks', undefined, {
      key: 'k',
      del: true,
      version: 3,
      expect: { epoch: 'e1', offset: 9 },
      echo: false,
    });
    const { i: _i, id: _id, ...pub } = answer(driver, { e: 'e1', o: 9, old: true });
    expect(pub).toEqual({ t: 'pub', c: 'tasks', k: 'k', del: true, ver: 3, e: 'e1', o: 9, echo: false });
    expect(driver.takeTold()).toMatchObject([{ value: { outdated: true } }]);
    driver.publish('tasks', null, { key: 'k', ttlMs: 500, id: 'x' });
    expect(driver.takeOne('pub')).toMatchObject({ k: 'k', ttl: 500, d: null });
  });

  it('[PUB5] keeps the order of a channel: one is under way at a time, others are not held up by it', () => {
    const driver = connected();
    driver.publish('chat:x', 1);
    driver.publish('chat:x', 2);
    driver.publish('chat:y', 3);
    const sent = driver.takeSent();
    expect(sent.map(({ d }) => d)).toEqual([1, 3]);
    driver.receive({ t: 'ok', i: sent[0]!['i'], e: 'e1', o: 1 });
    expect(driver.takeOne('pub')).toMatchObject({ c: 'chat:x', d: 2 });
  });

  it('[PUB3] a conflict rejects with the position that the channel has', () => {
    const driver = connected();
    const ticket = driver.publish('chat:x', 1, { expect: { epoch: 'e1', offset: 0 } });
    refuse(driver, 'conflict', { e: 'e1', o: 4 });
    expect(driver.takeTold()).toMatchObject([
      {
        do: 'reject',
        ticket,
        refusal: { code: 'conflict', unknown: false, position: { epoch: 'e1', offset: 4 } },
      },
    ]);
  });

  it('[CHN5] what does not fit rejects with the path, and what is behind it goes on', () => {
    const driver = connected();
    driver.publish('chat:x', 1);
    driver.publish('chat:x', 2);
    refuse(driver, 'payload_invalid', { path: '/text' });
    expect(driver.takeTold()).toMatchObject([
      { refusal: { code: 'payload_invalid', path: '/text', detail: 'what to do' } },
    ]);
    expect(driver.takeOne('pub')).toMatchObject({ d: 2 });
  });
});

describe('publications and the line', () => {
  it('[PUB2] one whose answer was lost is sent again with its id, before what came behind it', () => {
    const driver = connected();
    driver.publish('chat:x', 1);
    driver.publish('chat:x', 2);
    const first = driver.takeOne('pub');
    driver.down();
    driver.publish('chat:x', 3);
    expect(driver.takeTold()).toEqual([]);
    driver.live();
    const again = driver.takeOne('pub');
    expect([again['d'], again['id']]).toEqual([1, first['id']]);
    driver.receive({ t: 'ok', i: again['i'], e: 'e1', o: 1, dup: true });
    expect(answer(driver, { e: 'e1', o: 2 })['d']).toBe(2);
    expect(answer(driver, { e: 'e1', o: 3 })['d']).toBe(3);
    expect(driver.takeAll('resolve')).toHaveLength(3);
  });

  it('waits while there is no line, also over a disconnect', () => {
    const driver = driveChannels();
    driver.publish('chat:x', 1);
    driver.down();
    driver.live();
    expect(driver.takeOne('pub')).toMatchObject({ d: 1 });
    expect(driver.takeTold()).toEqual([]);
  });

  it('goes out behind the subscriptions of the new line', () => {
    const driver = subscribed(3);
    driver.down();
    driver.publish('chat:x', 1);
    driver.live();
    expect(driver.takeSent().map(({ t }) => t)).toEqual(['sub', 'pub']);
  });

  for (const [name, pass] of [
    ['by its own clock', (driver: ChannelsDriver, ms: number) => driver.advance(ms)],
    ['by the wall clock of a machine that slept', (driver: ChannelsDriver, ms: number) => driver.sleep(ms)],
  ] as const) {
    it(`[PUB2] an answer lost longer ago than ids are sure is not sent again: the outcome is unknown (${name})`, () => {
      for (const [ms, again] of [
        [4.5 * 60_000, true],
        [4.5 * 60_000 + 1, false],
      ] as const) {
        const driver = connected();
        driver.publish('chat:x', 1);
        driver.publish('chat:x', 2);
        driver.takeOne('pub');
        driver.down();
        pass(driver, ms);
        driver.live();
        expect(driver.takeOne('pub')['d']).toBe(again ? 1 : 2);
        if (!again)
          expect(driver.takeTold()).toMatchObject([
            { do: 'reject', refusal: { code: 'line_lost', unknown: true } },
          ]);
      }
    });
  }

  it('[PUB2] one that was never sent waits as long as it takes', () => {
    const driver = driveChannels();
    driver.publish('chat:x', 1);
    driver.sleep(3_600_000);
    driver.live();
    expect(driver.takeOne('pub')).toMatchObject({ d: 1 });
  });

  it('a logout refuses what waits, and says of what was sent that its outcome is unknown', () => {
    const driver = connected();
    driver.publish('chat:x', 1);
    driver.publish('chat:x', 2);
    driver.dispatch({ type: 'forget', code: 'logged_out' });
    expect(driver.takeTold()).toMatchObject([
      { ticket: 1, refusal: { code: 'logged_out', unknown: true } },
      { ticket: 2, refusal: { code: 'logged_out', unknown: false } },
    ]);
    driver.takeSent();
    driver.publish('chat:x', 3);
    expect(driver.takeSent(), 'the line is the session’s that was left').toEqual([]);
    driver.live();
    expect(driver.takeOne('pub'), 'but of the next session').toMatchObject({ d: 3 });
  });

  it('a client that stopped refuses what waits, and what comes, until the app connects', () => {
    const driver = connected();
    driver.publish('chat:x', 1);
    driver.down('replaced');
    driver.publish('chat:x', 2);
    expect(driver.takeAll('reject').map(({ ticket, refusal }) => [ticket, refusal.code])).toEqual([
      [1, 'replaced'],
      [2, 'replaced'],
    ]);
    driver.down();
    driver.publish('chat:x', 3);
    expect(driver.takeTold()).toEqual([]);
  });

  it('a reply that does not come on a line that lives ends the line, after 30 s', () => {
    const driver = connected();
    driver.publish('chat:x', 1);
    const { id } = driver.takeOne('pub');
    driver.advance(29_999);
    expect(driver.takeAll('failLine')).toEqual([]);
    driver.advance(1);
    expect([driver.takeAll('failLine').length, driver.alarmAtMs]).toEqual([1, null]);
    driver.down();
    driver.live();
    expect(driver.takeOne('pub')['id']).toBe(id);
  });
});

describe('what is refused for now', () => {
  it('[PUB6] waits as long as it is told, and what is behind it waits too', () => {
    const driver = connected({ random: () => 0 });
    driver.publish('chat:x', 1);
    driver.publish('chat:x', 2);
    const first = refuse(driver, 'rate_limited', { retryAfterMs: 400 });
    driver.advance(399);
    expect(driver.takeSent()).toEqual([]);
    driver.advance(1);
    const again = answer(driver, { e: 'e1', o: 1 });
    expect([again['d'], again['id']]).toEqual([1, first['id']]);
    // And the next one is not sent behind it at once: that is what was refused.
    expect(driver.takeSent()).toEqual([]);
    driver.advance(400);
    expect(driver.takeOne('pub')).toMatchObject({ d: 2 });
  });

  it('[PUB6] does not hold up another channel', () => {
    const driver = connected();
    driver.publish('chat:x', 1);
    refuse(driver, 'rate_limited', { retryAfterMs: 60_000 });
    driver.publish('chat:y', 2);
    expect(driver.takeOne('pub')).toMatchObject({ c: 'chat:y' });
  });

  it('[LIM1] where two are refused at once it is the connection: everything waits', () => {
    const driver = connected({ random: () => 0 });
    driver.publish('chat:x', 1);
    driver.publish('chat:y', 2);
    for (const { i } of driver.takeSent())
      driver.receive({ t: 'err', i, code: 'rate_limited', m: '', retryAfterMs: 300 });
    driver.publish('chat:z', 3);
    driver.call('ask', {});
    expect(driver.takeSent()).toEqual([]);
    driver.advance(300);
    expect(driver.takeSent(), 'one at a time').toHaveLength(1);
    driver.advance(300);
    expect(driver.takeSent()).toHaveLength(1);
  });

  it('[LIM1] a new connection begins with a fresh allowance', () => {
    const driver = connected();
    driver.publish('chat:x', 1);
    driver.publish('chat:y', 2);
    for (const { i } of driver.takeSent())
      driver.receive({ t: 'err', i, code: 'rate_limited', m: '', retryAfterMs: 300_000 });
    driver.down();
    driver.publish('chat:z', 3);
    driver.live();
    expect(driver.takeSent().map(({ c }) => c)).toContain('chat:z');
  });

  it('[LIM1] of more than 4,096 characters is known by being the only such one under way', () => {
    const driver = connected({ random: () => 0 });
    const long = 'x'.repeat(5000);
    driver.publish('chat:x', long);
    driver.publish('chat:y', long);
    driver.publish('chat:z', 'short');
    const sent = driver.takeSent();
    expect(sent.map(({ c }) => c)).toEqual(['chat:x', 'chat:z']);
    driver.receive({ t: 'err', code: 'rate_limited', m: '', retryAfterMs: 100 });
    expect(driver.takeOne('pub'), 'the next large one has its turn').toMatchObject({ c: 'chat:y' });
    driver.receive({ t: 'err', code: 'rate_limited', m: '', retryAfterMs: 100 });
    driver.advance(5000);
    const [again] = driver.takeSent();
    expect(again!['d']).toBe(long);
    expect(driver.takeTold()).toEqual([]);
  });

  it('[LIM1] a refusal that names nothing, while nothing large is under way, is not taken for another’s', () => {
    const driver = connected();
    driver.publish('chat:x', 'short');
    driver.takeSent();
    driver.receive(
      { t: 'err', code: 'rate_limited', m: '', retryAfterMs: 100 },
      { t: 'err', code: 'bad_json', m: '' },
    );
    driver.advance(1000);
    expect(driver.takeSent()).toEqual([]);
  });

  it('[ERR1] a log that fails is asked again, after pauses that grow', () => {
    const driver = connected({ random: () => 0 });
    driver.publish('chat:x', 1);
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      refuse(driver, 'unavailable', { retryAfterMs: 1000 });
      pauses.push(driver.alarmAtMs! - driver.nowMs);
      driver.advance(pauses.at(-1)!);
    }
    expect(pauses).toEqual([1000, 1000, 1000, 1000, 1000, 1000, 1280, 2560, 5120]);
    answer(driver, { e: 'e1', o: 1 });
    driver.publish('chat:x', 2);
    expect(driver.takeOne('pub'), 'and forgiven at once').toMatchObject({ d: 2 });
  });
});

describe('the room for what waits', () => {
  it('is bounded by number: one more is refused at once, and room comes back', () => {
    const driver = connected({ queueCount: 3 });
    for (let n = 0; n < 3; n++) driver.publish('chat:x', n);
    const ticket = driver.publish('chat:x', 3);
    expect(driver.takeTold()).toMatchObject([
      { do: 'reject', ticket, refusal: { code: 'queue_full', unknown: false } },
    ]);
    answer(driver, { e: 'e1', o: 1 });
    driver.publish('chat:x', 4);
    expect(driver.takeAll('reject')).toEqual([]);
  });

  it('is bounded by bytes, as UTF-8 counts them', () => {
    for (const letter of ['x', 'é', '€', '😀']) {
      const driver = driveChannels({ queueBytes: 10_000 });
      const data = letter.repeat(900);
      const bytes = Buffer.byteLength(JSON.stringify({ c: 'chat:x', id: 'id', d: data })) - 1 + 40;
      for (let taken = 0; taken < Math.floor(10_000 / bytes); taken++) {
        driver.publish('chat:x', data, { id: 'id' });
        expect(driver.takeAll('reject'), `${letter} ${taken}`).toEqual([]);
      }
      driver.publish('chat:x', data, { id: 'id' });
      expect(driver.takeAll('reject'), letter).toMatchObject([{ refusal: { code: 'queue_full' } }]);
    }
  });

  it('[MSG4] a message that the server would close the connection for is refused here', () => {
    const driver = connected({ messageBytes: 1000 });
    const most = 1000 - JSON.stringify({ c: 'chat:x', id: 'i', d: '' }).length - 39;
    driver.publish('chat:x', 'x'.repeat(most), { id: 'i' });
    expect(JSON.stringify(driver.takeOne('pub')).length).toBeLessThanOrEqual(1000);
    driver.publish('chat:x', 'x'.repeat(most + 1), { id: 'i' });
    expect(driver.takeTold()).toMatchObject([{ refusal: { code: 'too_large' } }]);
  });

  it('comes back whatever became of what waited', () => {
    const driver = connected({ queueCount: 2 });
    const fill = (): void => {
      driver.publish('chat:x', 1);
      driver.call('ask', 1, 50);
      driver.takeTold();
      driver.publish('chat:x', 1);
      expect(driver.takeAll('reject')).toMatchObject([{ refusal: { code: 'queue_full' } }]);
    };
    fill();
    driver.takeSent();
    driver.advance(60);
    driver.dispatch({ type: 'forget', code: 'logged_out' });
    driver.live();
    fill();
    const [pub, call] = driver.takeSent();
    driver.receive({ t: 'err', i: pub!['i'], code: 'forbidden', m: '' }, { t: 'ok', i: call!['i'], d: 1 });
    fill();
    driver.down('replaced');
    driver.live();
    fill();
  });
});

describe('signals', () => {
  const signal = (driver: ChannelsDriver, data: unknown, key?: string): number =>
    driver.publish('cursor', data, { signal: true, key });

  it('[SIG1] the latest of each key goes out; one that a later one took the place of is done', () => {
    const driver = connected();
    const tickets = [signal(driver, 1), signal(driver, 2), signal(driver, 3, 'k'), signal(driver, 4)];
    const first = driver.takeOne('pub');
    expect(first).toEqual({ t: 'pub', i: first['i'], c: 'cursor', d: 1 });
    expect(driver.takeTold()).toMatchObject([{ do: 'resolve', ticket: tickets[1] }]);
    driver.receive({ t: 'ok', i: first['i'] });
    expect(answer(driver, {})).toMatchObject({ d: 4 });
    expect(answer(driver, {})).toMatchObject({ d: 3, k: 'k' });
    expect(driver.takeTold()).toMatchObject([
      { ticket: tickets[0], value: { position: null } },
      { ticket: tickets[3] },
      { ticket: tickets[2] },
    ]);
  });

  it('[SIG1] are not kept for later: without a line they are refused', () => {
    const driver = connected();
    signal(driver, 1);
    signal(driver, 2);
    driver.down();
    signal(driver, 3);
    expect(driver.takeAll('reject').map(({ ticket, refusal }) => [ticket, refusal.code])).toEqual([
      [1, 'line_lost'],
      [2, 'line_lost'],
      [3, 'line_lost'],
    ]);
    driver.takeSent();
    driver.live();
    expect(driver.takeSent()).toEqual([]);
  });

  it('[SIG1] those of others come with who sent them, one’s own are marked', () => {
    const driver = connected();
    driver.subscribe('cursor', undefined, 'signal');
    const { i, ...sub } = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', c: 'cursor' });
    driver.receive({ t: 'ok', i });
    expect([driver.status('cursor'), driver.channels.position('cursor')]).toEqual(['live', null]);
    driver.receive({
      t: 'sig',
      c: 'cursor',
      ss: [
        { id: 's_2', by: 'bob', k: 'left', d: [1, 2] },
        { id: 's_1', by: 'alice', d: 0 },
        { id: '', d: 'server' },
      ],
    });
    expect(driver.takeAll('signals')[0]!.signals).toEqual([
      { session: 's_2', by: 'bob', key: 'left', data: [1, 2], own: false },
      { session: 's_1', by: 'alice', key: null, data: 0, own: true },
      { session: '', by: null, key: null, data: 'server', own: false },
    ]);
  });

  it('[REC6] a gap in signals needs nothing', () => {
    const driver = connected();
    driver.subscribe('cursor', undefined, 'signal');
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'] }, { t: 'gap', c: 'cursor', why: 'dropped' });
    expect([driver.takeSent(), driver.status('cursor')]).toEqual([[], 'live']);
  });
});
