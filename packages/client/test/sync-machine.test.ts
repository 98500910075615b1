import { describe, expect, it } from 'vitest';
import { driveSync, entryOf } from './sync-driver.ts';

const milk = { title: 'milk', done: false };
const drunk = { title: 'milk', done: true };

describe('a mutation', () => {
  it('is seen at once, sent when it is in the store, and let go of by the publication that carries its id', () => {
    const sync = driveSync();
    sync.open();
    sync.held.store = false;
    const id = sync.mutate('create', 't1', 'milk');
    expect([sync.view(), sync.sent(), sync.machine.entries().get('t1')!.pending]).toEqual([
      { t1: milk },
      [],
      true,
    ]);
    sync.texts.set(1, JSON.stringify({ v: 1, id, name: 'create', key: 't1', args: 'milk', atMs: 1_000 }));
    sync.held.store = true;
    sync.dispatch({ type: 'inserted', id, number: 1 });
    expect([sync.sent(), sync.states(id)]).toEqual([[id], ['queued', 'sent']]);
    sync.change({ key: 't1', after: entryOf('t1', milk), ref: id });
    expect([sync.states(id).at(-1), sync.texts.size, sync.machine.state.pending]).toEqual([
      'confirmed',
      0,
      0,
    ]);
    expect(sync.machine.entries().get('t1')).toEqual({
      key: 't1',
      value: milk,
      pending: false,
      version: null,
    });
  });

  it('that was answered stays applied, also behind a reload, until its publication is here', () => {
    const texts = new Map<number, string>();
    const before = driveSync({}, texts);
    before.open();
    const id = before.mutate('create', 't1', 'milk');
    before.answer({ result: 'accepted', token: { key: 't1', version: 4 } });
    const sync = driveSync({}, texts);
    sync.open();
    expect([sync.view(), sync.sent(), sync.states(id)]).toEqual([{ t1: milk }, [], ['accepted']]);
    sync.change({ key: 't1', after: entryOf('t1', { title: 'old', done: false }, { version: 3 }) });
    expect(sync.view()).toEqual({ t1: milk });
    sync.change({ key: 't1', after: entryOf('t1', { title: 'newer', done: true }, { version: 5 }) });
    expect([sync.view(), sync.states(id).at(-1)]).toEqual([
      { t1: { title: 'newer', done: true } },
      'confirmed',
    ]);
  });

  it('whose publication never comes is let go of after a while in which the channel was live, and counted', () => {
    const sync = driveSync();
    sync.open();
    sync.change({ key: 't1', after: entryOf('t1', milk) });
    const id = sync.mutate('finish', 't1');
    sync.answer({ result: 'accepted' });
    sync.pass(29_999);
    sync.dispatch({ type: 'live', live: false });
    sync.pass(100_000);
    expect([sync.view(), sync.alarmInMs()]).toEqual([{ t1: drunk }, null]);
    sync.dispatch({ type: 'live', live: true });
    sync.pass(29_999);
    expect(sync.view()).toEqual({ t1: drunk });
    sync.pass(1);
    expect([sync.view(), sync.states(id).at(-1), sync.machine.state.settled]).toEqual([
      { t1: milk },
      'settled',
      1,
    ]);
  });

  it('that is rejected is rolled back with the reason, and those behind it are applied to what is left', () => {
    const sync = driveSync();
    sync.open();
    const first = sync.mutate('create', 't1', 'milk');
    const second = sync.mutate('create', 't1', 'bread');
    const third = sync.mutate('finish', 't1');
    sync.answer({ result: 'rejected', code: 'taken', message: 'there is one', data: 7 });
    expect(sync.rejection(first)).toEqual({
      code: 'rejected',
      detail: 'there is one',
      unknown: false,
      error: 'taken',
      data: 7,
    });
    expect([sync.view(), sync.sent()]).toEqual([{ t1: { title: 'bread', done: true } }, [first, second]]);
    sync.answer({ result: 'rejected', code: 'taken', message: '' });
    // What it rests on is gone: it is not sent.
    expect([sync.view(), sync.sent(), sync.rejection(third)]).toMatchObject([
      {},
      [first, second],
      { code: 'conflict', detail: 'no such task' },
    ]);
    expect(sync.texts.size).toBe(0);
  });

  it('that does not apply any more is left to the backend where it is under way, and waits while not everything is here', () => {
    const texts = new Map<number, string>();
    const before = driveSync({}, texts);
    before.change({ key: 't1', after: entryOf('t1', milk) });
    before.dispatch({ type: 'open' });
    const id = before.mutate('finish', 't1');
    const sync = driveSync({}, texts);
    sync.dispatch({ type: 'open' });
    expect([sync.view(), sync.states(id)]).toEqual([{}, ['queued']]);
    sync.change({ key: 't1', after: entryOf('t1', milk) });
    sync.open();
    expect([sync.view(), sync.sent()]).toEqual([{ t1: drunk }, [id]]);
    sync.change({ key: 't1', after: undefined, deleted: null });
    expect([sync.view(), sync.states(id).at(-1)]).toEqual([{}, 'sent']);
    sync.answer({ result: 'rejected', code: 'gone', message: '' });
    expect(sync.rejection(id)).toMatchObject({ code: 'rejected', error: 'gone' });
  });

  it('that throws when it is made is refused and changes nothing', () => {
    const sync = driveSync();
    sync.open();
    const id = sync.mutate('finish', 't9');
    expect([sync.view(), sync.sent(), sync.rejection(id)?.code, sync.texts.size]).toEqual([
      {},
      [],
      'conflict',
      0,
    ]);
  });

  it('of a deletion stays applied until the deletion is seen: by its ref, or by the key being gone', () => {
    for (const ref of ['m1', undefined]) {
      const sync = driveSync();
      sync.open();
      sync.change({ key: 't1', after: entryOf('t1', milk) });
      const id = sync.mutate('remove', 't1');
      sync.answer({ result: 'accepted' });
      sync.change({ key: 't1', after: entryOf('t1', drunk) });
      expect([sync.view(), sync.states(id).at(-1)]).toEqual([{}, 'accepted']);
      sync.change({ key: 't1', after: undefined, ref, deleted: null });
      expect([sync.view(), sync.states(id).at(-1)]).toEqual([{}, 'confirmed']);
    }
  });

  it('confirms those before it on its key that were answered, for their publications may have been left out', () => {
    const sync = driveSync();
    sync.open();
    const [first, other, second] = [
      sync.mutate('create', 't1', 'milk'),
      sync.mutate('create', 't2', 'x'),
      sync.mutate('finish', 't1'),
    ];
    sync.answer({ result: 'accepted' });
    sync.answer({ result: 'accepted' });
    sync.answer({ result: 'accepted' });
    sync.change({ key: 't1', after: entryOf('t1', drunk), ref: second });
    expect([first, other, second].map((id) => sync.states(id).at(-1))).toEqual([
      'confirmed',
      'accepted',
      'confirmed',
    ]);
  });

  it('beyond the count or the bytes that may wait is refused with `queue_full`, and one less is taken', () => {
    const sync = driveSync({ count: 2 });
    sync.mutate('create', 't1', 'a');
    expect(sync.states(sync.mutate('create', 't2', 'b'))).toEqual(['queued']);
    expect(sync.rejection(sync.mutate('create', 't3', 'c'))?.code).toBe('queue_full');
    expect(Object.keys(sync.view())).toEqual(['t1', 't2']);
    const bytes = Buffer.byteLength('{"v":1,"id":"m1","name":"create","key":"t1","args":"é","atMs":1000}');
    expect(driveSync({ bytes }).mutate('create', 't1', 'é')).toBe('m1');
    for (const [most, code] of [
      [bytes, undefined],
      [bytes - 1, 'queue_full'],
    ] as const) {
      const small = driveSync({ bytes: most });
      expect(small.rejection(small.mutate('create', 't1', 'é'))?.code).toBe(code);
    }
  });

  it('that the store does not take is rolled back with `storage_failed`', () => {
    const sync = driveSync();
    sync.held.store = false;
    const id = sync.mutate('create', 't1', 'milk');
    sync.dispatch({ type: 'insertFailed', id, detail: 'quota' });
    expect([sync.view(), sync.rejection(id)]).toMatchObject([
      {},
      { code: 'storage_failed', detail: 'quota' },
    ]);
  });
});

