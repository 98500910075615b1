import { setImmediate as nextTurn } from 'node:timers/promises';
import * as z from 'zod';
import type { PresenceRecord } from '../../ports/presence.ts';
import type { Outcome } from '../../runtime/node-api.ts';
import { userId } from './channel-schemas.ts';
import { route } from './define-route.ts';
import { user } from './parameters.ts';
import { visible, visibleRecord } from './visible-record.ts';

/** Users whose presence one request may ask for. */
export const MAX_PRESENCE_USERS = 1_000;

/** Users that are looked up in one turn: each asks the directory whether it knows them. */
const USERS_A_TURN = 100;

/** What others see of users: of one, and of many. */
export const presenceRoutes = [
  route({
    id: 'presence',
    method: 'GET',
    path: '/v1/users/{user}/presence',
    tag: 'Users',
    summary: 'What others see of a user, before the `audience` takes anything out.',
    params: { user },
    answer: { about: 'The visible record.', schema: visibleRecord },
    errors: ['user_unknown', 'unavailable'],
    async handle(request, { node }) {
      const outcome = await node.presenceOf(request.user);
      return outcome.ok ? { ok: true, value: visible(outcome.value) } : outcome;
    },
  }),

  route({
    id: 'presenceOfMany',
    method: 'POST',
    path: '/v1/presence',
    tag: 'Users',
    summary: 'What others see of many users.',
    body: { schema: z.object({ users: z.array(userId).max(MAX_PRESENCE_USERS) }), limit: 'batchBytes' },
    answer: {
      about: 'Those who are known, in the order asked for, and those who are not.',
      schema: z.object({ users: z.array(visibleRecord), unknown: z.array(userId) }),
    },
    errors: ['user_id_invalid', 'unavailable'],
    async handle({ body }, { node }) {
      const users: z.input<typeof visibleRecord>[] = [];
      const unknown: string[] = [];
      for (let from = 0; from < body.users.length; from += USERS_A_TURN) {
        if (from > 0) await nextTurn();
        const asked = body.users.slice(from, from + USERS_A_TURN);
        const outcomes: readonly Outcome<PresenceRecord>[] = await Promise.all(
          asked.map((each) => node.presenceOf(each)),
        );
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome.ok) users.push(visible(outcome.value));
          else if (outcome.code === 'user_unknown') unknown.push(asked[index] ?? '');
          else return { ...outcome, detail: `users.${from + index}: ${outcome.detail}` };
        }
      }
      return { ok: true, value: { users, unknown } };
    },
  }),
];
