import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChannelsDriver, driveChannels } from './channels-driver.ts';

const entry = (k: string, o: number, d: unknown = `${k}@${o}`): object => ({ k, o, d, ts: 5, by: 'bob' });
const set = (k: string, o: number): object => ({
  t: 'p',
  c: 'tasks',
  k,
  o,
  d: `${k}@${o}`,
  ts: 6,
  by: 'bob',
});
const del = (k: string, o: number): object => ({ t: 'p', c: 'tasks', k, o, del: true });

/** The map as the app sees it. */
function view(driver: ChannelsDriver): Record<string, unknown> {
  return Object.fromEntries([...driver.channels.entries('tasks')].map(([key, { value }]) => [key, value]));
}

/** Subscribed at offset 10 with this first page. */
function mapped(es: object[], next?: string): ChannelsDriver {
  const driver = driveChannels();
  driver.live();
  driver.subscribe('tasks', undefined, 'map');
  driver.receive({
    t: 'ok',
    i: driver.takeOne('sub')['i'],
    e: 'e1',
    o: 10,
    es,
    ...(next === undefined ? {} : { next }),
  });
  return driver;
}

/** The line drops and comes back; @returns the `sub` */
function reconnect(driver: ChannelsDriver): Record<string, unknown> {
  driver.down();
  driver.live();
  return driver.takeOne('sub');
}

