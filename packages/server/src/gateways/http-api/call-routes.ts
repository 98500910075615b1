import { MAX_CALL_MS } from '@carillon/protocol';
import * as z from 'zod';
import type { Answer } from '../../runtime/channels/channels-api.ts';
import type { Outcome } from '../../runtime/node-api.ts';
import { route } from './define-route.ts';
import { callName, session, user } from './parameters.ts';

const answer = z
  .union([
    z.object({ session: z.string(), ok: z.literal(true), output: z.unknown() }),
    z.object({
      session: z.string(),
      ok: z.literal(false),
      code: z.enum(['deadline_exceeded', 'session_unknown', 'call_failed', 'payload_invalid']),
      error: z
        .string()
        .optional()
        .meta({ description: "With `call_failed`: the client's own code of the error." }),
      data: z.unknown().optional().meta({ description: "With `call_failed`: the error's data." }),
    }),
  ])
  .meta({ id: 'CallAnswer', description: 'What one session answered, or why it did not.' });

const body = {
  schema: z.object({
    input: z.unknown().optional().meta({ description: "Checked against the contract's schema." }),
    timeoutMs: z.int().min(1).max(MAX_CALL_MS).optional().meta({
      description: 'How long to wait for answers; absent, or longer than the contract says: as long as that.',
    }),
  }),
  limit: 'publicationBytes',
} as const;

const answered = {
  about: 'One answer for each session that is connected.',
  schema: z.object({ answers: z.array(answer) }),
};

const errors = ['call_unknown', 'payload_invalid', 'session_unknown'] as const;

/** Calls of the server to clients. They are answered when the last session has answered, or the time is over. */
export const callRoutes = [
  route({
    id: 'callUser',
    method: 'POST',
    path: '/v1/users/{user}/calls/{name}',
    tag: 'Calls',
    summary: "Calls all of a user's sessions that are connected.",
    params: { user, name: callName },
    body,
    answer: answered,
    errors,
    handle: async (request, { node }) =>
      written(
        await node.ask({ user: request.user }, request.name, request.body.input, request.body.timeoutMs),
      ),
  }),

  route({
    id: 'callSession',
    method: 'POST',
    path: '/v1/sessions/{session}/calls/{name}',
    tag: 'Calls',
    summary: 'Calls one session.',
    params: { session, name: callName },
    body,
    answer: answered,
    errors,
    handle: async (request, { node }) =>
      written(
        await node.ask(
          { session: request.session },
          request.name,
          request.body.input,
          request.body.timeoutMs,
        ),
      ),
  }),
];

function written(outcome: Outcome<readonly Answer[]>): Outcome<{ answers: z.input<typeof answer>[] }> {
  return outcome.ok ? { ok: true, value: { answers: outcome.value.map(oneAnswer) } } : outcome;
}

function oneAnswer(given: Answer): z.input<typeof answer> {
  // A client may answer with nothing; JSON has no word for that but null.
  if (given.ok) return { ...given, output: given.output ?? null };
  const { session: id, code, error, data } = given;
  return { session: id, ok: false, code, ...(error === null ? {} : { error, data }) };
}
