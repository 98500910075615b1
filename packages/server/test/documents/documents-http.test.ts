import { defineContract, document, stream } from '@carillon/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import * as z from 'zod';
import { type Line, logIn } from '../contract/app-under-test.ts';
import { answerProblem } from '../http-api/described-answers.ts';
import { API_KEY, type ServerUnderTest, startServer } from '../http-api/server-under-test.ts';
import { base64, createReader, textOf, typed, updateOf } from './yjs-client.ts';

const contract = defineContract({
  channels: {
    'doc:{id}': document({ documentBytes: 20_000, updateBytes: 10_000, namedVersions: 2 }),
    'chat:{room}': stream({ data: z.string(), durability: 'memory' }),
  },
});

const UPDATE = 'application/octet-stream';
const ROLES = { ann: 'write', bob: 'write', rita: 'read' } as const;

let under: ServerUnderTest;
const lines: Line[] = [];
beforeAll(async () => {
  under = await startServer({
    config: {
      contract,
      auth: { authenticate: ({ token }) => ({ user: token }) },
      authorize: {
        'doc:{id}': ({ user }: { readonly user: string }) => ROLES[user as keyof typeof ROLES] ?? 'none',
        'chat:{room}': () => true,
      },
    },
  });
});
afterAll(async () => {
  for (const { socket } of lines) socket.terminate();
  await under.close();
});

async function join(user: string, c: string, doc = new Y.Doc()) {
  const line = await logIn(`${under.url.replace('http', 'ws')}/ws`, user);
  lines.push(line);
  const reader = createReader(await line.ask({ t: 'sub', c, cl: [doc.clientID] }), doc);
  return {
    line,
    doc,
    /** Types, and waits until it is kept. */
    write: (change: (text: Y.Text) => void) =>
      line.ask({ t: 'upd', c, d: base64(updateOf(doc, () => change(typed(doc)))) }),
    /** What the text is, once everything that was sent has come. */
    read: async () => reader.read(await line.rest()),
  };
}

/** What a document or a version is as bytes. */
async function bytesOf(path: string): Promise<{ readonly text: string; readonly etag: string | null }> {
  const response = await fetch(under.url + path, {
    headers: { authorization: `Bearer ${API_KEY}`, accept: UPDATE },
  });
  expect(
    answerProblem('GET', path, { status: response.status, contentType: UPDATE, body: null }),
  ).toBeUndefined();
  expect(response.headers.get('content-type')).toBe(UPDATE);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, new Uint8Array(await response.arrayBuffer()));
  return { text: textOf(doc), etag: response.headers.get('etag') };
}

const path = (id: string, rest = ''): string => `/v1/documents/doc%3A${id}${rest}`;

