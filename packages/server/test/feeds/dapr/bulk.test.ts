import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Client } from '../../http-api/server-under-test.ts';
import { follow } from '../feed-scene.ts';
import { type DaprScene, startDaprScene } from './dapr-scene.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 /* on a busy machine */ });

// Several events in one request, as Dapr's bulk subscription sends them ("Send and receive messages in bulk"). No sidecar ran.

const EVENT_BYTES = 4_096;
const BULK_BYTES = 100_000;

let s: DaprScene;
let ann: Client;
beforeAll(async () => {
  s = await startDaprScene({}, { eventBytes: EVENT_BYTES, dapr: { bulkBytes: BULK_BYTES } });
  ann = await s.logIn('ann');
  await follow(ann, 'log:ann');
});
afterAll(() => s.close());

const JSON_TYPE = { 'content-type': 'application/json' };

/** The envelope as Go writes it: the names of a map in their order, `entries` first. */
function bulk(...entries: readonly string[]): string {
  return `{"entries":[${entries.join(',')}],"id":"8a1e","metadata":{"pubsubName":"pubsub"},"pubsubname":"pubsub","topic":"notes","type":"com.dapr.event.sent.bulk"}`;
}

function entry(entryId: string, event: string, metadata = '{}'): string {
  return `{"entryId":"${entryId}","event":${event},"metadata":${metadata},"contentType":"application/cloudevents+json"}`;
}

function note(id: string, n: number, more = ''): string {
  return `{"specversion":"1.0","id":"${id}","source":"app","type":"note","data":{"user":"ann","n":${n}${more}}}`;
}