describe('sending', () => {
  it('is in order, one at a time; with an order for each key keys do not wait for each other', () => {
    for (const [order, at] of [
      ['all', [['m1'], ['m1', 'm2']]],
      [
        'key',
        [
          ['m1', 'm2'],
          ['m1', 'm2', 'm3'],
        ],
      ],
    ] as const) {
      const sync = driveSync({ order });
      sync.open();
      sync.mutate('create', 't1', 'a');
      sync.mutate('create', 't2', 'b');
      sync.mutate('finish', 't1');
      expect(sync.sent()).toEqual(at[0]);
      sync.answer({ result: 'accepted' }, 0);
      expect(sync.sent()).toEqual(at[1]);
    }
  });

  it('is tried again under the same id after pauses that double, or that the backend asks for; the line that comes back ends only its own', () => {
    const sync = driveSync();
    sync.open();
    const id = sync.mutate('create', 't1', 'a');
    const pauses: (number | null)[] = [];
    for (let n = 0; n < 12; n++) {
      sync.answer({ result: 'retry', reason: 'offline' });
      pauses.push(sync.alarmInMs());
      sync.pass(sync.alarmInMs()!);
    }
    expect(pauses).toEqual([20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_000, 20_000]);
    expect(new Set(sync.sent())).toEqual(new Set([id]));
    sync.answer({ result: 'retry', reason: 'offline' });
    const before = sync.sent().length;
    sync.dispatch({ type: 'online' });
    expect(sync.sent()).toHaveLength(before + 1);
    sync.answer({ result: 'retry', reason: 'busy', retryAfterMs: 60_000 });
    sync.dispatch({ type: 'online' });
    expect([sync.sent().length, sync.alarmInMs(), sync.machine.state.failure]).toEqual([
      before + 1,
      60_000,
      'busy',
    ]);
    sync.pass(60_000);
    sync.answer({ result: 'accepted' });
    expect([sync.states(id), sync.machine.state.failure]).toEqual([['queued', 'sent', 'accepted'], null]);
  });

  it('has failed no more once nothing waits: its publication was here before it could be sent again', () => {
    const sync = driveSync();
    sync.open();
    const id = sync.mutate('create', 't1', 'a');
    sync.answer({ result: 'retry', reason: 'answer lost' });
    expect(sync.machine.state.failure).toBe('answer lost');
    sync.change({ key: 't1', after: entryOf('t1', { title: 'a', done: false }), ref: id });
    expect([sync.machine.state.pending, sync.machine.state.failure]).toEqual([0, null]);
    const next = sync.mutate('finish', 't1');
    sync.pass(sync.alarmInMs() ?? 0);
    expect([sync.states(next), sync.machine.state.failure]).toEqual([['queued', 'sent'], null]);
  });

  it('is given up where the backend fails on one so many times, and goes on with the next', () => {
    const sync = driveSync({ failures: 3 });
    sync.open();
    const id = sync.mutate('create', 't1', 'a');
    const next = sync.mutate('create', 't2', 'b');
    for (let n = 0; n < 3; n++) {
      sync.answer({ result: 'retry', reason: 'http 500', failed: true });
      if (n < 2) sync.pass(sync.alarmInMs()!);
    }
    expect(sync.rejection(id)).toEqual({ code: 'outcome_unknown', detail: 'http 500', unknown: true });
    sync.pass(sync.alarmInMs()!);
    expect([sync.sent().at(-1), Object.keys(sync.view())]).toEqual([next, ['t2']]);
  });

  it('stops while the app wants no connection, and what was under way is sent again', () => {
    const sync = driveSync();
    sync.open();
    const id = sync.mutate('create', 't1', 'a');
    sync.dispatch({ type: 'running', running: false });
    sync.answer({ result: 'accepted' });
    expect(sync.states(id)).toEqual(['queued', 'sent']);
    sync.dispatch({ type: 'running', running: true });
    expect(sync.sent()).toEqual([id, id]);
  });

  it('looks at the store first where another tab may have put one before', () => {
    const sync = driveSync();
    sync.open();
    sync.texts.set(1, '{"v":1,"id":"other","name":"create","key":"t1","args":"theirs","atMs":1}');
    sync.held.store = false;
    const id = sync.mutate('create', 't1', 'mine');
    sync.texts.set(2, `{"v":1,"id":"${id}","name":"create","key":"t1","args":"mine","atMs":2}`);
    sync.held.store = true;
    sync.dispatch({ type: 'inserted', id, number: 2 });
    expect([sync.sent(), sync.view()]).toEqual([['other'], { t1: { title: 'mine', done: false } }]);
  });

  it('is in the order of the store, which is also that in which they are applied', () => {
    const sync = driveSync();
    sync.open();
    sync.held.store = false;
    const id = sync.mutate('create', 't1', 'mine');
    const theirs = '{"v":1,"id":"other","name":"create","key":"t1","args":"theirs","atMs":1}';
    sync.dispatch({ type: 'loaded', records: new Map([[2, theirs]]) });
    expect(sync.view()).toEqual({ t1: { title: 'mine', done: false } });
    sync.dispatch({ type: 'inserted', id, number: 1 });
    expect(sync.view()).toEqual({ t1: { title: 'theirs', done: false } });
  });

  it('does not take up again what has ended, where a look at the store is older, and clears it away', () => {
    const sync = driveSync();
    sync.open();
    const id = sync.mutate('create', 't1', 'milk');
    const records = new Map(sync.texts);
    sync.answer({ result: 'rejected', code: 'taken', message: '' });
    sync.texts.set(1, records.get(1)!);
    sync.dispatch({ type: 'loaded', records });
    expect([sync.view(), sync.sent(), sync.texts.size, sync.states(id).at(-1)]).toEqual([
      {},
      [id],
      0,
      'rejected',
    ]);
  });

  it('tells other tabs the version of the publication that confirmed it, and not of what came behind: they would wait for that too', () => {
    const texts = new Map([[1, '{"v":1,"id":"m1","name":"create","key":"t1","args":"milk","atMs":1}']]);
    const sync = driveSync({}, texts);
    sync.change({ key: 't1', after: entryOf('t1', milk, { version: 1 }), ref: 'm1' });
    sync.change({ key: 't1', after: entryOf('t1', drunk, { version: 2 }) });
    sync.open();
    expect(sync.messages).toEqual([
      { id: 'm1', state: 'confirmed', token: { key: 't1', version: 1 }, rejection: null },
    ]);
  });

  it('leaves records alone that it cannot read', () => {
    const texts = new Map([
      [1, '{"v":2,"id":"new"}'],
      [2, 'not json'],
      [3, '{"v":1,"id":7,"name":"create","key":"k","atMs":1}'],
      [4, '{"v":1,"id":"a","name":"unheard","key":"t1","args":1,"atMs":1}'],
    ]);
    const sync = driveSync({}, texts);
    sync.open();
    // A mutator of a later version of the app: its backend knows it.
    expect([sync.sent(), sync.view(), sync.texts.size]).toEqual([['a'], {}, 4]);
  });
});

