import { CloudEvent, HTTP, Kafka } from 'cloudevents';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Client } from '../../http-api/server-under-test.ts';
import { follow } from '../feed-scene.ts';
import { type DaprScene, startDaprScene } from './dapr-scene.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 /* on a busy machine */ });

// Requests as Dapr's pub/sub API describes them, made by another CloudEvents library or written down. No sidecar ran.

let s: DaprScene;
let ann: Client;
beforeAll(async () => {
  s = await startDaprScene({}, { eventBytes: 8_192, dapr: { rawTopics: ['plain'] } });
  ann = await s.logIn('ann');
  for (const channel of ['tasks:ann', 'log:ann']) await follow(ann, channel);
});
afterAll(() => s.close());

const SUCCESS = { status: 200, body: { status: 'SUCCESS' } };
const dropped = (code: string): object => ({
  status: 200,
  body: { status: 'DROP', code, detail: expect.any(String) },
});

function taskEvent(id: string, task: object, more: object = {}): CloudEvent<object> {
  return new CloudEvent({
    ...{ id, source: '/backend', type: 'task.changed', time: '2026-01-31T08:00:00.000Z' },
    ...{ datacontenttype: 'application/json', data: { userId: 'ann', title: 'x', ...task }, ...more },
  });
}

async function deliver(message: {
  readonly headers: object;
  readonly body: unknown;
}): Promise<{ readonly status: number; readonly body: unknown }> {
  return s.post('task-updates', String(message.body), message.headers as Record<string, string>);
}

describe('a CloudEvent', () => {
  it('in structured form is a publication for its user, and no other', async () => {
    const bob = await s.logIn('bob');
    await follow(bob, 'log:bob');
    expect(await deliver(HTTP.structured(taskEvent('s1', { id: 't1', title: 'milk' })))).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ c: 'tasks:ann', k: 't1', d: { title: 'milk' } });
    expect(await s.post('notes', note('b1', 'bob'))).toEqual(SUCCESS);
    // The first that bob is told is his own: nothing of ann's came before it.
    expect(await bob.next('p')).toMatchObject({ c: 'log:bob', d: { user: 'bob' } });
  });

  it('in binary form is the same', async () => {
    const { headers, body } = HTTP.binary(taskEvent('b1', { id: 't2', title: 'brød & smør' }));
    expect(await deliver({ headers, body })).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ c: 'tasks:ann', k: 't2', d: { title: 'brød & smør' } });
    // The same event in its other form is known again.
    expect(await deliver(HTTP.structured(taskEvent('b1', { id: 't2', title: 'brød & smør' })))).toEqual(
      SUCCESS,
    );
    expect(await s.post('task-updates', structured('b2', { id: 't2', version: 2 }))).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ k: 't2', d: { title: 'x' } });
  });

  it('of Kafka in binary form comes with the label of another: its payload, and its attributes in ce_ headers', async () => {
    const { headers, value } = Kafka.binary(taskEvent('k1', { id: 't3' }));
    const said = Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, String(text)] as const),
    );
    // Dapr sets its own label over that of the message.
    const answer = await s.post('task-updates', JSON.stringify(value), {
      ...said,
      'content-type': 'application/cloudevents+json',
    });
    expect(answer).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ c: 'tasks:ann', k: 't3' });
    expect(await s.post('task-updates', structured('k1', { id: 't3' }))).toEqual(SUCCESS);
    expect(await s.post('task-updates', structured('k2', { id: 't4' }))).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ k: 't4' });
  });

  it('is given to the mapping with its key, time and headers, and without what is of the request alone', async () => {
    const answer = await s.post('notes', note('h1', 'ann'), {
      ...{ __key: Buffer.from('clé|1').toString('latin1'), __partition: '3', __offset: '7' },
      ...{ __timestamp: '1767225600000', tenant: 'north' },
    });
    expect(answer).toEqual(SUCCESS);
    const { d } = await ann.next('p');
    expect(d).toEqual({
      user: 'ann',
      key: 'clé|1',
      atMs: 1_767_225_600_000,
      names: expect.arrayContaining(['__partition', 'tenant']),
    });
    const { names } = d as { names: readonly string[] };
    expect(names.filter((name) => /token|authorization|host|length|agent/.test(name))).toEqual([]);
  });

  it('that nobody wants is a success: DROP would put it on the dead-letter topic', async () => {
    const viewed = taskEvent('v1', { id: 't1' }, { type: 'task.viewed' });
    expect(await deliver(HTTP.structured(viewed))).toEqual(SUCCESS);
  });
});

