import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../../src/adapters/memory/broker.ts';
import { createMemoryLog } from '../../../src/adapters/memory/log.ts';
import { silentTelemetry } from '../../../src/adapters/memory/silent-telemetry.ts';
import type { ChannelSpec } from '../../../src/core/channel/channel-spec.ts';
import { compilePatterns } from '../../../src/core/channel/patterns.ts';
import type { FeedEvent } from '../../../src/core/intake/decode-event.ts';
import type { Append, Log } from '../../../src/ports/log.ts';
import type { PoisonCode, SourceEvent } from '../../../src/ports/source.ts';
import { storeUnavailable } from '../../../src/ports/unavailable.ts';
import { createPublisher } from '../../../src/runtime/channels/publishing.ts';
import type { FeedTopic } from '../../../src/runtime/intake/feeds.ts';
import { createIntake } from '../../../src/runtime/intake/intake.ts';
import { channelSpec } from '../channels/channel-harness.ts';
import { createVirtualClock } from '../virtual-clock.ts';

type Task = { readonly id?: string; readonly user: string; readonly task: string; readonly n: number };

const TASKS: FeedTopic = {
  validate: null,
  map: (event) => {
    const { user, task, n } = event.data as Task;
    return { channel: 'tasks:{user}', params: { user }, key: task, value: n };
  },
  unknown: 'drop',
  ids: 'event',
};

type SceneOptions = {
  readonly topic?: Partial<FeedTopic>;
  readonly spec?: Partial<ChannelSpec>;
  /** Whether the log refuses an append, of which it is told. */
  readonly refuses?: (append: Append) => boolean;
};

function openScene({ topic = {}, spec = {}, refuses = () => false }: SceneOptions = {}) {
  const clock = createVirtualClock();
  const kept = createMemoryLog({ newEpoch: () => 'e' });
  const log: Log = {
    ...kept,
    // Later, as a log does that is not in process.
    async append(append) {
      await Promise.resolve();
      if (refuses(append)) throw storeUnavailable('out of reach');
      return kept.append(append);
    },
  };
  const results: string[] = [];
  const ports = {
    broker: createMemoryBroker(),
    clock,
    logs: { memory: log, replicated: log, stored: log },
    telemetry: {
      ...silentTelemetry,
      feedEvent: (source: string, of: string, result: string) =>
        void results.push(`${source} ${of} ${result}`),
    },
  };
  const channels = [
    channelSpec('tasks:{user}', { kind: 'map', ...spec }),
    channelSpec('audit'),
    channelSpec('cursor', { kind: 'signal' }),
  ];
  const publisher = createPublisher(
    { ports },
    () => false,
    () => undefined,
  );
  const intake = createIntake(
    {
      ports,
      settings: { feeds: { topics: new Map([['task-updates', { ...TASKS, ...topic }]]), eventBytes: 1_000 } },
    },
    compilePatterns(channels),
    publisher,
  );
  const entries = (channel: string): Record<string, unknown> => {
    const page = kept.entries(channel, null, 1_000);
    if (page instanceof Promise) throw new Error('the memory log answers at once');
    return Object.fromEntries(page.entries.map(({ key, data }) => [key, JSON.parse(data)]));
  };
  const history = (channel: string): readonly { key: string | null; data: unknown }[] => {
    const query = { offset: null, reverse: false, limit: 1_000, sinceMs: null };
    const page = kept.history(channel, query, channels[0]!.retention, clock.nowMs());
    if (page instanceof Promise) throw new Error('the memory log answers at once');
    return page.publications.map(({ key, data }) => ({
      key,
      data: data === null ? null : (JSON.parse(data) as unknown),
    }));
  };
  return { clock, intake, entries, history, results };
}

function event(data: unknown, changes: Partial<SourceEvent> = {}): SourceEvent {
  return {
    source: 'kafka',
    topic: 'task-updates',
    place: 'task-updates/0@1',
    lane: 'task-updates/0',
    key: null,
    headers: {},
    id: null,
    atMs: null,
    content: { kind: 'value', value: data },
    ...changes,
  };
}

const first = { id: 'e1', user: 'alice', task: 't1', n: 1 };