describe('the app’s own snapshot', () => {
  const theirs = (key: string, version?: number, value = `app ${key}`) => ({ key, value, version });

  it('fills what the channel does not hold; of a key in both the higher version counts, else the channel’s', () => {
    const sync = driveSync({ snapshot: true });
    sync.change({ key: 'a', after: entryOf('a', 'channel a', { version: 5 }) });
    sync.change({ key: 'b', after: entryOf('b', 'channel b', { version: 5 }) });
    sync.change({ key: 'c', after: entryOf('c', 'channel c') });
    sync.open();
    expect(sync.machine.state.status).toBe('loading');
    sync.dispatch({ type: 'reading' });
    sync.change({ key: 'gone', after: undefined, deleted: null });
    sync.dispatch({
      type: 'snapshot',
      entries: [theirs('a', 4), theirs('b', 6), theirs('c', 9), theirs('d'), theirs('gone', 9)],
    });
    expect(sync.view()).toEqual({ a: 'channel a', b: 'app b', c: 'channel c', d: 'app d' });
    expect(sync.machine.state.status).toBe('live');
    sync.change({ key: 'd', after: undefined, deleted: null });
    sync.change({ key: 'b', after: entryOf('b', 'channel b', { version: 7 }) });
    expect(sync.view()).toEqual({ a: 'channel a', b: 'channel b', c: 'channel c' });
  });

  it('is asked for again when the channel was not recovered by replay, and nothing is missing in between', () => {
    const sync = driveSync({ snapshot: true });
    sync.open();
    sync.dispatch({ type: 'reading' }, { type: 'snapshot', entries: [theirs('a', 1), theirs('b', 1)] });
    const before = entryOf('c', 'channel c', { version: 2 });
    sync.change({ key: 'c', after: before });
    sync.dispatch({ type: 'live', live: false }, { type: 'lost' });
    // The server came back with nothing in its memory.
    sync.change({ key: 'c', before, after: undefined });
    sync.dispatch({ type: 'live', live: true }, { type: 'reading' });
    expect([Object.keys(sync.view()), sync.machine.state.status]).toEqual([['a', 'b', 'c'], 'stale']);
    sync.dispatch({ type: 'snapshot', entries: [theirs('b', 1), theirs('c', 2)] });
    expect([sync.view(), sync.machine.state.status]).toEqual([{ b: 'app b', c: 'app c' }, 'live']);
  });
});

