import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { createMemoryDocuments } from '../../src/adapters/memory/documents.ts';
import { createInlineEngine } from '../../src/adapters/yjs/engine.ts';
import type { DocumentEngine } from '../../src/ports/document-engine.ts';
import type { BareClient, Harness, Wire } from '../runtime/harness.ts';
import { createChannelHarness } from '../runtime/channels/channel-harness.ts';
import { createManyNodes } from '../runtime/channels/many-nodes.ts';
import { createDocumentHarness, documentPorts, documentSpec, HOUR } from './document-harness.ts';
import { base64, createReader, textOf, typed, updateOf } from './yjs-client.ts';

type Writer = {
  readonly client: BareClient;
  readonly doc: Y.Doc;
  /** Changes the text, and says what the change is answered with. */
  write(change: (text: Y.Text) => void): Promise<Wire>;
  ask(message: object): Promise<Wire>;
};

let requests = 1_000;

async function askOf({ clock }: Pick<Harness, 'clock'>, client: BareClient, message: object): Promise<Wire> {
  const i = ++requests;
  client.send({ ...message, i });
  await clock.settle();
  const answer = client.received.find((each) => each['i'] === i && (each.t === 'ok' || each.t === 'err'));
  if (answer === undefined) throw new Error(`no answer to ${JSON.stringify(message)}`);
  return answer;
}

/** Somebody in the document, with a copy of their own. */
async function join(harness: Pick<Harness, 'clock' | 'logIn'>, user: string, c = 'doc:1'): Promise<Writer> {
  const client = await harness.logIn(user);
  const doc = new Y.Doc();
  const ask = (message: object): Promise<Wire> => askOf(harness, client, message);
  const answer = await ask({ t: 'sub', c, cl: [doc.clientID] });
  createReader(answer, doc).read(client.received);
  return {
    client,
    doc,
    ask,
    write: (change) => ask({ t: 'upd', c, d: base64(updateOf(doc, () => change(typed(doc)))) }),
  };
}

const versionsOf = async (writer: Writer, more: object = {}): Promise<Wire[]> =>
  ((await writer.ask({ t: 'doc', c: 'doc:1', do: 'versions', ...more }))['d'] as { vs: Wire[] }).vs;

async function textOfNow(harness: Pick<Harness, 'node'>): Promise<unknown> {
  const now = await harness.node.documents.json('doc:1');
  return now.ok ? now.value.json['text'] : now;
}

