import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Hono } from 'hono';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import type { EdgeFormat } from './edge-line.ts';
import { readEdges } from './edge-stream.ts';
import { type ApiEnv, json, type Replies } from './replies.ts';
import { resource } from './resource.ts';

export type ImportRouteOptions = {
  readonly node: RealtimeNode;
  readonly replies: Replies;
  readonly importBytes: number;
};

/** Bulk import of edges: read, checked and stored piece by piece, so that its size does not matter. */
export function addImportRoute(app: Hono<ApiEnv>, { node, replies, importBytes }: ImportRouteOptions): void {
  let running = false;

  async function importBody(
    body: AsyncIterable<Uint8Array>,
    format: EdgeFormat,
    mutual: boolean,
  ): Promise<Response> {
    let edges = 0;
    let added = 0;
    let users = 0;
    let refused = 0;
    // Importing again is harmless, so what is stored before a wrong line stays.
    const kept = (): string => `${edges} edges before it are stored`;
    for await (const batch of readEdges(body, { format, mutual, maxBytes: importBytes })) {
      if (!batch.ok)
        return replies.fail(batch.problem.code, `line ${batch.line}: ${batch.problem.detail}; ${kept()}`);
      // Reading a piece, storing it and telling of it are each a good part of what the loop may be held for.
      await nextTurn();
      const outcome = await node.importEdges(batch.edges);
      await nextTurn();
      if (!outcome.ok) return replies.fail(outcome.code, `${outcome.detail}; ${kept()}`);
      edges += batch.edges.length;
      added += outcome.value.added;
      users += outcome.value.users;
      refused += outcome.value.refused;
    }
    return json({ edges, added, users, refused }, 200);
  }

  resource(app, '/v1/import', replies, {
    POST: async (context) => {
      // Two at once would only take turns at the one writer.
      if (running) return replies.fail('unavailable', 'another import is running');
      running = true;
      try {
        const type = context.req.header('content-type') ?? '';
        const format = /\b(x-)?(ndjson|jsonl|jsonlines)\b/.test(type) ? 'ndjson' : 'csv';
        return await importBody(
          context.req.raw.body ?? Readable.from([]),
          format,
          context.req.query('mutual') === 'true',
        );
      } finally {
        running = false;
      }
    },
  });
}