describe('a payload without CloudEvents', () => {
  const wrapped = (id: string, payload: string): string =>
    JSON.stringify({
      ...{ specversion: '1.0', id, source: 'Dapr', type: 'com.dapr.event.sent', topic: 't' },
      ...{ pubsubname: 'pubsub', datacontenttype: 'application/octet-stream' },
      data_base64: Buffer.from(payload).toString('base64'),
    });
  const payload = '{"eventId":"r1","userId":"ann","id":"raw","title":"raw"}';

  it('wrapped by the sidecar is known by its own id, for that of the wrapping is made up at each delivery', async () => {
    expect(await s.post('task-updates', wrapped('e3f1', payload))).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ c: 'tasks:ann', k: 'raw' });
    expect(await s.post('task-updates', wrapped('a77c', payload))).toEqual(SUCCESS);
    expect(await s.post('task-updates', structured('r2', { id: 'raw', version: 2 }))).toEqual(SUCCESS);
    const { o } = await ann.next('p');
    expect((await s.api('GET', '/v1/channels/tasks%3Aann')).body).toMatchObject({ position: { offset: o } });
  });

  it('of a topic whose places are its ids is known by partition and offset, where the sidecar tells them', async () => {
    const at = (offset: number): Record<string, string> => ({ __partition: '0', __offset: String(offset) });
    for (const [id, offset] of [
      ['w1', 5],
      ['w2', 5],
      ['w3', 6],
    ] as const)
      expect(await s.post('plain', wrapped(id, `{"user":"ann","at":${offset}}`), at(offset))).toEqual(
        SUCCESS,
      );
    expect(await ann.next('p')).toMatchObject({ d: { at: 5 } });
    expect(await ann.next('p')).toMatchObject({ d: { at: 6 } });
    // Where it tells none, no two are the same: it repeats rather than loses.
    for (const at of [1, 2])
      expect(await s.post('plain', wrapped('w4', `{"user":"ann","n":${at}}`))).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ d: { n: 1 } });
    expect(await ann.next('p')).toMatchObject({ d: { n: 2 } });
  });

  it('that is plain JSON on a topic of CloudEvents is taken for what it is', async () => {
    const plain = '{"id":"p1","userId":"ann","title":"plain"}';
    expect(await s.post('task-updates', plain)).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ k: 'p1', d: { title: 'plain' } });
  });
});