describe('[DOC7] versions', () => {
  it('keep what was there, with name, time, author and size, and are told newest first', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const ann = await join(harness, 'ann');
    await ann.write((text) => text.insert(0, 'one'));
    const first = await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'first' });
    expect(first).toMatchObject({ t: 'ok', d: { v: expect.stringMatching(/^00000001-/) } });
    await harness.clock.advance(1_000);
    await ann.write((text) => text.insert(3, ' two'));
    await ann.ask({ t: 'doc', c: 'doc:1', do: 'save' });
    const [second, saved] = await versionsOf(ann);
    expect(saved).toEqual({
      v: (first['d'] as Wire)['v'],
      m: 'first',
      ts: harness.clock.nowMs() - 1_000,
      by: 'ann',
      bytes: Y.encodeStateAsUpdate(ann.doc).length - 4,
    });
    expect(second).not.toHaveProperty('m');

    const answer = await ann.ask({ t: 'doc', c: 'doc:1', do: 'view', v: saved?.['v'] });
    expect(createReader(answer).read(ann.client.received)).toBe('one');
    const page = await ann.ask({ t: 'doc', c: 'doc:1', do: 'versions', n: 1 });
    expect(page['d']).toEqual({ vs: [second], next: second?.['v'] });
    expect(await versionsOf(ann, { k: second?.['v'] })).toEqual([saved]);
  });

  it('with a name are refused beyond the limit and never go by themselves; without one the oldest go', async () => {
    const harness = await createDocumentHarness(documentSpec({ versions: 2, namedVersions: 2 }));
    const ann = await join(harness, 'ann');
    const save = (m?: string): Promise<Wire> =>
      ann.ask({ t: 'doc', c: 'doc:1', do: 'save', ...(m === undefined ? {} : { m }) });
    for (const m of ['a', 'b']) expect(await save(m)).toMatchObject({ t: 'ok' });
    expect(await save('c')).toMatchObject({ t: 'err', code: 'limit_reached' });
    const unnamed: unknown[] = [];
    for (const letter of ['x', 'y', 'z']) {
      await ann.write((text) => text.insert(0, letter));
      unnamed.push(((await save())['d'] as Wire)['v']);
      // Nothing has changed: it is the same one.
      expect(await save()).toMatchObject({ d: { v: unnamed.at(-1) } });
    }
    expect((await versionsOf(ann)).map(({ v, m }) => m ?? v)).toEqual([unnamed[2], unnamed[1], 'b', 'a']);

    const [, , b] = await versionsOf(ann);
    expect(await harness.node.documents.removeVersion('doc:1', String(b?.['v']))).toMatchObject({ ok: true });
    expect(await save('c')).toMatchObject({ t: 'ok' });
  });

  it('saved at once on two nodes are as many as the limit', async () => {
    const nodes = await createManyNodes(['n1', 'n2'], {
      channels: [documentSpec({ namedVersions: 1 })],
      decide: () => ({ allow: true, untilMs: null, role: 'write' }),
      documents: documentPorts(),
    });
    const writers = [await join(nodes.node('n1'), 'ann'), await join(nodes.node('n2'), 'bob')];
    const answers = await Promise.all(
      writers.map((writer, n) => writer.ask({ t: 'doc', c: 'doc:1', do: 'save', m: `of ${n}` })),
    );
    expect(answers.map(({ t }) => t).toSorted()).toEqual(['err', 'ok']);
    const [ann] = writers;
    expect(await versionsOf(ann as Writer)).toHaveLength(1);
  });

  it('without a name are refused where none of them is kept', async () => {
    const harness = await createDocumentHarness(documentSpec({ versions: 0 }));
    const ann = await join(harness, 'ann');
    expect(await ann.ask({ t: 'doc', c: 'doc:1', do: 'save' })).toMatchObject({ code: 'limit_reached' });
  });

  it('are for readers to see and for writers to make; who is not in the document is told nothing', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const ann = await join(harness, 'ann');
    const saved = await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'one' });
    const v = (saved['d'] as Wire)['v'];
    for (const user of ['rita', 'carl']) {
      const reader = await join(harness, user);
      for (const asked of ['versions', 'view', 'diff', 'authors'])
        expect(await reader.ask({ t: 'doc', c: 'doc:1', do: asked, v })).toMatchObject({ t: 'ok' });
      for (const asked of ['save', 'restore'])
        expect(await reader.ask({ t: 'doc', c: 'doc:1', do: asked, v })).toMatchObject({ code: 'forbidden' });
    }
    const mallory = await harness.logIn('mallory');
    const outside = (c: string): Promise<Wire> => askOf(harness, mallory, { t: 'doc', c, do: 'versions' });
    const { i: _, ...known } = await outside('doc:1');
    const { i: __, ...unknown } = await outside('doc:nothing');
    expect(known).toEqual(unknown);
    expect(known).toMatchObject({ t: 'err', code: 'not_subscribed' });
  });

  it('that are not there are unknown, one must be named, and only documents have any', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const ann = await join(harness, 'ann');
    for (const asked of ['view', 'diff', 'restore']) {
      expect(await ann.ask({ t: 'doc', c: 'doc:1', do: asked, v: 'none' })).toMatchObject({
        code: 'version_unknown',
      });
      expect(await ann.ask({ t: 'doc', c: 'doc:1', do: asked })).toMatchObject({ code: 'bad_message' });
    }
    const saved = await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'one' });
    const v = (saved['d'] as Wire)['v'];
    expect(await ann.ask({ t: 'doc', c: 'doc:1', do: 'diff', v, w: 'none' })).toMatchObject({
      code: 'version_unknown',
    });
    await ann.ask({ t: 'sub', c: 'chat:1' });
    expect(await ann.ask({ t: 'doc', c: 'chat:1', do: 'versions' })).toMatchObject({ code: 'kind_mismatch' });
  });

  it('differ by what was added and removed, from each other and from the document', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const ann = await join(harness, 'ann');
    await ann.write((text) => text.insert(0, 'the red fox'));
    const v = ((await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'red' }))['d'] as Wire)['v'];
    await ann.write((text) => text.delete(4, 3));
    await ann.write((text) => text.insert(4, 'blue'));
    const w = ((await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'blue' }))['d'] as Wire)['v'];
    await ann.write((text) => text.insert(0, 'And '));
    type Diff = { root: string; kind: string; parts: { op: string; text: string }[] }[];
    const partsOf = (answer: Wire, ...ops: string[]): string =>
      (answer['d'] as Diff)
        .flatMap(({ parts }) => parts.filter(({ op }) => ops.includes(op)))
        .map(({ text }) => text)
        .join('');
    const between = await ann.ask({ t: 'doc', c: 'doc:1', do: 'diff', v, w });
    expect(between['d']).toMatchObject([{ root: 'text', kind: 'text' }]);
    expect([partsOf(between, 'same', 'removed'), partsOf(between, 'same', 'added')]).toEqual([
      'the red fox',
      'the blue fox',
    ]);
    const now = await ann.ask({ t: 'doc', c: 'doc:1', do: 'diff', v: w });
    expect([partsOf(now, 'same', 'removed'), partsOf(now, 'same', 'added')]).toEqual([
      'the blue fox',
      'And the blue fox',
    ]);
  });

  it('[DOC5] are not shown to whoever lost their role while the job was done', async () => {
    const inline = createInlineEngine();
    const gate = Promise.withResolvers<void>();
    const engine: Partial<DocumentEngine> = {
      async authors(...given) {
        await gate.promise;
        return inline.authors(...given);
      },
      compare: () => Promise.reject(new Error('it died')),
    };
    let role: 'read' | null = 'read';
    const harness = await createChannelHarness({
      channels: [documentSpec()],
      decide: () =>
        role === null
          ? { allow: false, code: 'forbidden', detail: 'no' }
          : { allow: true, untilMs: null, role },
      ports: () => documentPorts(engine),
    });
    await harness.node.documents.edit('doc:1', {
      edits: [{ op: 'insert', at: 'text', index: 0, text: 'secret' }],
    });
    const saved = await harness.node.documents.saveVersion('doc:1', 'one');
    const rita = await join(harness, 'rita');
    const v = saved.ok ? saved.value.id : '';
    expect(await rita.ask({ t: 'doc', c: 'doc:1', do: 'diff', v })).toMatchObject({
      code: 'unavailable',
      retryAfterMs: expect.any(Number),
    });
    rita.client.take();
    rita.client.send({ t: 'doc', c: 'doc:1', do: 'authors', i: 1 });
    await harness.clock.settle();
    role = null;
    await harness.node.recheckRole('rita', 'doc:1');
    gate.resolve();
    await harness.clock.settle();
    const told = rita.client.take();
    expect(told.find(({ i }) => i === 1)).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(JSON.stringify(told)).not.toContain('secret');
  });

  it('differ by one job for all who ask at once', async () => {
    const inline = createInlineEngine();
    let jobs = 0;
    let gate = Promise.withResolvers<void>();
    gate.resolve();
    const engine: Partial<DocumentEngine> = {
      async compare(...given) {
        jobs++;
        await gate.promise;
        return inline.compare(...given);
      },
      authors(...given) {
        jobs++;
        return inline.authors(...given);
      },
    };
    const harness = await createDocumentHarness(documentSpec(), documentPorts(engine));
    const ann = await join(harness, 'ann');
    await ann.write((text) => text.insert(0, 'a'));
    const saved = await harness.node.documents.saveVersion('doc:1', 'one');
    const v = saved.ok ? saved.value.id : '';
    const { documents } = harness.node;
    const all = await Promise.all([0, 1, 2].map(() => documents.diff('doc:1', v, null)));
    expect(all).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    await Promise.all([0, 1, 2].map(() => documents.authors('doc:1')));
    expect(jobs).toBe(2);
    // What was changed since is another content.
    await ann.write((text) => text.insert(0, 'b'));
    gate = Promise.withResolvers();
    const first = documents.diff('doc:1', v, null);
    await harness.clock.settle();
    await ann.write((text) => text.insert(0, 'c'));
    const second = documents.diff('doc:1', v, null);
    await harness.clock.settle();
    gate.resolve();
    expect(await first).not.toEqual(await second);
    expect(jobs).toBe(4);
  });

  it('whose difference is larger than what is held for a connection are refused, at this very size', async () => {
    const sizes = async (heldUnits: number): Promise<Wire> => {
      const harness = await createDocumentHarness(documentSpec({}, { heldUnits }));
      const ann = await join(harness, 'ann');
      await ann.write((text) => text.insert(0, 'x'.repeat(300)));
      const v = ((await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'x' }))['d'] as Wire)['v'];
      requests = 5_000;
      return ann.ask({ t: 'doc', c: 'doc:1', do: 'diff', v });
    };
    const units = JSON.stringify(await sizes(100_000)).length;
    expect(await sizes(units)).toMatchObject({ t: 'ok' });
    expect(await sizes(units - 1)).toMatchObject({ t: 'err', code: 'too_large' });
  });
});

