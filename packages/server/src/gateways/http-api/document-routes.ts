import type { Context } from 'hono';
import type { Position } from '../../ports/log.ts';
import { userId } from './channel-schemas.ts';
import { rawRoute, route } from './define-route.ts';
import { authorList, changed, documentBody, editsBody } from './document-schemas.ts';
import { readBytes } from './json-body.ts';
import { channel, idempotencyKey } from './parameters.ts';
import { type ApiEnv, json } from './replies.ts';

/** An update of Yjs, format 1, as it is. */
export const UPDATE_TYPE = 'application/octet-stream';

const refusals = ['channel_unknown', 'kind_mismatch', 'unavailable'] as const;
const judged = ['user_id_invalid', 'update_invalid', 'limit_reached', 'id_reused'] as const;

/** What documents say, and changes by the app itself. */
export const documentRoutes = [
  rawRoute({
    id: 'document',
    method: 'GET',
    path: '/v1/documents/{channel}',
    tag: 'Documents',
    access: 'key',
    summary: 'What a document says.',
    description: `With \`Accept: ${UPDATE_TYPE}\` the whole document as one update of Yjs, format 1, its position in \`ETag\`: for export and backup.`,
    params: { channel },
    answers: [
      { status: 200, about: 'What it says.', schema: documentBody, contentType: 'application/json' },
      { status: 200, about: 'As bytes: all of it as one update.', schema: null, contentType: UPDATE_TYPE },
    ],
    errors: [...refusals],
    async serve(context, { node, replies }, { channel: name }) {
      if (wantsUpdate(context)) {
        const outcome = await node.documents.state(name);
        return outcome.ok ? bytes(outcome.value.update, outcome.value.position) : replies.of(outcome);
      }
      const outcome = await node.documents.json(name);
      return outcome.ok ? json(outcome.value, 200) : replies.of(outcome);
    },
  }),

  route({
    id: 'editDocument',
    method: 'POST',
    path: '/v1/documents/{channel}',
    tag: 'Documents',
    summary: 'Edits a document.',
    description:
      'All edits are one change, made against the document as it is now; those of others at the same time are joined with it. Where one does not fit, none is made.',
    params: { channel },
    headers: { 'idempotency-key': idempotencyKey },
    body: { schema: editsBody, limit: 'publicationBytes' },
    answer: { about: 'It is kept at the level of the channel.', schema: changed },
    errors: [...refusals, ...judged],
    handle({ channel: name, headers, body }, { node }) {
      const header = headers['idempotency-key'];
      if (header !== undefined && body.id !== undefined && header !== body.id)
        return { ok: false, code: 'bad_message', detail: 'id: differs from the header Idempotency-Key' };
      return node.documents.edit(name, { ...body, id: body.id ?? header });
    },
  }),

  rawRoute({
    id: 'importDocument',
    method: 'PUT',
    path: '/v1/documents/{channel}',
    tag: 'Documents',
    access: 'key',
    summary: 'Takes an update or a whole document.',
    description:
      'An update of Yjs, format 1. It is joined to what is there, as every change: importing again changes nothing.',
    params: { channel },
    query: { by: userId.optional().meta({ description: "Whose change it is; absent: the server's." }) },
    body: { schema: null, contentTypes: [UPDATE_TYPE], limit: 'documentBytes' },
    answers: [
      {
        status: 200,
        about: 'It is kept at the level of the channel.',
        schema: changed,
        contentType: 'application/json',
      },
    ],
    errors: [...refusals, ...judged, 'update_gap', 'client_id_taken'],
    async serve(context, { node, replies }, { channel: name, query }) {
      const limits = node.documents.limits(name);
      if (!limits.ok) return replies.of(limits);
      const read = await readBytes(context.req.raw, limits.value.documentBytes);
      if (!read.ok) return replies.fail(read.code, read.detail);
      return replies.of(await node.documents.import(name, read.bytes, query.by));
    },
  }),

  route({
    id: 'deleteDocument',
    method: 'DELETE',
    path: '/v1/documents/{channel}',
    tag: 'Documents',
    summary: 'Forgets a document and its versions.',
    description:
      'Whoever is in it is told that it began anew. What people have in their copies comes back with the next of them who may write: take their roles first.',
    params: { channel },
    errors: [...refusals],
    handle: ({ channel: name }, { node }) => node.documents.delete(name),
  }),

  route({
    id: 'documentAuthors',
    method: 'GET',
    path: '/v1/documents/{channel}/authors',
    tag: 'Documents',
    summary: 'Who wrote what of a document.',
    params: { channel },
    answer: { about: 'What it says, in runs of one author each.', schema: authorList },
    errors: [...refusals],
    async handle({ channel: name }, { node }) {
      const outcome = await node.documents.authors(name);
      if (!outcome.ok) return outcome;
      const { position, roots } = outcome.value;
      const runs = Object.entries(roots).map(
        ([root, all]) =>
          [
            root,
            all.map(({ by, length, text }) => ({ ...(by === null ? {} : { by }), length, text })),
          ] as const,
      );
      return { ok: true, value: { position: { ...position }, roots: Object.fromEntries(runs) } };
    },
  }),
];

/** Whether the bytes are asked for, and not what they say. */
export function wantsUpdate(context: Context<ApiEnv>): boolean {
  return (context.req.header('accept') ?? '')
    .split(',')
    .some((each) => each.split(';')[0]?.trim() === UPDATE_TYPE);
}

/** An update as an answer. */
export function bytes(update: Uint8Array, { epoch, offset }: Position): Response {
  return new Response(new Uint8Array(update), {
    status: 200,
    headers: {
      'content-type': UPDATE_TYPE,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      etag: `"${epoch}-${offset}"`,
    },
  });
}
