import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Context } from 'hono';
import * as z from 'zod';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { rawRoute } from './define-route.ts';
import type { EdgeFormat } from './edge-line.ts';
import { readEdges } from './edge-stream.ts';
import { type ApiEnv, json, type Replies } from './replies.ts';
import { flag } from './read-request.ts';
import type { Route } from './route.ts';

/** Whole rosters at once. */
export const importRoutes: readonly Route[] = [
  rawRoute({
    id: 'importEdges',
    method: 'POST',
    path: '/v1/import',
    tag: 'Import',
    access: 'key',
    summary: 'Reads lines of edges, and stores them.',
    description:
      'CSV, one `follower,followee` a line, or one JSON value a line; gzipped or not. It ends at the first line that is wrong; what was stored before stays.',
    query: {
      mutual: flag().optional().meta({ description: 'Each line stands for both directions.' }),
    },
    body: { schema: null, contentTypes: ['text/csv', 'application/x-ndjson'], limit: 'importBytes' },
    answers: [
      {
        status: 200,
        about:
          'How many edges were read, how many of them and how many users were new, and how many were left out.',
        schema: z.object({
          edges: z.int().min(0),
          added: z.int().min(0),
          users: z.int().min(0),
          refused: z.int().min(0),
        }),
        contentType: 'application/json',
      },
    ],
    errors: ['bad_json', 'user_id_invalid', 'self_follow', 'roster_external', 'unavailable'],
    serve: (context, { importEdges }) => importEdges(context),
  }),
];

export type ImportOptions = {
  readonly node: RealtimeNode;
  readonly replies: Replies;
  readonly importBytes: number;
};

/** A piece that was sent to be stored. */
type UnderWay = { readonly edges: number; readonly outcome: ReturnType<RealtimeNode['importEdges']> };

/** Bulk import of edges: read, checked and stored piece by piece, so that its size does not matter. */
export function createImport({
  node,
  replies,
  importBytes,
}: ImportOptions): (context: Context<ApiEnv>) => Promise<Response> {
  let running = false;

  async function importBody(
    body: AsyncIterable<Uint8Array>,
    format: EdgeFormat,
    mutual: boolean,
  ): Promise<Response> {
    const total = { edges: 0, added: 0, users: 0, refused: 0 };
    // While one piece is stored the next is read and sent, so that neither thread waits for the other.
    let underWay: UnderWay | null = null;
    // Importing again is harmless, so what is stored before a wrong line stays.
    const kept = (): string => `${total.edges} edges before it are stored`;

    /** Adds up the piece under way; what went wrong with it, or null. */
    async function settle(piece: UnderWay | null): Promise<Response | null> {
      if (piece === null) return null;
      const outcome = await piece.outcome;
      if (!outcome.ok) return replies.fail(outcome.code, `${outcome.detail}; ${kept()}`);
      total.edges += piece.edges;
      total.added += outcome.value.added;
      total.users += outcome.value.users;
      total.refused += outcome.value.refused;
      return null;
    }

    for await (const batch of readEdges(body, { format, mutual, maxBytes: importBytes })) {
      // Reading a piece, storing it and telling of it are each a good part of what the loop may be held for.
      await nextTurn();
      const next: UnderWay | null = batch.ok
        ? { edges: batch.edges.length, outcome: node.importEdges(batch.edges) }
        : null;
      const failure = await settle(underWay);
      underWay = next;
      if (failure !== null) {
        // What was sent meanwhile is settled before anybody is told that the import is over.
        await next?.outcome;
        return failure;
      }
      if (!batch.ok)
        return replies.fail(batch.problem.code, `line ${batch.line}: ${batch.problem.detail}; ${kept()}`);
    }
    return (await settle(underWay)) ?? json(total, 200);
  }

  return async (context) => {
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
  };
}