describe('the intake', () => {
  it('keeps what an event was mapped to, and knows the event again', async () => {
    const { intake, entries, results } = openScene();
    expect(await intake.take(event(first))).toEqual({ result: 'applied', duplicate: false });
    expect(await intake.take(event({ ...first, n: 2 }))).toEqual({ result: 'applied', duplicate: true });
    expect(entries('tasks:alice')).toEqual({ t1: 1 });
    expect(results).toEqual(['kafka task-updates applied', 'kafka task-updates duplicate']);
  });

  it('an older version of a key changes nothing, and the event is done', async () => {
    const { intake, entries } = openScene({
      topic: {
        map: ({ data }) => {
          const { user, task, n } = data as Task;
          return { channel: 'tasks:{user}', params: { user }, key: task, value: n, version: n };
        },
      },
    });
    for (const n of [3, 2, 4]) await intake.take(event({ ...first, id: `e${n}`, n }));
    expect(entries('tasks:alice')).toEqual({ t1: 4 });
  });

  it('keeps all publications of an event, each known again by itself', async () => {
    const map = ({ data }: FeedEvent) => {
      const { user, task, n } = data as Task;
      return [
        { channel: 'tasks:{user}', params: { user }, key: task, value: n },
        { channel: 'tasks:{user}', params: { user }, key: `${task}b`, value: n },
        { channel: 'audit', value: task },
      ];
    };
    let refused = 0;
    const { intake, entries, history, clock } = openScene({
      topic: { map },
      refuses: ({ channel }) => channel === 'audit' && ++refused === 1,
    });
    const verdict = intake.take(event(first));
    await clock.advance(1_000);
    expect(await verdict).toEqual({ result: 'applied', duplicate: false });
    expect(await intake.take(event(first))).toEqual({ result: 'applied', duplicate: true });
    expect(entries('tasks:alice')).toEqual({ t1: 1, t1b: 1 });
    expect(history('audit')).toHaveLength(1);
    expect(refused).toBe(3);
  });

  it('a deletion deletes', async () => {
    const { intake, entries } = openScene({
      topic: {
        map: ({ data }) => {
          const { user, task, n } = data as Task;
          const key = { channel: 'tasks:{user}', params: { user }, key: task };
          return n === 0 ? { ...key, delete: true } : { ...key, value: n };
        },
      },
    });
    await intake.take(event(first));
    await intake.take(event({ ...first, id: 'e2', n: 0 }));
    expect(entries('tasks:alice')).toEqual({});
  });

  it('two topics may have events of the same id', async () => {
    const { intake, results } = openScene();
    await intake.take(event(first));
    expect(await intake.take(event(first, { topic: 'other' }))).toMatchObject({ code: 'event_unknown' });
    expect(results.at(-1)).toBe('kafka  event_unknown');
  });

  it('an id may be the place, and then another place is another event', async () => {
    const { intake } = openScene({ topic: { ids: 'place' } });
    const nameless = { user: 'alice', task: 't1', n: 1 };
    expect(await intake.take(event(nameless))).toMatchObject({ duplicate: false });
    expect(await intake.take(event(nameless))).toMatchObject({ duplicate: true });
    expect(await intake.take(event(nameless, { place: 'task-updates/0@2' }))).toMatchObject({
      duplicate: false,
    });
  });
});