describe('the snapshot of a map', () => {
  it('[MAP1] is read in pages behind the first, and then complete', () => {
    const driver = driveChannels();
    driver.live();
    driver.subscribe('tasks', undefined, 'map');
    const { i, ...sub } = driver.takeOne('sub');
    expect(sub).toEqual({ t: 'sub', c: 'tasks', n: 1000 });
    driver.receive({ t: 'ok', i, e: 'e1', o: 10, es: [entry('a', 1), entry('b', 9)], next: 'b' });
    expect([driver.status('tasks'), driver.takeAll('complete')]).toEqual(['replaying', []]);
    const { i: second, ...page } = driver.takeOne('page');
    expect(page).toEqual({ t: 'page', c: 'tasks', k: 'b', n: 1000 });
    driver.receive({ t: 'ok', i: second, e: 'e1', o: 10, es: [entry('c', 3)] });
    expect(view(driver)).toEqual({ a: 'a@1', b: 'b@9', c: 'c@3' });
    expect([driver.status('tasks'), driver.takeAll('complete').length, driver.takeSent()]).toEqual([
      'live',
      1,
      [],
    ]);
  });

  it('tells what changed, page by page', () => {
    const driver = mapped([{ ...entry('a', 1), ver: 4 }], 'a');
    driver.receive(set('a', 11));
    const changes = driver.takeAll('changes').map((told) => told.changes);
    const first = { key: 'a', value: 'a@1', offset: 1, atMs: 5, by: 'bob', version: 4 };
    const second = { key: 'a', value: 'a@11', offset: 11, atMs: 6, by: 'bob', version: null };
    expect(changes).toEqual([
      [{ key: 'a', before: undefined, after: first }],
      [{ key: 'a', before: first, after: second }],
    ]);
    expect(driver.channels.entries('tasks').get('a'), 'the same object').toBe(changes[1]![0]!.after);
  });

  it('[MAP2] a page that was read before a publication does not undo it', () => {
    const driver = mapped([entry('a', 1)], 'a');
    const { i } = driver.takeOne('page');
    driver.receive(set('c', 11), { t: 'ok', i, e: 'e1', o: 10, es: [entry('b', 2), entry('c', 3)] });
    expect(view(driver)).toEqual({ a: 'a@1', b: 'b@2', c: 'c@11' });
  });

  it('[MAP2] a page that was read behind a publication that is still to come is not undone by it', () => {
    const driver = mapped([entry('a', 1)], 'a');
    driver.receive({ t: 'ok', i: driver.takeOne('page')['i'], e: 'e1', o: 12, es: [entry('c', 12)] });
    driver.receive(set('c', 11));
    expect(view(driver)['c']).toBe('c@12');
    driver.receive(set('c', 12), set('c', 13));
    expect(view(driver)['c']).toBe('c@13');
  });

  it('[MAP2] a deletion counts until the last page is read, and not longer', () => {
    const driver = mapped([entry('a', 1)], 'a');
    driver.receive(del('a', 11), del('c', 12));
    const first = driver.takeOne('page');
    driver.receive({ t: 'ok', i: first['i'], e: 'e1', o: 10, es: [entry('b', 2), entry('c', 3)], next: 'c' });
    expect(view(driver)).toEqual({ b: 'b@2' });
    driver.receive({ t: 'ok', i: driver.takeOne('page')['i'], e: 'e1', o: 12, es: [] }, set('c', 13));
    expect(view(driver)).toEqual({ b: 'b@2', c: 'c@13' });
  });

  it('[PUB8] tells what a change answers, of pages, of live publications and of deletions', () => {
    const driver = mapped([{ ...entry('a', 1), ref: 'm1' }, entry('b', 2)]);
    driver.receive({ ...set('b', 11), ref: 'm2' }, { ...del('a', 12), ref: 'm3' }, set('b', 13));
    const changes = driver.takeAll('changes').flatMap((told) => told.changes);
    expect(changes.map(({ key, ref, after }) => [key, ref, after?.ref])).toEqual([
      ['a', 'm1', 'm1'],
      ['b', undefined, undefined],
      ['b', 'm2', 'm2'],
      ['a', 'm3', undefined],
      ['b', undefined, undefined],
    ]);
    expect(driver.channels.entries('tasks').get('b')).toMatchObject({ offset: 13, ref: undefined });
  });

  it('[PUB8] tells what a publication answers also where it changes nothing: a newer page overtook it', () => {
    const driver = mapped([entry('a', 1)], 'a');
    driver.receive({
      t: 'ok',
      i: driver.takeOne('page')['i'],
      e: 'e1',
      o: 13,
      es: [entry('b', 13)],
    });
    driver.takeTold();
    const late = { ...set('b', 11), ref: 'm1' };
    driver.receive(late, { ...del('b', 12), ref: 'm2' }, set('b', 13), { ...del('z', 14), ref: 'm3' });
    const changes = driver.takeAll('changes').flatMap((told) => told.changes);
    expect(changes.map(({ key, before, after, ref }) => [key, before?.value, after?.value, ref])).toEqual([
      ['b', 'b@13', 'b@13', 'm1'],
      ['b', 'b@13', 'b@13', 'm2'],
      ['z', undefined, undefined, 'm3'],
    ]);
  });

  it('[MAP4] a key that ran out goes like one that was deleted', () => {
    const driver = mapped([entry('a', 1)]);
    driver.takeTold();
    driver.receive(del('a', 11), del('z', 12));
    expect(driver.takeAll('changes').flatMap(({ changes }) => changes)).toMatchObject([
      { key: 'a', after: undefined, deleted: null },
      // Told within the SDK, for whoever knows it from elsewhere.
      { key: 'z', before: undefined, after: undefined, deleted: null },
    ]);
  });

  it('of a server that sends no entries with the ok, is read from the first page', () => {
    const driver = driveChannels();
    driver.live();
    driver.subscribe('tasks', undefined, 'map');
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 10 });
    expect(driver.takeOne('page')).not.toHaveProperty('k');
  });

  it('[ERR1] a page that is refused for now is asked for behind a new sub', () => {
    const driver = mapped([entry('a', 1)], 'a');
    driver.receive({
      t: 'err',
      i: driver.takeOne('page')['i'],
      code: 'unavailable',
      m: '',
      retryAfterMs: 500,
    });
    expect(driver.status('tasks')).toBe('waiting');
    driver.advance(3000);
    const { i, o } = driver.takeOne('sub');
    expect(o).toBe(10);
    driver.receive({ t: 'ok', i, e: 'e1', o: 10, rec: true });
    expect(driver.takeOne('page')).toMatchObject({ k: 'a' });
  });

  it('a page that is refused for good ends the subscription', () => {
    const driver = mapped([entry('a', 1)], 'a');
    driver.receive({ t: 'err', i: driver.takeOne('page')['i'], code: 'forbidden', m: '' });
    expect(driver.status('tasks')).toBe('failed');
  });
});

