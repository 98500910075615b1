import * as z from 'zod';
import { rawRoute, route } from './define-route.ts';
import { bytes, UPDATE_TYPE, wantsUpdate } from './document-routes.ts';
import {
  by,
  documentDiff,
  newVersion,
  restored,
  versionBody,
  versionHead,
  versionPage,
  written,
} from './document-schemas.ts';
import { channel, pageSize, version } from './parameters.ts';
import { json } from './replies.ts';

const refusals = ['channel_unknown', 'kind_mismatch', 'unavailable'] as const;
const versionId = z.string().min(1).max(64);

/** Versions of documents. */
export const versionRoutes = [
  route({
    id: 'documentVersions',
    method: 'GET',
    path: '/v1/documents/{channel}/versions',
    tag: 'Documents',
    summary: 'A page of the versions of a document.',
    params: { channel },
    query: {
      before: versionId
        .optional()
        .meta({ description: 'The page begins behind this one: `next` of the page before.' }),
      limit: pageSize,
    },
    answer: { about: 'The page.', schema: versionPage },
    errors: [...refusals],
    async handle({ channel: name, query }, { node }) {
      const page = await node.documents.versions(name, query.before ?? null, query.limit);
      if (!page.ok) return page;
      const { versions, next } = page.value;
      return { ok: true, value: { versions: versions.map(written), ...(next === null ? {} : { next }) } };
    },
  }),

  route({
    id: 'saveDocumentVersion',
    method: 'POST',
    path: '/v1/documents/{channel}/versions',
    tag: 'Documents',
    summary: 'Keeps what a document says now as a version.',
    params: { channel },
    body: { schema: newVersion, limit: 'requestBytes' },
    answer: { about: 'The version.', schema: versionHead },
    created: () => true,
    errors: [...refusals, 'limit_reached', 'user_id_invalid'],
    async handle({ channel: name, body }, { node }) {
      const saved = await node.documents.saveVersion(name, body.name ?? null, body.by);
      return saved.ok ? { ok: true, value: written(saved.value) } : saved;
    },
  }),

  rawRoute({
    id: 'documentVersion',
    method: 'GET',
    path: '/v1/documents/{channel}/versions/{version}',
    tag: 'Documents',
    access: 'key',
    summary: 'What a document said.',
    description: `With \`Accept: ${UPDATE_TYPE}\` the whole of it as one update of Yjs, format 1.`,
    params: { channel, version },
    answers: [
      { status: 200, about: 'What it said.', schema: versionBody, contentType: 'application/json' },
      { status: 200, about: 'As bytes: all of it as one update.', schema: null, contentType: UPDATE_TYPE },
    ],
    errors: [...refusals],
    async serve(context, { node, replies }, { channel: name, version: id }) {
      if (wantsUpdate(context)) {
        const found = await node.documents.version(name, id);
        return found.ok ? bytes(found.value.update, found.value.version.position) : replies.of(found);
      }
      const found = await node.documents.versionJson(name, id);
      if (!found.ok) return replies.of(found);
      const { version: head, json: content } = found.value;
      return json({ version: written(head), json: content }, 200);
    },
  }),

  route({
    id: 'deleteDocumentVersion',
    method: 'DELETE',
    path: '/v1/documents/{channel}/versions/{version}',
    tag: 'Documents',
    summary: 'Forgets a version.',
    params: { channel, version },
    errors: [...refusals],
    handle: ({ channel: name, version: id }, { node }) => node.documents.removeVersion(name, id),
  }),

  route({
    id: 'restoreDocumentVersion',
    method: 'POST',
    path: '/v1/documents/{channel}/versions/{version}/restore',
    tag: 'Documents',
    summary: 'Makes a document what it was.',
    description:
      'By a change like any other, as small as can be found: whoever has a cursor in what stays keeps it. What it said before is kept as a version.',
    params: { channel, version },
    body: { schema: z.object({ by }), limit: 'requestBytes' },
    answer: { about: 'It is kept at the level of the channel.', schema: restored },
    errors: [...refusals, 'user_id_invalid'],
    async handle({ channel: name, version: id, body }, { node }) {
      const outcome = await node.documents.restore(name, id, body.by);
      if (!outcome.ok) return outcome;
      const { position, changed } = outcome.value;
      return { ok: true, value: { position: { ...position }, changed } };
    },
  }),

  route({
    id: 'documentDiff',
    method: 'GET',
    path: '/v1/documents/{channel}/versions/{version}/diff',
    tag: 'Documents',
    summary: 'How a version and what came of it differ.',
    params: { channel, version },
    query: {
      with: versionId
        .optional()
        .meta({ description: 'Another version; unless given the document as it is.' }),
    },
    answer: { about: 'What was added and removed since the version.', schema: documentDiff },
    errors: [...refusals],
    async handle({ channel: name, version: id, query }, { node }) {
      const outcome = await node.documents.diff(name, id, query.with ?? null);
      if (!outcome.ok) return outcome;
      const diff = outcome.value.map(({ root, kind, parts }) => ({ root, kind, parts: [...parts] }));
      return { ok: true, value: { diff } };
    },
  }),
];
