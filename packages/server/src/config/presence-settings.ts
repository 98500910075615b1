import { MAX_PRESENCE_VALUE_LENGTH } from '@carillon/protocol';
import * as z from 'zod';
import {
  DEFAULT_FIELD_LENGTH,
  DEFAULT_FIELDS,
  type FieldSpec,
  fieldSpecsProblem,
} from '../core/presence/fields.ts';
import type { Audience, AudienceHook } from '../core/presence/visibility.ts';
import { DEFAULT_SETTINGS, type FollowsOf } from '../runtime/node-options.ts';
import { hook, whole } from './setting.ts';

const ALWAYS_THERE = ['status', 'lastSeen'];

const fieldSchema = z.strictObject({
  maxLength: whole('Longest value, in UTF-16 units.', DEFAULT_FIELD_LENGTH, 1, MAX_PRESENCE_VALUE_LENGTH),
});

export const presenceSchema = z
  .strictObject({
    fields: z.record(z.string(), fieldSchema).optional().meta({
      description:
        'The fields beside the status, each with its `maxLength`; unless set `a`, `p` and `l` of 128 each.',
    }),
    audience: z
      .union([hook<AudienceHook>('decides per viewer'), z.record(z.string(), z.enum(['followers', 'close']))])
      .optional()
      .meta({
        description:
          'Who sees `status`, `lastSeen` and each field: `followers` (unless set) or `close`; or a hook `({ owner, viewer, close }) => boolean | string[]`.',
      }),
    followsOf: hook<FollowsOf>(
      "The app's own roster: `(user) => string[]`. The HTTP API then edits no follows.",
    ).optional(),
    conflateMs: whole(
      'Changes of one device within this time are merged into one; 0 merges nothing.',
      DEFAULT_SETTINGS.conflateMs,
      0,
      10_000,
    ),
    auditMs: whole(
      'With several nodes: how often a slice of the users that a node watches (at most 500) is read again, and one of the sessions connected to it (at most 500), for pub/sub loses silently.',
      DEFAULT_SETTINGS.presenceAuditMs,
      100,
      3_600_000,
    ),
  })
  .superRefine((presence, context) => {
    const specs = toFieldSpecs(presence.fields);
    const wrong = fieldSpecsProblem(specs);
    if (wrong !== undefined) context.addIssue({ code: 'custom', path: ['fields'], message: wrong });
  });

/** What is wrong with a table of audiences, given the fields that there are; undefined where nothing is. */
export function audienceProblem(
  audience: z.output<typeof presenceSchema>['audience'],
  fields: readonly FieldSpec[],
): string | undefined {
  if (typeof audience !== 'object') return undefined;
  const parts = [...ALWAYS_THERE, ...fields.map(({ name }) => name)];
  const stray = Object.keys(audience).find((part) => !parts.includes(part));
  return stray === undefined
    ? undefined
    : `names ${JSON.stringify(stray)}, which is none of ${parts.join(', ')}`;
}

export function toFieldSpecs(
  fields: Readonly<Record<string, { readonly maxLength: number }>> | undefined,
): readonly FieldSpec[] {
  if (fields === undefined) return DEFAULT_FIELDS;
  return Object.entries(fields).map(([name, { maxLength }]) => ({ name, maxLength }));
}

export function toAudience(audience: z.output<typeof presenceSchema>['audience']): Audience {
  if (typeof audience === 'function') return { kind: 'hook', decide: audience };
  return { kind: 'rules', rules: audience ?? {} };
}