describe('an event that can never be applied', () => {
  const refuses: [string, SceneOptions, Partial<SourceEvent>, PoisonCode][] = [];
  function poison(
    what: string,
    code: PoisonCode,
    scene: SceneOptions,
    changes: Partial<SourceEvent> = {},
  ): void {
    refuses.push([what, scene, changes, code]);
  }
  const on = (fields: object): SceneOptions => ({
    topic: {
      map: () => ({ channel: 'tasks:{user}', params: { user: 'alice' }, key: 't', value: 1, ...fields }),
    },
  });
  poison('of a topic that nothing is mapped for', 'event_unknown', {}, { topic: 'nobody' });
  poison(
    'too large',
    'event_too_large',
    {},
    {
      content: { kind: 'bytes', bytes: new Uint8Array(1_001), type: null },
    },
  );
  poison(
    'no JSON',
    'event_unreadable',
    {},
    {
      content: { kind: 'bytes', bytes: new TextEncoder().encode('{'), type: null },
    },
  );
  poison(
    'without an id',
    'event_id_missing',
    {},
    { content: { kind: 'value', value: { ...first, id: null } } },
  );
  poison(
    'with an id without end',
    'event_id_missing',
    {},
    { id: 'x'.repeat(513), content: { kind: 'value', value: { ...first, id: undefined } } },
  );
  poison('refused by the schema', 'event_invalid', {
    topic: { validate: () => ({ ok: false, path: '/user', detail: 'expected a text' }) },
  });
  poison('that the mapping throws at', 'mapping_failed', {
    topic: {
      map: () => {
        throw new Error('no such thing');
      },
    },
  });
  poison('that the mapping does not know, and somebody wants to be told', 'event_unknown', {
    topic: { map: () => null, unknown: 'dead-letter' },
  });
  poison('mapped to nothing sensible', 'publication_invalid', { topic: { map: () => 5 } });
  poison('mapped to a promise', 'publication_invalid', { topic: { map: async () => [] } });
  // Heard by nobody they would end the process.
  const rejected = (): Promise<never> => Promise.reject(new Error('a mapping answers at once'));
  poison('mapped to a promise that is rejected', 'publication_invalid', { topic: { map: rejected } });
  poison('mapped to a list with one', 'publication_invalid', { topic: { map: () => [rejected()] } });
  poison('mapped to what throws when it is looked at', 'mapping_failed', {
    topic: {
      map: () => ({
        get channel(): string {
          throw new Error('no such thing');
        },
      }),
    },
  });
  poison(
    'mapped to a channel that the contract does not have',
    'publication_invalid',
    on({ channel: 'chat:{user}' }),
  );
  poison('mapped to a user without a name', 'publication_invalid', on({ params: { user: '' } }));
  poison('mapped to a user that is no text', 'publication_invalid', on({ params: { user: 5 } }));
  poison('mapped to no key', 'publication_invalid', on({ key: undefined }));
  poison('mapped to a key that is too long', 'publication_invalid', on({ key: 'k'.repeat(256) }));
  poison('mapped to a value and a deletion', 'publication_invalid', on({ delete: true }));
  poison('mapped to neither', 'publication_invalid', on({ value: undefined }));
  poison('mapped to a version that is none', 'publication_invalid', on({ version: 1.5 }));
  poison('mapped to a time to live that is none', 'publication_invalid', on({ ttlMs: -1 }));
  poison('mapped to a ref that is too long', 'publication_invalid', on({ ref: 'r'.repeat(129) }));
  poison('mapped to a field that there is not', 'publication_invalid', on({ verison: 1 }));
  poison('mapped to a signal', 'publication_invalid', {
    topic: { map: () => ({ channel: 'cursor', value: 1 }) },
  });
  poison('mapped to what the channel’s schema refuses', 'publication_invalid', {
    spec: { validate: () => ({ ok: false, path: '', detail: 'no' }) },
  });
  poison('mapped to too large a value', 'publication_invalid', on({ value: 'v'.repeat(1_001) }));
  poison('mapped to too many publications', 'publication_invalid', {
    topic: { map: () => Array.from({ length: 101 }, () => ({ channel: 'audit', value: 1 })) },
  });

  it.each(refuses)(
    'is poison, with a reason, and nothing of it is kept: %s',
    async (_, options, changes, code) => {
      const { intake, entries, history } = openScene(options);
      const verdict = await intake.take(event(first, changes));
      expect(verdict).toMatchObject({ result: 'poison', code });
      expect((verdict as { detail: string }).detail.length).toBeGreaterThan(10);
      expect([entries('tasks:alice'), history('audit')]).toEqual([{}, []]);
    },
  );

  it('of several publications none is kept where one of them is refused', async () => {
    const { intake, history } = openScene({
      topic: {
        map: () => [
          { channel: 'audit', value: 1 },
          { channel: 'nobody', value: 1 },
        ],
      },
    });
    expect(await intake.take(event(first))).toMatchObject({ code: 'publication_invalid' });
    expect(history('audit')).toEqual([]);
  });

  it('a map that is full refuses it for good, and what else it was mapped to is kept', async () => {
    const { intake, history } = openScene({
      topic: {
        map: ({ data }) => [
          { channel: 'tasks:{user}', params: { user: 'alice' }, key: (data as Task).task, value: 1 },
          { channel: 'audit', value: 1 },
        ],
      },
      spec: { retention: { ...channelSpec('x').retention, keys: 1 } },
    });
    expect(await intake.take(event(first))).toMatchObject({ result: 'applied' });
    expect(await intake.take(event({ ...first, id: 'e2', task: 't2' }))).toMatchObject({
      result: 'poison',
      code: 'limit_reached',
    });
    expect(history('audit')).toHaveLength(2);
  });

  it('an event that the mapping does not know, or wants nothing of, is ignored', async () => {
    for (const returned of [null, undefined, []]) {
      const { intake } = openScene({ topic: { map: () => returned } });
      expect(await intake.take(event(first))).toEqual({ result: 'ignored' });
    }
  });
});

