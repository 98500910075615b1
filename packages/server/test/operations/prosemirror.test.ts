import { defineContract, stream } from '@carillon/contract';
import { Node } from 'prosemirror-model';
import { schema } from 'prosemirror-schema-basic';
import { Step } from 'prosemirror-transform';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type AppUnderTest, startApp } from '../contract/app-under-test.ts';
import { type Editor, openClient, openEditor } from './editors.ts';

/** Numbers in [0, 1) that a seed fixes (a linear congruential generator of 32 bits). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

const EDITORS = 5;
const ROUNDS = 30;

const contractOf = (durability: 'memory' | 'stored') =>
  defineContract({
    channels: {
      'ops:{id}': stream({
        data: z.object({ client: z.string(), steps: z.array(z.json()) }),
        durability,
        history: { count: 100_000, ageMs: 365 * 24 * 3600 * 1000, units: 64 * 1024 * 1024 },
      }),
    },
  });

let app: AppUnderTest<ReturnType<typeof contractOf>>;
const editors: Editor[] = [];

afterEach(async () => {
  for (const editor of editors.splice(0)) editor.close();
  await app.close();
});

async function start(durability: 'memory' | 'stored'): Promise<void> {
  app = await startApp(contractOf(durability), { authorize: { 'ops:{id}': () => true } });
}

function open(name: string): Editor {
  const editor = openEditor(openClient(app.url, name), 'paper', name);
  editors.push(editor);
  return editor;
}

/** What the log itself says the document is, and who appended how many steps. */
async function authority(): Promise<{ content: string; steps: number; byClient: Map<string, number> }> {
  let doc = Node.fromJSON(schema, { type: 'doc', content: [{ type: 'paragraph' }] });
  let steps = 0;
  const byClient = new Map<string, number>();
  const told = await editors[0]!.log.catchUp(null);
  if (!told.ok) throw new Error(told.why);
  for (const { data } of told.operations) {
    for (const step of data.steps) {
      const applied = Step.fromJSON(schema, step).apply(doc);
      if (applied.doc === null)
        throw new Error(`the log holds a step that does not apply: ${applied.failed}`);
      doc = applied.doc;
      steps++;
    }
    byClient.set(data.client, (byClient.get(data.client) ?? 0) + data.steps.length);
  }
  return { content: JSON.stringify(doc.toJSON()), steps, byClient };
}

describe.each(['memory', 'stored'] as const)(
  'editors with prosemirror-collab, on a %s channel',
  (durability) => {
    it(`[PUB3] ${EDITORS} that type at once, are cut off and come back end with one document, each step in it once`, async () => {
      const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
      const random = randomOf(seed);
      await start(durability);
      for (let i = 0; i < EDITORS; i++) open(`editor-${i}`);
      await Promise.all(editors.map(({ log }) => log.ready));
      const marks: string[] = [];
      let cuts = 0;
      for (let round = 0; round < ROUNDS; round++) {
        for (const [i, editor] of editors.entries()) {
          const mark = `<${i}.${round}>`;
          marks.push(mark);
          editor.edit(random, mark);
          if (random() < 0.06) {
            editor.client.cut();
            cuts++;
          }
        }
        // Some rounds are of those who type faster than the line: others wait until one has saved.
        if (random() < 0.3) await editors[Math.floor(random() * EDITORS)]!.saved();
      }
      await Promise.all(editors.map((editor) => editor.saved()));
      const truth = await authority();
      await expect
        .poll(() => editors.map(({ version }) => version), { message: `seed ${seed}`, timeout: 20_000 })
        .toEqual(editors.map(() => truth.steps));
      for (const editor of editors) {
        expect(editor.content, `seed ${seed}`).toBe(truth.content);
        expect([editor.unconfirmed, editor.lost]).toEqual([0, []]);
      }
      expect(truth.steps).toBeGreaterThan(EDITORS * ROUNDS * 0.5);
      expect(
        [cuts, editors.reduce((sum, { conflicts }) => sum + conflicts, 0)].every((count) => count > 0),
      ).toBe(true);
      expect([...truth.byClient.keys()].sort()).toEqual(editors.map((_, i) => `editor-${i}`));
      const text = Node.fromJSON(schema, JSON.parse(truth.content)).textContent;
      for (const mark of marks)
        expect(text.split(mark).length - 1, `${mark}, seed ${seed}`).toBeLessThanOrEqual(1);
    });

    it('one that comes late catches up from the beginning, and from any version', async () => {
      await start(durability);
      const random = randomOf(7);
      const first = open('first');
      for (let i = 0; i < 20; i++) {
        first.edit(random, `<${i}>`);
        await first.saved();
      }
      const late = open('late');
      await late.log.ready;
      expect(late.content).toBe(first.content);
      const { version } = first.log;
      for (const offset of [0, 1, 7, 19, 20])
        expect(await first.log.catchUp({ epoch: version!.epoch, offset })).toMatchObject({
          ok: true,
          version,
          operations: Array.from({ length: 20 - offset }, (_, i) => ({
            position: { offset: offset + i + 1 },
          })),
        });
      expect(await first.log.catchUp({ epoch: 'another', offset: 3 })).toMatchObject({
        ok: false,
        why: 'epoch',
      });
    });
  },
);