describe('several events in one request', () => {
  it('are applied in their order and answered one by one: one that is poison holds up no other', async () => {
    const answer = await s.post(
      'notes',
      bulk(
        entry('0', note('a0', 0), '{"__key":"ann","__partition":"1","__offset":"40"}'),
        entry('1', '{"specversion":"1.0"}'),
        entry('2', note('a2', 2), '{"__key":"ann","__partition":"1","__offset":"42","Tenant":"north"}'),
        entry('3', note('a0', 0)),
      ),
      JSON_TYPE,
    );
    expect(answer).toEqual({
      status: 200,
      body: {
        statuses: [
          { entryId: '0', status: 'SUCCESS' },
          { entryId: '1', status: 'DROP', code: 'event_unreadable', detail: expect.any(String) },
          { entryId: '2', status: 'SUCCESS' },
          { entryId: '3', status: 'SUCCESS' },
        ],
      },
    });
    expect(await ann.next('p')).toMatchObject({ o: 1, d: { n: 0, key: 'ann' } });
    expect(await ann.next('p')).toMatchObject({
      o: 2,
      d: { n: 2, names: expect.arrayContaining(['tenant', '__partition']) },
    });
  });

  it('without CloudEvents are base64, whatever their type', async () => {
    const packed = (payload: string): string => `"${Buffer.from(payload).toString('base64')}"`;
    const raw = (entryId: string, event: string, type: string): string =>
      `{"entryId":"${entryId}","event":${event},"metadata":{},"contentType":"${type}"}`;
    const answer = await s.post(
      'notes',
      bulk(
        raw('0', packed('{"id":"r0","user":"ann","n":10}'), 'application/octet-stream'),
        raw('1', packed('{"id":"r1","user":"ann","n":11}'), 'application/json'),
        raw('2', packed('no JSON'), 'application/octet-stream'),
      ),
      JSON_TYPE,
    );
    expect(answer.body).toMatchObject({
      statuses: [{ status: 'SUCCESS' }, { status: 'SUCCESS' }, { status: 'DROP', code: 'event_unreadable' }],
    });
    expect(await ann.next('p')).toMatchObject({ d: { n: 10 } });
    expect(await ann.next('p')).toMatchObject({ d: { n: 11 } });
  });

  it('may be labelled as CloudEvents, and none at all', async () => {
    expect(await s.post('notes', bulk(entry('7', note('l7', 7))))).toEqual({
      status: 200,
      body: { statuses: [{ entryId: '7', status: 'SUCCESS' }] },
    });
    expect(await ann.next('p')).toMatchObject({ d: { n: 7 } });
    expect((await s.post('notes', bulk(), JSON_TYPE)).body).toEqual({ statuses: [] });
  });

  it('one among them that is too large is dropped, to the byte', async () => {
    const base = note('e1', 30, ',"pad":""');
    const fits = base.replace('"pad":""', `"pad":"${'x'.repeat(EVENT_BYTES - base.length)}"`);
    const more = base.replace('"pad":""', `"pad":"${'x'.repeat(EVENT_BYTES - base.length + 1)}"`);
    const { body } = await s.post('notes', bulk(entry('0', more), entry('1', fits)), JSON_TYPE);
    expect(body).toMatchObject({
      statuses: [
        { entryId: '0', status: 'DROP', code: 'event_too_large' },
        { entryId: '1', status: 'SUCCESS' },
      ],
    });
    expect(await ann.next('p')).toMatchObject({ d: { n: 30 } });
  });

  it('one among them that is nested more deeply than can be written is dropped, and no other', async () => {
    const deep = entry('0', `{"id":"deep","data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
    const { body } = await s.post('notes', bulk(deep, entry('1', note('f1', 31))), JSON_TYPE);
    expect(body).toMatchObject({
      statuses: [
        { entryId: '0', status: 'DROP' },
        { entryId: '1', status: 'SUCCESS' },
      ],
    });
    expect(await ann.next('p')).toMatchObject({ d: { n: 31 } });
  });

  it('that are too large together are taken as far as they were read: what has no status comes again', async () => {
    const events = Array.from({ length: 60 }, (_, n) =>
      entry(String(n), note(`t${n}`, 100 + n, `,"pad":"${'x"}}}}]{'.repeat(400).replaceAll('"', '\\"')}"`)),
    );
    let next = 0;
    let requests = 0;
    // As Dapr's Kafka component does: what was answered is done, the rest is sent again.
    while (next < events.length) {
      const { status, body } = await s.post('notes', bulk(...events.slice(next)), JSON_TYPE);
      const { statuses } = body as { statuses: { entryId: string; status: string }[] };
      expect([status, new Set(statuses.map((each) => each.status))]).toEqual([200, new Set(['SUCCESS'])]);
      expect(statuses.map(({ entryId }) => Number(entryId))).toEqual(statuses.map((_, at) => next + at));
      next += statuses.length;
      requests++;
    }
    expect(requests).toBeGreaterThan(1);
    for (let n = 0; n < 60; n++) expect(await ann.next('p')).toMatchObject({ d: { n: 100 + n } });
  });

  it('the first of which is ten megabytes are not sent again for ever: it is dropped by its id', async () => {
    const large = entry('a"\\\\b', note('big', 1, `,"pad":"${'x'.repeat(10_000_000)}"`)).replace(
      'a"\\\\b',
      'a\\"\\\\b',
    );
    const { body } = await s.post('notes', bulk(large, entry('1', note('z1', 1))), JSON_TYPE);
    expect(body).toEqual({
      statuses: [{ entryId: 'a"\\b', status: 'DROP', code: 'event_too_large', detail: expect.any(String) }],
    });
  });

  it('beyond a thousand are left to the next request', async () => {
    const ids = Array.from({ length: 1_002 }, (_, n) => entry(String(n), 'null'));
    const { body } = await s.post('strict', bulk(...ids), JSON_TYPE);
    const { statuses } = body as { statuses: { entryId: string; status: string }[] };
    expect(statuses.slice(998).map(({ entryId, status }) => [entryId, status])).toEqual([
      ...[
        ['998', 'DROP'],
        ['999', 'DROP'],
        ['1000', 'RETRY'],
        ['1001', 'RETRY'],
      ],
    ]);
  });
});