describe('[DOC7] restoring', () => {
  it('is a change of the user who asked; what it said before is kept, and cursors stay where they are', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const ann = await join(harness, 'ann');
    const bob = await join(harness, 'bob');
    await ann.write((text) => text.insert(0, 'Once upon a time there was a fox'));
    const v = ((await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'fox' }))['d'] as Wire)['v'];
    await ann.write((text) => {
      text.insert(29, 'red ');
      text.delete(0, 5);
    });
    const reader = createReader({}, bob.doc);
    reader.read(bob.client.received);
    bob.client.take();
    // Behind `there`.
    const cursor = Y.createRelativePositionFromTypeIndex(typed(bob.doc), 17);
    expect(textOf(bob.doc).slice(12, 17)).toBe('there');

    const restored = await ann.ask({ t: 'doc', c: 'doc:1', do: 'restore', v });
    expect(restored).toMatchObject({ t: 'ok', o: 3, e: expect.any(String) });
    const updates = bob.client.take();
    expect(updates).toMatchObject([{ c: 'doc:1', o: 3, by: 'ann' }]);
    expect(reader.read(updates)).toBe('Once upon a time there was a fox');
    expect(Y.createAbsolutePositionFromRelativePosition(cursor, bob.doc)?.index).toBe(22);

    const [before, named] = await versionsOf(ann);
    expect(named).toMatchObject({ v });
    const view = await ann.ask({ t: 'doc', c: 'doc:1', do: 'view', v: before?.['v'] });
    const states = ann.client.received.filter(({ t }) => t === 'ds');
    expect(createReader(view).read(states)).toBe('upon a time there was a red fox');
    // Again there is nothing to change.
    expect(await ann.ask({ t: 'doc', c: 'doc:1', do: 'restore', v })).toMatchObject({ t: 'ok', o: 3 });
  });

  it('is made anew where the document goes on meanwhile', async () => {
    const inline = createInlineEngine();
    const interrupt: (() => Promise<unknown>)[] = [];
    let restores = 0;
    const engine: Partial<DocumentEngine> = {
      async restore(...given) {
        restores++;
        const made = await inline.restore(...given);
        await interrupt.shift()?.();
        return made;
      },
    };
    const harness = await createDocumentHarness(documentSpec(), documentPorts(engine));
    const ann = await join(harness, 'ann');
    await ann.write((text) => text.insert(0, 'first'));
    const saved = await harness.node.documents.saveVersion('doc:1', 'first');
    await ann.write((text) => text.insert(5, ' second'));
    const edit = (text: string) => () =>
      harness.node.documents.edit('doc:1', { edits: [{ op: 'insert', at: 'text', index: 0, text }] });
    interrupt.push(edit('a'), edit('b'));
    const v = saved.ok ? saved.value.id : '';
    expect(await harness.node.documents.restore('doc:1', v, 'ann')).toMatchObject({
      ok: true,
      value: { changed: true, position: { offset: 5 } },
    });
    expect(restores).toBe(3);
    expect(await textOfNow(harness)).toBe('first');

    // Whoever never stops typing does not hold it up for ever: what they write meanwhile stays.
    restores = 0;
    await ann.write((text) => text.insert(0, '…'));
    for (let n = 0; n < 9; n++) interrupt.push(edit('x'));
    expect(await harness.node.documents.restore('doc:1', v, 'ann')).toMatchObject({ ok: true });
    expect(restores).toBe(5);
    expect(await textOfNow(harness)).toBe('xfirst');
  });
});

