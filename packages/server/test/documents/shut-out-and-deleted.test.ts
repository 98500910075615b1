import { expect, it } from 'vitest';
import * as Y from 'yjs';
import { createMemoryDocuments } from '../../src/adapters/memory/documents.ts';
import { createInlineEngine } from '../../src/adapters/yjs/engine.ts';
import type { DocumentEngine } from '../../src/ports/document-engine.ts';
import type { DocumentStore } from '../../src/ports/documents.ts';
import type { BareClient, Harness, Wire } from '../runtime/harness.ts';
import { createDocumentHarness, documentPorts, documentSpec } from './document-harness.ts';
import { base64, typed, updateOf } from './yjs-client.ts';

const DOC = 'doc:1';

/** Jobs of one kind that wait until they are let go. */
function held<K extends 'prune' | 'restore' | 'compact'>(
  kind: K,
): { readonly engine: Partial<DocumentEngine>; readonly jobs: (() => void)[] } {
  const inline = createInlineEngine();
  const jobs: (() => void)[] = [];
  const job = inline[kind] as (...given: readonly unknown[]) => Promise<unknown>;
  const waiting = async (...given: readonly unknown[]): Promise<unknown> => {
    await new Promise<void>((resolve) => void jobs.push(resolve));
    return job(...given);
  };
  return { engine: { [kind]: waiting }, jobs };
}

let requests = 0;

function send(client: BareClient, message: object): () => Wire | undefined {
  const i = ++requests;
  client.send({ ...message, i });
  return () => client.received.find((each) => each['i'] === i && (each.t === 'ok' || each.t === 'err'));
}

async function ask({ clock }: Pick<Harness, 'clock'>, client: BareClient, message: object): Promise<Wire> {
  const answer = send(client, message);
  await clock.settle();
  return answer() ?? { t: 'none' };
}

/** A copy of the whole, with something deleted. */
function copyWithDeletion(doc: Y.Doc): string {
  typed(doc).insert(0, 'text');
  typed(doc).delete(0, 1);
  return base64(Y.encodeStateAsUpdate(doc));
}

it('[DOC5] a copy is refused whose author is shut out while a job looks at it, though nobody else is in the document', async () => {
  const { engine, jobs } = held('prune');
  const harness = await createDocumentHarness(documentSpec(), documentPorts(engine));
  const ann = await harness.logIn('ann');
  const doc = new Y.Doc();
  await ask(harness, ann, { t: 'sub', c: DOC, cl: [doc.clientID] });
  const answer = send(ann, { t: 'upd', c: DOC, full: true, d: copyWithDeletion(doc) });
  await harness.clock.settle();
  expect(jobs).toHaveLength(1);
  await harness.node.unsubscribeUser('ann', DOC);
  await harness.clock.settle();
  for (const go of jobs) go();
  await harness.clock.settle();
  expect(answer()).toMatchObject({ t: 'err', code: 'forbidden' });
});

it('[DOC5] a version is not restored for somebody who may not write any more when the change is made', async () => {
  const { engine, jobs } = held('restore');
  const roles: Record<string, 'write' | 'read'> = {};
  const harness = await createDocumentHarness(documentSpec(), documentPorts(engine), {
    decide: ({ user }: { readonly user: string }) => ({
      allow: true as const,
      untilMs: null,
      role: roles[user] ?? ('write' as const),
    }),
  });
  const ann = await harness.logIn('ann');
  const doc = new Y.Doc();
  await ask(harness, ann, { t: 'sub', c: DOC, cl: [doc.clientID] });
  const write = (text: string): Promise<Wire> =>
    ask(harness, ann, { t: 'upd', c: DOC, d: base64(updateOf(doc, () => typed(doc).insert(0, text))) });
  await write('before');
  const saved = await harness.node.documents.saveVersion(DOC, 'v');
  await write('after ');
  const v = saved.ok ? saved.value.id : '';
  const answer = send(ann, { t: 'doc', c: DOC, do: 'restore', v });
  await harness.clock.settle();
  expect(jobs).toHaveLength(1);
  roles['ann'] = 'read';
  await harness.node.recheckRole('ann', DOC);
  for (const go of jobs) go();
  await harness.clock.settle();
  expect(answer()).toMatchObject({ t: 'err', code: 'forbidden' });
  expect(await harness.node.documents.json(DOC)).toMatchObject({ value: { json: { text: 'after before' } } });
});

it('a version that is made while the document is deleted is not found beside what comes next', async () => {
  const { engine, jobs } = held('compact');
  const harness = await createDocumentHarness(documentSpec(), documentPorts(engine));
  await harness.node.documents.edit(DOC, { edits: [{ op: 'insert', at: 'text', index: 0, text: 'secret' }] });
  const saving = harness.node.documents.saveVersion(DOC, 'v');
  await harness.clock.settle();
  expect(jobs).toHaveLength(1);
  await harness.node.documents.delete(DOC);
  for (const go of jobs) go();
  expect(await saving).toMatchObject({ ok: false, code: 'conflict' });
  expect(await harness.node.documents.versions(DOC, null, 10)).toMatchObject({ value: { versions: [] } });
});

it('a first snapshot that is being put while the document is deleted is not the first of what comes next', async () => {
  const store = createMemoryDocuments();
  const puts: (() => void)[] = [];
  const slow: DocumentStore = {
    ...store,
    async put(...given) {
      await new Promise<void>((resolve) => void puts.push(resolve));
      return store.put(...given);
    },
  };
  const harness = await createDocumentHarness(documentSpec({ compactUpdates: 1 }), documentPorts({}, slow));
  await harness.node.documents.edit(DOC, { edits: [{ op: 'insert', at: 'text', index: 0, text: 'secret' }] });
  await harness.clock.settle();
  expect(puts).toHaveLength(1);
  await harness.node.documents.delete(DOC);
  for (const go of puts) go();
  await harness.clock.settle();
  const now = await harness.node.documents.json(DOC);
  expect(now.ok && now.value.json).toEqual({});
});

it('[DOC3] a copy that brings nothing is answered only once what it repeats is kept', async () => {
  let settles = 0;
  let isKept = true;
  const harness = await createDocumentHarness(documentSpec(), documentPorts(), {
    ports: ({ logs }) => {
      const settle = (channel: string): unknown => {
        settles++;
        if (!isKept) throw new Error('no replica has it');
        return logs.memory.settle(channel);
      };
      return { logs: { ...logs, memory: { ...logs.memory, settle } as typeof logs.memory } };
    },
  });
  const ann = await harness.logIn('ann');
  const doc = new Y.Doc();
  await ask(harness, ann, { t: 'sub', c: DOC, cl: [doc.clientID] });
  const copy = { t: 'upd', c: DOC, full: true, d: copyWithDeletion(doc) };
  expect(await ask(harness, ann, copy)).toMatchObject({ t: 'ok', o: 1 });
  isKept = false;
  expect(await ask(harness, ann, copy)).toMatchObject({ t: 'err', code: 'unavailable' });
  isKept = true;
  expect(await ask(harness, ann, copy)).toMatchObject({ t: 'ok', dup: true });
  // It is remembered now that it brings nothing.
  isKept = false;
  expect(await ask(harness, ann, copy)).toMatchObject({ t: 'err', code: 'unavailable' });
  expect(settles).toBe(3);
});