describe('a map over reconnects', () => {
  it('[REC1] is told only what changed', () => {
    const driver = mapped([entry('a', 1), entry('b', 2)]);
    const { i, ...sub } = reconnect(driver);
    expect(sub).toEqual({ t: 'sub', c: 'tasks', e: 'e1', o: 10 });
    driver.takeTold();
    driver.receive({ t: 'ok', i, e: 'e1', o: 12, rec: true });
    driver.receive({
      t: 'ps',
      c: 'tasks',
      ps: [
        { o: 11, k: 'b', del: true },
        { o: 12, k: 'c', d: 'new' },
      ],
    });
    expect(view(driver)).toEqual({ a: 'a@1', c: 'new' });
    expect([driver.status('tasks'), driver.takeSent(), driver.takeAll('complete')]).toEqual(['live', [], []]);
  });

  it('[MAP2] goes on with the page it was at', () => {
    const driver = mapped([entry('a', 1)], 'a');
    driver.takeOne('page');
    const { i } = reconnect(driver);
    driver.receive({ t: 'ok', i, e: 'e1', o: 11, rec: true });
    driver.receive({ t: 'ps', c: 'tasks', ps: [{ o: 11, k: 'a', d: 'newer' }] });
    const page = driver.takeOne('page');
    expect(page['k']).toBe('a');
    driver.receive({ t: 'ok', i: page['i'], e: 'e1', o: 11, es: [entry('b', 2)] });
    expect([view(driver), driver.status('tasks')]).toEqual([{ a: 'newer', b: 'b@2' }, 'live']);
  });

  it('[REC1] that is not recovered is read anew; what was known is shown until it is replaced', () => {
    const driver = mapped([entry('a', 8), entry('b', 9), entry('c', 10)]);
    const { i } = reconnect(driver);
    driver.takeTold();
    driver.receive({ t: 'ok', i, e: 'e2', o: 3, rec: false, why: 'epoch' });
    expect(driver.takeAll('lost')).toHaveLength(1);
    expect(Object.keys(view(driver))).toEqual(['a', 'b', 'c']);
    const page = driver.takeOne('page');
    expect(page).not.toHaveProperty('k');
    // Offsets of another epoch: lower, and newer all the same.
    driver.receive(del('b', 4), { t: 'ok', i: page['i'], e: 'e2', o: 3, es: [entry('a', 1), entry('b', 2)] });
    expect(view(driver)).toEqual({ a: 'a@1' });
    expect(driver.takeAll('complete')).toHaveLength(1);
    expect(
      driver
        .takeAll('changes')
        .flatMap(({ changes }) => changes.map(({ key, after }) => [key, after?.offset])),
    ).toEqual([
      ['b', undefined],
      ['a', 1],
      ['c', undefined],
    ]);
  });

  it('[REC6] of which publications were dropped is read anew, behind a sub with the new position', () => {
    for (const why of ['dropped', 'epoch']) {
      const driver = mapped([entry('a', 8), entry('b', 9)]);
      driver.receive({ t: 'gap', c: 'tasks', why, ...(why === 'epoch' ? { e: 'e2' } : {}), o: 20 });
      const { i, e, o } = driver.takeOne('sub');
      expect([e, o]).toEqual([why === 'epoch' ? 'e2' : 'e1', 20]);
      driver.receive({ t: 'ok', i, e, o: 20, rec: true });
      const page = driver.takeOne('page');
      driver.receive({ t: 'ok', i: page['i'], e, o: 20, es: [entry('b', 19)] });
      expect([view(driver), driver.takeAll('lost').length]).toEqual([{ b: 'b@19' }, 1]);
    }
  });

  it('[REC6] whose publications were conflated is complete', () => {
    const driver = mapped([entry('a', 8)]);
    driver.receive({ t: 'gap', c: 'tasks', why: 'conflated', o: 12 }, set('a', 13));
    expect([view(driver), driver.takeSent(), driver.takeAll('lost')]).toEqual([{ a: 'a@13' }, [], []]);
  });

  it('a page of another epoch, or of a snapshot that was given up, is passed over', () => {
    const driver = mapped([entry('a', 1)], 'a');
    const old = driver.takeOne('page');
    driver.receive({ t: 'gap', c: 'tasks', why: 'dropped', o: 20 });
    driver.receive({ t: 'ok', i: driver.takeOne('sub')['i'], e: 'e1', o: 20, rec: true });
    const anew = driver.takeOne('page');
    driver.receive({ t: 'ok', i: old['i'], e: 'e1', o: 10, es: [entry('gone', 3)] });
    driver.receive({ t: 'ok', i: anew['i'], e: 'e2', o: 1, es: [entry('other', 1)] });
    expect([view(driver), driver.status('tasks')]).toEqual([{ a: 'a@1' }, 'replaying']);
  });

  it('is forgotten by unsubscribing and by a logout, and the app is told so', () => {
    for (const end of [
      { type: 'unsubscribe', channel: 'tasks' },
      { type: 'forget', code: 'logged_out' },
    ] as const) {
      const driver = mapped([entry('a', 1)]);
      driver.takeTold();
      driver.dispatch(end);
      expect(driver.takeAll('changes')).toMatchObject([{ changes: [{ key: 'a', after: undefined }] }]);
      expect(view(driver)).toEqual({});
    }
  });
});