describe('documents over HTTP', () => {
  it('say what is in them, as JSON and as an update', async () => {
    const ann = await join('ann', 'doc:say');
    await ann.write((text) => text.insert(0, 'hello'));
    const said = await under.api('GET', path('say'));
    expect(said).toMatchObject({ status: 200, body: { position: { offset: 1 }, json: { text: 'hello' } } });
    const { epoch } = (said.body as { position: { epoch: string } }).position;
    expect(await bytesOf(path('say'))).toEqual({ text: 'hello', etag: `"${epoch}-1"` });
    expect(await under.api('GET', path('nothing'))).toMatchObject({ status: 200, body: { json: {} } });
  });

  it('are edited for those who are in, once for each key', async () => {
    const ann = await join('ann', 'doc:edit');
    const edits = [
      { op: 'insert', at: 'text', index: 0, text: 'from the backend' },
      { op: 'set', at: 'meta', key: 'title', value: { en: 'T' } },
      { op: 'push', at: 'list', values: [1, 'two'] },
    ];
    const made = await under.api('POST', path('edit'), { edits, by: 'bob', id: 'e-1' });
    expect(made).toMatchObject({ status: 200, body: { position: { offset: 1 }, duplicate: false } });
    const again = await under.api('POST', path('edit'), { edits, by: 'bob', id: 'e-1' });
    expect(again).toMatchObject({ status: 200, body: { position: { offset: 1 }, duplicate: true } });
    expect(await ann.line.next('p')).toMatchObject({ c: 'doc:edit', o: 1, by: 'bob' });
    const { body } = await under.api('GET', path('edit'));
    expect(body).toMatchObject({
      json: { text: 'from the backend', meta: { title: { en: 'T' } }, list: [1, 'two'] },
    });
    expect(await under.api('GET', path('edit', '/authors'))).toMatchObject({
      status: 200,
      body: { roots: { text: [{ by: 'bob', length: 16, text: 'from the backend' }] } },
    });
  });

  it('refuse edits that are none, with the field that is wrong', async () => {
    const wrong: [object, RegExp][] = [
      [{}, /edits/],
      [{ edits: [] }, /edits/],
      [{ edits: [{ op: 'insert', at: 'text', index: -1, text: 'x' }] }, /index/],
      [{ edits: [{ op: 'insert', at: '', index: 0, text: 'x' }] }, /at/],
      [{ edits: [{ op: 'explode', at: 'text' }] }, /op/],
      [{ edits: [{ op: 'set', at: 'm', key: 'k', value: 1 }], by: '' }, /by/],
    ];
    for (const [body, message] of wrong)
      expect(await under.api('POST', path('wrong'), body)).toMatchObject({
        status: 400,
        body: { error: { code: 'bad_message', message: expect.stringMatching(message) } },
      });
    const beyond = [{ op: 'insert', at: 'text', index: 1, text: 'x' }];
    expect(await under.api('POST', path('wrong'), { edits: beyond })).toMatchObject({
      status: 400,
      body: { error: { code: 'update_invalid' } },
    });
    expect(await under.api('GET', '/v1/documents/chat%3A1')).toMatchObject({
      body: { error: { code: 'kind_mismatch' } },
    });
    expect(await under.api('GET', '/v1/documents/none')).toMatchObject({
      body: { error: { code: 'channel_unknown' } },
    });
    expect(await under.api('GET', path('wrong', '?limt=1'))).toMatchObject({
      body: { error: { code: 'bad_message' } },
    });
    const anybody = await fetch(under.url + path('say'));
    expect(anybody.status).toBe(401);
  });

  it('are imported up to their size: one byte more is not read', async () => {
    const given = new Y.Doc();
    given.clientID = 7;
    typed(given).insert(0, 'x'.repeat(19_000));
    const update = Y.encodeStateAsUpdate(given);
    expect(await under.api('PUT', path('import', '?by=bob'), update)).toMatchObject({
      status: 200,
      body: { position: { offset: 1 }, duplicate: false },
    });
    expect(await under.api('PUT', path('import'), update)).toMatchObject({ body: { duplicate: true } });
    const late = await join('rita', 'doc:import');
    expect((await late.read()).length).toBe(19_000);
    expect(await under.api('PUT', path('larger'), new Uint8Array(20_001))).toMatchObject({
      status: 413,
      body: { error: { code: 'too_large', message: expect.stringMatching(/20000/) } },
    });
    expect(await under.api('PUT', path('larger'), new Uint8Array(20_000))).toMatchObject({
      status: 400,
      body: { error: { code: 'update_invalid' } },
    });
    expect(await under.api('PUT', '/v1/documents/chat%3A1', update)).toMatchObject({
      body: { error: { code: 'kind_mismatch' } },
    });
  });

  it('have versions: made, listed, read, compared, restored for everybody, forgotten', async () => {
    const ann = await join('ann', 'doc:versions');
    const bob = await join('bob', 'doc:versions');
    await ann.write((text) => text.insert(0, 'The quick brown fox'));
    expect(await bob.read()).toBe('The quick brown fox');
    const saved = await under.api('POST', path('versions', '/versions'), { name: 'first', by: 'ann' });
    expect(saved).toMatchObject({ status: 201, body: { name: 'first', by: 'ann', position: { offset: 1 } } });
    const { id } = saved.body as { id: string };
    await ann.write((text) => text.delete(4, 6));
    await ann.write((text) => text.insert(4, 'slow '));
    expect(await bob.read()).toBe('The slow brown fox');
    const cursor = Y.createRelativePositionFromTypeIndex(typed(bob.doc), 'The slow brown'.length);

    const diff = await under.api('GET', path('versions', `/versions/${id}/diff`));
    const [first] = (diff.body as { diff: { root: string; parts: { op: string; text: string }[] }[] }).diff;
    const said = (op: string): string =>
      (first?.parts ?? [])
        .filter((part) => part.op === 'same' || part.op === op)
        .map(({ text }) => text)
        .join('');
    expect([first?.root, said('removed'), said('added')]).toEqual([
      'text',
      'The quick brown fox',
      'The slow brown fox',
    ]);

    const restored = await under.api('POST', path('versions', `/versions/${id}/restore`), { by: 'ann' });
    expect(restored).toMatchObject({ status: 200, body: { changed: true, position: { offset: 4 } } });
    expect(await bob.read()).toBe('The quick brown fox');
    expect(Y.createAbsolutePositionFromRelativePosition(cursor, bob.doc)?.index).toBe(
      'The quick brown'.length,
    );

    const page = await under.api('GET', path('versions', '/versions?limit=1'));
    const [kept] = (page.body as { versions: { id: string }[] }).versions;
    expect(page.body).toMatchObject({ versions: [{ position: { offset: 3 } }], next: kept?.id });
    const rest = await under.api('GET', path('versions', `/versions?before=${kept?.id}`));
    expect(rest.body).toMatchObject({ versions: [{ id }] });
    expect(rest.body).not.toHaveProperty('next');
    expect((await bytesOf(path('versions', `/versions/${kept?.id}`))).text).toBe('The slow brown fox');
    expect(await under.api('GET', path('versions', `/versions/${id}`))).toMatchObject({
      status: 200,
      body: { version: { id, name: 'first' }, json: { text: 'The quick brown fox' } },
    });
    const between = await under.api('GET', path('versions', `/versions/${id}/diff?with=${kept?.id}`));
    expect(between.status).toBe(200);

    await under.api('POST', path('versions', '/versions'), { name: 'second' });
    expect(await under.api('POST', path('versions', '/versions'), { name: 'third' })).toMatchObject({
      body: { error: { code: 'limit_reached' } },
    });
    expect(await under.api('DELETE', path('versions', `/versions/${id}`))).toMatchObject({ status: 204 });
    for (const [method, rest] of [
      ['DELETE', ''],
      ['GET', ''],
      ['GET', '/diff'],
      ['POST', '/restore'],
    ] as const)
      expect(await under.api(method, path('versions', `/versions/${id}${rest}`))).toMatchObject({
        status: 404,
        body: { error: { code: 'version_unknown' } },
      });
    expect(await under.api('POST', path('versions', '/versions'), { name: 'third' })).toMatchObject({
      status: 201,
    });
  });

  it('are deleted: who is in joins anew, and finds nothing', async () => {
    const rita = await join('rita', 'doc:gone');
    await under.api('POST', path('gone'), { edits: [{ op: 'insert', at: 'text', index: 0, text: 'x' }] });
    await under.api('POST', path('gone', '/versions'), { name: 'x' });
    expect(await under.api('DELETE', path('gone'))).toMatchObject({ status: 204 });
    expect(await rita.line.next('gap')).toMatchObject({ c: 'doc:gone', why: 'epoch' });
    expect(await rita.line.ask({ t: 'sub', c: 'doc:gone', sv: 'AA==' })).toMatchObject({
      t: 'ok',
      sv: 'AA==',
    });
    expect(await under.api('GET', path('gone'))).toMatchObject({ body: { json: {} } });
    expect(await under.api('GET', path('gone', '/versions'))).toMatchObject({ body: { versions: [] } });
  });

  it('[DOC7] are asked about by their clients: versions, a state in parts, who wrote what', async () => {
    const ann = await join('ann', 'doc:wire');
    const rita = await join('rita', 'doc:wire');
    await ann.write((text) => text.insert(0, 'kept'));
    const saved = await ann.line.ask({ t: 'doc', c: 'doc:wire', do: 'save', m: 'one' });
    const { v } = saved['d'] as { v: string };
    await ann.write((text) => text.insert(4, ', and more'));
    expect(await rita.line.ask({ t: 'doc', c: 'doc:wire', do: 'versions' })).toMatchObject({
      d: { vs: [{ v, m: 'one', by: 'ann', bytes: expect.any(Number), ts: expect.any(Number) }] },
    });
    const view = await rita.line.ask({ t: 'doc', c: 'doc:wire', do: 'view', v });
    const states = (await rita.line.rest()).filter(({ t }) => t === 'ds');
    expect(createReader(view).read(states)).toBe('kept');
    expect(await rita.line.ask({ t: 'doc', c: 'doc:wire', do: 'authors' })).toMatchObject({
      d: { text: [{ by: 'ann', length: 14, text: 'kept, and more' }] },
    });
    expect(await rita.line.ask({ t: 'doc', c: 'doc:wire', do: 'restore', v })).toMatchObject({
      code: 'forbidden',
    });
    expect(await ann.line.ask({ t: 'doc', c: 'doc:wire', do: 'restore', v })).toMatchObject({
      t: 'ok',
      o: 3,
    });
    expect(await ann.read()).toBe('kept');
    expect(await rita.line.ask({ t: 'doc', c: 'doc:wire', do: 'explode' })).toMatchObject({
      code: 'bad_message',
    });
  });

  it('are measured: how many are open, their sizes, what became of updates', async () => {
    const ann = await join('ann', 'doc:measured');
    await ann.write((text) => text.insert(0, 'measured'));
    const cl = 77;
    await ann.line.ask({ t: 'sub', c: 'doc:measured', cl: [cl] });
    await ann.line.ask({ t: 'aw', c: 'doc:measured', cl, n: 1, d: {} });
    const metrics = await fetch(`${under.url}/metrics`, { headers: { authorization: `Bearer ${API_KEY}` } });
    const text = await metrics.text();
    const value = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
    expect(value('carillon_documents')).toBeGreaterThan(0);
    expect(value('carillon_document_tail_bytes')).toBeGreaterThan(0);
    expect(value('carillon_document_updates_total\\{result="taken"\\}')).toBeGreaterThan(0);
    expect(value('carillon_document_joins_total\\{way="state"\\}')).toBeGreaterThan(0);
    expect(value('carillon_document_versions_total\\{made="asked"\\}')).toBeGreaterThan(0);
    expect(value('carillon_document_people')).toBe(1);
    expect(value('carillon_document_jobs')).toBe(0);
  });
});
