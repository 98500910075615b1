import { describe, expect, it } from 'vitest';
import { decodeEvent } from '../../src/core/intake/decode-event.ts';
import type { SourceEvent } from '../../src/ports/source.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function raw(text: string | Uint8Array, changes: Partial<SourceEvent> & { readonly type?: string } = {}) {
  const { type = null, ...rest } = changes;
  const event: SourceEvent = {
    source: 'kafka',
    topic: 'task-updates',
    place: 'task-updates/0@7',
    lane: 'task-updates/0',
    key: 'alice',
    headers: {},
    id: null,
    atMs: 1_000,
    content: { kind: 'bytes', bytes: typeof text === 'string' ? bytes(text) : text, type },
    ...rest,
  };
  return decodeEvent(event, 1_024);
}

const structured = {
  specversion: '1.0',
  id: '17',
  source: '/tasks',
  type: 'task.changed',
  time: '2026-01-31T08:00:00.5+01:00',
  subject: 'alice',
  data: { done: true },
};

describe('an event that is plain JSON', () => {
  it('has what its source says of it, and its payload', () => {
    expect(raw('{"id":"e1","done":true}')).toEqual({
      ok: true,
      event: {
        topic: 'task-updates',
        key: 'alice',
        id: 'e1',
        type: null,
        subject: null,
        atMs: 1_000,
        headers: {},
        data: { id: 'e1', done: true },
      },
    });
  });

  it.each([
    ['the source', { id: 'by-source', headers: { 'event-id': 'h' } }, '{"id":"c"}', 'by-source'],
    ['a header', { headers: { id: 'h2', 'event-id': 'h1' } }, '{"id":"c"}', 'h1'],
    ['the content', {}, '{"eventId":"c2"}', 'c2'],
    ['a number in the content', {}, '{"id":42}', '42'],
    ['nobody', {}, '{"id":""}', null],
    ['nobody, where the content is a list', {}, '[1]', null],
    ['nobody, where a prototype has the name', {}, '{"__proto__":{"id":"x"}}', null],
  ])('its id is said by %s', (_, changes, text, id) => {
    const decoded = raw(text, changes);
    expect(decoded.ok && decoded.event.id).toBe(id);
  });

  it('a tombstone has no payload', () => {
    const decoded = raw('', { id: 'e1' });
    expect(decoded.ok && decoded.event.data).toBe(null);
  });

  it('a byte order mark is no part of it; content that says it is text is one', () => {
    expect(raw(new Uint8Array([0xef, 0xbb, 0xbf, 0x31]))).toMatchObject({ ok: true, event: { data: 1 } });
    expect(raw('hello', { type: 'text/plain; charset=utf-8' })).toMatchObject({ event: { data: 'hello' } });
    expect(raw('{"a":1}', { type: 'application/vnd.tasks+json' })).toMatchObject({
      event: { data: { a: 1 } },
    });
  });

  it('a value that somebody had to read already is taken as it is', () => {
    expect(raw('', { content: { kind: 'value', value: { id: 5 } } })).toMatchObject({
      ok: true,
      event: { id: '5', data: { id: 5 } },
    });
  });
});

describe('an event that is a CloudEvent', () => {
  const said = { id: '/tasks 17', type: 'task.changed', subject: 'alice', atMs: 1_769_842_800_500 };

  it('in structured form', () => {
    const decoded = raw(JSON.stringify(structured), { type: 'Application/CloudEvents+JSON; charset=UTF-8' });
    expect(decoded).toMatchObject({ ok: true, event: { ...said, data: { done: true } } });
  });

  it.each([
    ['ce-', 'HTTP'],
    ['ce_', 'Kafka'],
  ])('in binary form, its attributes in %s headers as over %s', (prefix) => {
    const { data, ...attributes } = structured;
    const headers = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [prefix + name, value]),
    );
    expect(raw(JSON.stringify(data), { headers })).toMatchObject({ ok: true, event: { ...said, data } });
  });

  it('attributes over HTTP are percent-encoded, those of Kafka are not', () => {
    const of = (prefix: string) => ({
      [`${prefix}specversion`]: '1.0',
      [`${prefix}id`]: 'Euro%20%E2%82%AC',
      [`${prefix}source`]: '/s',
      [`${prefix}type`]: '100%',
    });
    expect(raw('{}', { headers: of('ce-') })).toMatchObject({ event: { id: '/s Euro €', type: '100%' } });
    expect(raw('{}', { headers: of('ce_') })).toMatchObject({ event: { id: '/s Euro%20%E2%82%AC' } });
  });

  it('its payload may be base64, and text where it says so', () => {
    const with64 = (data_base64: string, datacontenttype?: string) =>
      raw(JSON.stringify({ ...structured, data: undefined, data_base64, datacontenttype }), {
        type: 'application/cloudevents+json',
      });
    expect(with64('eyJhIjoxfQ==')).toMatchObject({ ok: true, event: { data: { a: 1 } } });
    expect(with64('aGFsbG8=', 'text/plain')).toMatchObject({ ok: true, event: { data: 'hallo' } });
    for (const wrong of ['eyJhIjoxfQ', '!!!!', '/w==']) expect(with64(wrong)).toMatchObject({ ok: false });
  });

  it.each([
    ['specversion', { specversion: '0.3' }],
    ['id', { id: '' }],
    ['id', { id: 17 }],
    ['source', { source: undefined }],
    ['type', { type: null }],
    ['time', { time: 'yesterday' }],
    ['time', { time: '2026-13-45T08:00:00Z' }],
    ['subject', { subject: 5 }],
    ['datacontenttype', { datacontenttype: 5 }],
    ['data', { data_base64: 'aGFsbG8=' }],
  ])('one whose %s is wrong is unreadable, and the reason names it', (name, changes) => {
    const decoded = raw(JSON.stringify({ ...structured, ...changes }), {
      type: 'application/cloudevents+json',
    });
    expect(decoded).toMatchObject({ ok: false, code: 'event_unreadable' });
    expect(!decoded.ok && decoded.detail).toContain(name);
  });

  it('one that is no object is unreadable', () => {
    for (const text of ['[]', '5', 'null', '"x"'])
      expect(raw(text, { type: 'application/cloudevents+json' })).toMatchObject({ code: 'event_unreadable' });
  });
});

describe('an event that cannot be read', () => {
  it.each([
    ['no JSON', '{"a":', 'event_unreadable'],
    ['no UTF-8', new Uint8Array([0xff, 0xfe, 0x7b, 0x00]), 'event_unreadable'],
    ['one byte too large', ' '.repeat(1_024) + '1', 'event_too_large'],
  ])('is poison: %s', (_, content, code) => {
    expect(raw(content)).toMatchObject({ ok: false, code });
  });

  it('its detail, which is logged, holds nothing of the content', () => {
    expect(raw('hunter2')).toMatchObject({ code: 'event_unreadable', detail: 'it is no JSON' });
  });

  it('one as large as may be is read', () => {
    expect(raw(' '.repeat(1_023) + '1')).toMatchObject({ ok: true, event: { data: 1 } });
  });
});