/** A map on a server: what was published, the latest of each key, and where a client stands in reading it. */
type Model = { readonly log: { readonly key: string; readonly gone: boolean }[]; sent: number };

function entriesBehind(model: Model, after: string | undefined): object[] {
  const latest = new Map<string, object>();
  model.log.forEach(({ key, gone }, index) => {
    if (gone) latest.delete(key);
    else latest.set(key, entry(key, index + 1));
  });
  return [...latest]
    .filter(([key]) => after === undefined || key > after)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, it]) => it);
}

describe('any order of pages and publications', () => {
  it('[MAP1] [MAP2] ends with the map that the server has', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('publish'),
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        gone: fc.boolean(),
      }),
      fc.constantFrom({ do: 'deliver' }, { do: 'page' }, { do: 'answer' }, { do: 'cut' }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.array(step, { maxLength: 10 }),
        (steps, before) => {
          const model: Model = { log: [], sent: 0 };
          const publish = (each: object): void => {
            if ('key' in each) model.log.push(each as Model['log'][number]);
          };
          before.forEach(publish);
          const driver = driveChannels();
          driver.live();
          driver.subscribe('tasks', undefined, 'map');
          /** Pages that were read and are still on their way. */
          let read: object[] = [];

          const page = (after: string | undefined): object => {
            const es = entriesBehind(model, after).slice(0, 2);
            const more = entriesBehind(model, after).length > 2;
            const last = es.at(-1) as { k: string } | undefined;
            return { e: 'e1', o: model.log.length, es, ...(more ? { next: last!.k } : {}) };
          };
          const answer = (): void => {
            for (const { t, i, o, k } of driver.takeSent()) {
              if (t === 'page') read.push({ t: 'ok', i, ...page(k as string | undefined) });
              else if (o === undefined) {
                model.sent = model.log.length;
                driver.receive({ t: 'ok', i, ...page(undefined) });
              } else {
                model.sent = model.log.length;
                driver.receive({ t: 'ok', i, e: 'e1', o: model.sent, rec: true });
                const missed = model.log
                  .slice(o as number)
                  .map((item, index) => body(item, (o as number) + index + 1));
                driver.receive({ t: 'ps', c: 'tasks', ps: missed });
              }
            }
          };
          const deliver = (): void => {
            const item = model.log[model.sent];
            if (item === undefined || driver.status('tasks') === 'subscribing') return;
            driver.receive({ t: 'p', c: 'tasks', ...body(item, ++model.sent) });
          };
          for (const each of steps) {
            publish(each);
            if (each.do === 'deliver') deliver();
            if (each.do === 'page') answer();
            if (each.do === 'answer') driver.receive(...read.splice(0, 1));
            if (each.do === 'cut') {
              driver.down();
              read = [];
              driver.live();
            }
          }
          for (let round = 0; round < 40; round++) {
            answer();
            driver.receive(...read.splice(0));
            deliver();
          }
          expect(driver.status('tasks')).toBe('live');
          const expected = entriesBehind(model, undefined) as { k: string; d: unknown }[];
          expect(view(driver)).toEqual(Object.fromEntries(expected.map(({ k, d }) => [k, d])));
          const seen = new Map<string, unknown>();
          for (const { changes } of driver.takeAll('changes'))
            for (const { key, before: was, after } of changes) {
              expect(was?.value, 'each change leads on from the one before').toEqual(seen.get(key));
              if (after === undefined) seen.delete(key);
              else seen.set(key, after.value);
            }
          expect(Object.fromEntries(seen)).toEqual(view(driver));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

function body({ key, gone }: Model['log'][number], o: number): object {
  return gone ? { k: key, o, del: true } : entry(key, o);
}
