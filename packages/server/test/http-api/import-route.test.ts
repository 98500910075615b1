import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { EDGE_BATCH } from '../../src/gateways/http-api/edge-stream.ts';
import { createImport } from '../../src/gateways/http-api/import-route.ts';
import { type ApiEnv, createReplies } from '../../src/gateways/http-api/replies.ts';
import type { EdgeList } from '../../src/ports/directory.ts';
import type { Outcome, RealtimeNode } from '../../src/runtime/node-api.ts';

type Stored = Outcome<{ readonly added: number; readonly users: number; readonly refused: number }>;

const stored = (edges: number): Stored => ({ ok: true, value: { added: edges, users: 1, refused: 0 } });

/** The route over a node of which the test says when each piece is stored. */
function route() {
  const app = new Hono<ApiEnv>();
  const pieces: { readonly edges: number; readonly settle: PromiseWithResolvers<Stored> }[] = [];
  let came = Promise.withResolvers<void>();
  const node = {
    importEdges(edges: EdgeList) {
      const settle = Promise.withResolvers<Stored>();
      pieces.push({ edges: edges.length, settle });
      came.resolve();
      came = Promise.withResolvers<void>();
      return settle.promise;
    },
  };
  app.post(
    '/v1/import',
    createImport({
      node: node as unknown as RealtimeNode,
      replies: createReplies({ error: () => undefined }),
      importBytes: 10_000_000,
    }),
  );
  return {
    pieces,
    post: (body: string) => app.request('/v1/import', { method: 'POST', body }),
    async piece(n: number) {
      while (pieces.length <= n) await came.promise;
      return pieces[n]!;
    },
  };
}

const lines = (count: number) => Array.from({ length: count }, (_, i) => `a${i},b\n`).join('');

/** Time enough for whatever is ready to run. */
async function turns(): Promise<void> {
  for (let i = 0; i < 200; i++) await new Promise(setImmediate);
}

it('reads and sends a piece while the one before is stored, and no more than one', async () => {
  const { post, piece, pieces } = route();
  const answer = post(lines(3 * EDGE_BATCH + 5));
  const second = await piece(1);
  await turns();
  expect(pieces).toHaveLength(2);
  pieces[0]!.settle.resolve(stored(EDGE_BATCH));
  await piece(2);
  await turns();
  expect(pieces).toHaveLength(3);
  second.settle.resolve(stored(EDGE_BATCH));
  pieces[2]!.settle.resolve(stored(EDGE_BATCH));
  (await piece(3)).settle.resolve(stored(5));
  expect(await (await answer).json()).toEqual({
    edges: 3 * EDGE_BATCH + 5,
    added: 3 * EDGE_BATCH + 5,
    users: 4,
    refused: 0,
  });
});

it('a piece that cannot be stored ends the import, once what was sent after it is settled', async () => {
  const { post, piece } = route();
  let answered = false;
  const answer = Promise.resolve(post(lines(3 * EDGE_BATCH))).finally(() => (answered = true));
  (await piece(0)).settle.resolve(stored(EDGE_BATCH));
  (await piece(1)).settle.resolve({ ok: false, code: 'unavailable', detail: 'no' });
  const third = await piece(2);
  await turns();
  expect(answered).toBe(false);
  expect(await (await post('a,b\n')).text()).toContain('another import is running');
  third.settle.resolve(stored(EDGE_BATCH));
  const response = await answer;
  expect(response.status).toBe(503);
  expect(await response.text()).toContain(`no; ${EDGE_BATCH} edges before it are stored`);
});

it('a wrong line is told when everything before it is stored', async () => {
  const { post, piece } = route();
  let answered = false;
  const answer = Promise.resolve(post(`${lines(EDGE_BATCH)}wrong\n`)).finally(() => (answered = true));
  const first = await piece(0);
  await turns();
  expect(answered).toBe(false);
  first.settle.resolve(stored(EDGE_BATCH));
  const response = await answer;
  expect(response.status).toBe(400);
  expect(await response.text()).toContain(`line ${EDGE_BATCH + 1}`);
});