describe('poison', () => {
  it('is dropped with the reason, and said in the log', async () => {
    const from = s.logged.length;
    const cases: readonly (readonly [string, string | Uint8Array, string])[] = [
      ['task-updates', 'no JSON at all', 'event_unreadable'],
      ['task-updates', '', 'event_invalid'],
      ['task-updates', '{"specversion":"1.0","id":"1"', 'event_unreadable'],
      ['task-updates', new Uint8Array([0xff, 0xfe, 0x7b]), 'event_unreadable'],
      ['task-updates', '{"specversion":"0.3","id":"1","source":"a","type":"b"}', 'event_unreadable'],
      ['task-updates', '{"specversion":"1.0","source":"a","type":"b","data":{}}', 'event_unreadable'],
      ['task-updates', '{"specversion":"1.0","id":"n","source":"a","type":"b","data":{}}', 'event_invalid'],
      ['task-updates', structured('u1', { userId: '' }), 'event_invalid'],
      ['task-updates', structured('u2', { id: undefined }), 'event_invalid'],
      ['notes', '{"user":"ann"}', 'event_id_missing'],
      ['notes', '{"specversion":"1.0","id":"m","source":"a","type":"b","data":null}', 'mapping_failed'],
      ['strict', structured('q1', {}), 'event_unknown'],
      ['no-such-topic', structured('q2', {}), 'event_unknown'],
    ];
    for (const [topic, body, code] of cases)
      expect([body, await s.post(topic, body)]).toEqual([body, dropped(code)]);
    expect(s.logged.slice(from)).toContainEqual(
      expect.objectContaining({ msg: 'dapr_event_dropped', topic: 'task-updates', code: 'event_unreadable' }),
    );
  });

  it('of ten megabytes is dropped as well, as text, in pieces and wrapped: sent again it would be no smaller', async () => {
    const large = 'x'.repeat(10_000_000);
    expect(await s.post('task-updates', structured('l1', { id: 'l', title: large }))).toEqual(
      dropped('event_too_large'),
    );
    expect(await s.post('task-updates', large)).toEqual(dropped('event_too_large'));
    // At the edge: an event of so many bytes is taken, and one of one more is not.
    const edge = structured('l2', { id: 'l', title: '' });
    const fits = structured('l2', { id: 'l', title: 'y'.repeat(8_192 - Buffer.byteLength(edge)) });
    expect(Buffer.byteLength(fits)).toBe(8_192);
    expect(await s.post('task-updates', fits.replace('"y', '"yy'))).toEqual(dropped('event_too_large'));
    expect(await s.post('task-updates', fits)).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ k: 'l' });
  });

  it('does not include what only seems strange: a user who was never seen, an event of the future', async () => {
    expect(await s.post('task-updates', structured('f1', { userId: 'nobody|1', id: 't' }))).toEqual(SUCCESS);
    const future = taskEvent('f2', { id: 'f' }, { time: '2199-01-01T00:00:00.000Z' });
    expect(await deliver(HTTP.structured(future))).toEqual(SUCCESS);
    expect(await ann.next('p')).toMatchObject({ k: 'f' });
    expect((await s.api('GET', '/v1/channels/tasks%3Anobody%257C1/entries')).body).toMatchObject({
      entries: [{ key: 't' }],
    });
  });
});

it('keys and headers that the component escapes are read as they were', async () => {
  const server = await startDaprScene({}, { dapr: { escapedHeaders: 'yes' } });
  const eve = await server.logIn('eve');
  await follow(eve, 'log:eve');
  const headers = { __key: 'cl%C3%A9+%7C%00', rate: '100%' };
  expect(await server.post('notes', note('e1', 'eve'), headers)).toEqual(SUCCESS);
  expect(await eve.next('p')).toMatchObject({ d: { key: 'clé |\u0000' } });
  const entry = `{"entryId":"0","event":${note('e2', 'eve')},"metadata":{"__key":"%C3%A9"}}`;
  expect(await server.post('notes', `{"entries":[${entry}]}`)).toMatchObject({ status: 200 });
  expect(await eve.next('p')).toMatchObject({ d: { key: 'é' } });
  await server.close();
});

it('an event is known again after a restart', async () => {
  const folder = s.folder;
  const databaseUrl = `sqlite:${folder}/restart.sqlite`;
  let server = await startDaprScene({ databaseUrl });
  expect(await server.post('notes', note('d1', 'zoe'))).toEqual(SUCCESS);
  await server.close();
  server = await startDaprScene({ databaseUrl });
  expect(await server.post('notes', note('d1', 'zoe'))).toEqual(SUCCESS);
  expect(await server.post('notes', note('d2', 'zoe'))).toEqual(SUCCESS);
  const { body } = await server.api('GET', '/v1/channels/log%3Azoe/history');
  expect(body).toMatchObject({ publications: [{ offset: 1 }, { offset: 2 }], top: { offset: 2 } });
  await server.close();
});

/** As a sidecar sends it that was given the payload alone. */
function structured(id: string, task: object): string {
  return JSON.stringify({
    ...{ specversion: '1.0', id, source: '/backend', type: 'task.changed', topic: 'task-updates' },
    ...{ pubsubname: 'pubsub', traceid: '', time: '2026-01-31T08:00:00Z' },
    ...{ datacontenttype: 'application/json', data: { userId: 'ann', title: 'x', ...task } },
  });
}

function note(id: string, user: string): string {
  return `{"specversion":"1.0","id":"${id}","source":"app","type":"note","data":{"user":"${user}"}}`;
}