describe('a logout', () => {
  it('forgets and erases everything, here and in other tabs', () => {
    const sync = driveSync();
    sync.open();
    sync.change({ key: 't0', after: entryOf('t0', milk) });
    const [sent, queued] = [sync.mutate('create', 't1', 'a'), sync.mutate('create', 't2', 'b')];
    sync.dispatch({ type: 'forget', code: 'logged_out' });
    expect([sync.view(), sync.texts.size, sync.machine.items()]).toEqual([{}, 0, []]);
    expect([sent, queued].map((id) => [sync.states(id).at(-1), sync.rejection(id)])).toEqual([
      ['cancelled', { code: 'logged_out', detail: '', unknown: true }],
      ['cancelled', { code: 'logged_out', detail: '', unknown: false }],
    ]);
    expect(sync.messages.at(-1)).toEqual({ erased: 'logged_out' });
    const other = driveSync();
    other.open();
    other.mutate('create', 't1', 'a');
    other.dispatch({ type: 'heard', message: { erased: 'logged_out' } });
    expect([other.view(), other.machine.items()]).toEqual([{}, []]);
  });

  it('gives nothing of the former user back where the app has a snapshot', () => {
    const sync = driveSync({ snapshot: true });
    const before = entryOf('t0', milk);
    sync.change({ key: 't0', after: before });
    sync.open();
    sync.dispatch({ type: 'reading' }, { type: 'snapshot', entries: [] });
    sync.dispatch({ type: 'forget', code: 'logged_out' });
    sync.change({ key: 't0', before, after: undefined });
    expect(sync.view()).toEqual({});
  });
});