it('[DOC5] [DOC7] whoever lost the right to write while a restore was made changes nothing', async () => {
  const inline = createInlineEngine();
  const gate = Promise.withResolvers<void>();
  const engine: Partial<DocumentEngine> = {
    async restore(...given) {
      await gate.promise;
      return inline.restore(...given);
    },
  };
  let role: 'read' | 'write' = 'write';
  const harness = await createChannelHarness({
    channels: [documentSpec()],
    decide: () => ({ allow: true, untilMs: null, role }),
    ports: () => documentPorts(engine),
  });
  const ann = await join(harness, 'ann');
  const v = ((await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'empty' }))['d'] as Wire)['v'];
  await ann.write((text) => text.insert(0, 'stays'));
  ann.client.take();
  ann.client.send({ t: 'doc', c: 'doc:1', do: 'restore', v, i: 1 });
  await harness.clock.settle();
  role = 'read';
  await harness.node.recheckRole('ann', 'doc:1');
  gate.resolve();
  await harness.clock.settle();
  expect(ann.client.take().find(({ i }) => i === 1)).toMatchObject({ t: 'err', code: 'forbidden' });
  expect(await textOfNow(harness)).toBe('stays');
});

describe('versions that are made by themselves', () => {
  const every = documentSpec({ versionEveryMs: HOUR, versions: 2 });

  it('are made an hour behind the first change, and not where nothing changed since', async () => {
    const harness = await createDocumentHarness(every);
    const ann = await join(harness, 'ann');
    await ann.write((text) => text.insert(0, 'a'));
    await harness.clock.advance(HOUR / 2);
    await ann.write((text) => text.insert(1, 'b'));
    await harness.clock.advance(HOUR / 2 - 1);
    expect(await versionsOf(ann)).toEqual([]);
    await harness.clock.advance(5_001);
    const [made] = await versionsOf(ann);
    expect(made).toMatchObject({ v: '00000001-auto' });
    expect(made).not.toHaveProperty('by');
    expect(
      createReader(await ann.ask({ t: 'doc', c: 'doc:1', do: 'view', v: made?.['v'] })).read(
        ann.client.received,
      ),
    ).toBe('ab');
    await harness.clock.advance(3 * HOUR);
    expect(await versionsOf(ann)).toHaveLength(1);

    // The oldest go beyond what is kept.
    for (const letter of ['c', 'd']) {
      await ann.write((text) => text.insert(0, letter));
      await harness.clock.advance(HOUR + 5_000);
    }
    expect((await versionsOf(ann)).map(({ v }) => v)).toEqual(['00000003-auto', '00000002-auto']);
  });

  it('wait their time behind a version that somebody made', async () => {
    const harness = await createDocumentHarness(every);
    const ann = await join(harness, 'ann');
    await ann.write((text) => text.insert(0, 'a'));
    await harness.clock.advance(HOUR / 2);
    await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'mine' });
    await ann.write((text) => text.insert(0, 'b'));
    await harness.clock.advance(HOUR / 2 + 5_000);
    expect(await versionsOf(ann)).toHaveLength(1);
    await harness.clock.advance(HOUR / 2);
    expect((await versionsOf(ann)).map(({ v }) => v)).toEqual(['00000002-auto', expect.any(String)]);

    // What was saved by name behind the last change need not be kept twice.
    await ann.write((text) => text.insert(0, 'c'));
    await ann.ask({ t: 'doc', c: 'doc:1', do: 'save', m: 'all of it' });
    await harness.clock.advance(3 * HOUR);
    expect(await versionsOf(ann)).toHaveLength(3);
  });

  it('come of changes by the server too, and are tried again where the store does not answer', async () => {
    const store = createMemoryDocuments();
    let isDown = true;
    const harness = await createDocumentHarness(
      every,
      documentPorts(
        {},
        {
          ...store,
          addVersion: (...given) =>
            isDown ? Promise.reject(new Error('no answer')) : store.addVersion(...given),
        },
      ),
    );
    await harness.node.documents.edit('doc:1', {
      edits: [{ op: 'insert', at: 'text', index: 0, text: 'a' }],
    });
    expect(harness.node.counts().timers).toBeGreaterThan(0);
    await harness.clock.advance(HOUR + 5_000);
    expect(store.versions('doc:1', null, 10)).toEqual([]);
    isDown = false;
    await harness.clock.advance(30_000);
    expect(store.versions('doc:1', null, 10)).toMatchObject([{ id: '00000001-auto' }]);
  });

  it('are one where two nodes make them at once', async () => {
    const store = createMemoryDocuments();
    const adding: (() => void)[] = [];
    const nodes = await createManyNodes(['n1', 'n2'], {
      channels: [every],
      settings: { heartbeatMs: 100 * HOUR },
      decide: () => ({ allow: true, untilMs: null, role: 'write' }),
      documents: documentPorts(
        {},
        {
          ...store,
          // Neither has added before both have seen that it is their turn.
          async addVersion(...given) {
            await new Promise<void>((resolve) => {
              adding.push(resolve);
              if (adding.length === 2) for (const go of adding) go();
            });
            store.addVersion(...given);
          },
        },
      ),
    });
    const ann = await join(nodes.node('n1'), 'ann');
    const bob = await join(nodes.node('n2'), 'bob');
    await ann.write((text) => text.insert(0, 'a'));
    await bob.write((text) => text.insert(0, 'b'));
    await nodes.clock.advance(HOUR + 5_000);
    expect(adding).toHaveLength(2);
    expect(store.versions('doc:1', null, 10)).toMatchObject([{ id: '00000001-auto' }]);
  });

  it('are made by nobody once the node has stopped', async () => {
    const harness = await createDocumentHarness(every);
    const ann = await join(harness, 'ann');
    await ann.write((text) => text.insert(0, 'a'));
    await harness.node.stop();
    expect(harness.node.counts().timers).toBe(0);
  });
});