describe('a log that does not take it', () => {
  it('is asked again until it does, while other channels go on and the own one waits', async () => {
    let isDown = true;
    const { intake, clock, history } = openScene({
      refuses: ({ channel }) => isDown && channel === 'tasks:alice',
    });
    const done: string[] = [];
    const bring = (id: string, user: string): void => {
      void intake.take(event({ ...first, id, user, task: id })).then(() => done.push(id));
    };
    bring('a1', 'alice');
    bring('a2', 'alice');
    bring('b1', 'bob');
    await clock.advance(60_000);
    expect(done).toEqual(['b1']);
    isDown = false;
    bring('a3', 'alice');
    await clock.advance(5_000);
    expect(done).toEqual(['b1', 'a1', 'a2', 'a3']);
    expect(history('tasks:alice').map(({ key }) => key)).toEqual(['a1', 'a2', 'a3']);
    expect(clock.timers).toBe(0);
  });

  it('whoever brought it may give up, also before the first attempt, and no timer stays behind', async () => {
    const { intake, clock } = openScene({ refuses: () => true });
    const patience = new AbortController();
    const verdict = intake.take(event(first), patience.signal);
    await clock.advance(150);
    patience.abort();
    expect(await verdict).toMatchObject({ result: 'unavailable', retryAfterMs: expect.any(Number) });
    expect(clock.timers).toBe(0);
    expect(await intake.take(event(first), AbortSignal.abort())).toMatchObject({ result: 'unavailable' });
  });

  it('whoever has a deadline is answered at it, also behind one that has none, and is not kept later', async () => {
    let isDown = true;
    const { intake, clock, history } = openScene({ refuses: () => isDown });
    const patient = intake.take(event(first));
    const deadline = new AbortController();
    const behind = [
      intake.take(event({ ...first, id: 'e2' }), deadline.signal),
      intake.take(event({ ...first, id: 'e3' }, { lane: 'another' }), deadline.signal),
    ];
    await clock.advance(1_000);
    expect(intake.waiting).toBe(2);
    deadline.abort();
    for (const verdict of await Promise.all(behind)) expect(verdict).toMatchObject({ result: 'unavailable' });
    // The log may be away for hours, and whoever has a deadline comes again and again.
    expect(intake.waiting).toBe(0);
    isDown = false;
    await clock.advance(10_000);
    expect(await patient).toMatchObject({ result: 'applied' });
    expect(history('tasks:alice')).toHaveLength(1);
  });

  it('at the end of the node what waits is answered, and so is what comes', async () => {
    const { intake, clock } = openScene({ refuses: () => true });
    const waiting = [intake.take(event(first)), intake.take(event({ ...first, id: 'e2' }))];
    await clock.advance(150);
    intake.close();
    for (const verdict of [...(await Promise.all(waiting)), await intake.take(event(first))])
      expect(verdict).toMatchObject({ result: 'unavailable' });
    expect(clock.timers).toBe(0);
  });
});

describe('order', () => {
  it('each channel takes the events of a lane in their order, once, whatever fails and is slow between', async () => {
    const wait = fc.integer({ min: 0, max: 3 });
    const brought = fc.record({ user: fc.constantFrom('alice', 'bob'), schema: wait, twice: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(brought, { minLength: 1, maxLength: 20 }),
        fc.array(fc.boolean(), { maxLength: 40 }),
        async (events, failures) => {
          let appends = 0;
          const { intake, clock, history } = openScene({
            topic: {
              // A schema of its own slowness for each.
              validate: async (value) => {
                for (let i = 0; i < (value as { schema: number }).schema * 4; i++) await Promise.resolve();
                return { ok: true, value };
              },
            },
            refuses: () => failures[appends++] === true,
          });
          const verdicts = events.flatMap(({ user, schema, twice }, n) => {
            const one = event({ id: `e${n}`, user, task: `t${n}`, n, schema });
            return twice ? [intake.take(one), intake.take(one)] : [intake.take(one)];
          });
          // In steps: ids are known for five minutes, and no promise may be settled only behind them.
          for (let passedMs = 0; passedMs < 250_000; passedMs += 500) await clock.advance(500);
          expect(new Set((await Promise.all(verdicts)).map(({ result }) => result))).toEqual(
            new Set(['applied']),
          );
          for (const user of ['alice', 'bob']) {
            const expected = events.flatMap((each, n) => (each.user === user ? [`t${n}`] : []));
            expect(history(`tasks:${user}`).map(({ key }) => key)).toEqual(expected);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
