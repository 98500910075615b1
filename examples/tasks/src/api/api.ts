import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import type * as z from 'zod';
import { taskId } from '../contract.ts';
import type { TaskStore } from '../store/task-store.ts';
import { type Answer, type Refusal, refusalAnswer } from '../tasks/answer.ts';
import { change, type Command, creation, deletion } from '../tasks/command.ts';
import type { createLogin } from './login.ts';
import { readBody, readKey, readText } from './read-request.ts';

/** How long a client that was not served waits, s. */
const COME_AGAIN_SECONDS = 1;

export type ApiOptions = {
  readonly store: TaskStore;
  readonly login: ReturnType<typeof createLogin>;
  /** Called when something changed. */
  changed(): void;
  /** Told what the client is not: why the database could not be used. */
  complain(error: unknown): void;
};

type Env = { readonly Variables: { readonly user: string } };

/** The REST service. Everything but `/health` wants a login token, and shows its user what is theirs and nothing else. */
export function createApi({ store, login, changed, complain }: ApiOptions): Hono<Env> {
  const app = new Hono<Env>();

  app.get('/health', () => answer({ status: 200, body: '{"alive":true}' }));

  app.use(async (context, next) => {
    const result = await login(context.req.header('authorization'));
    if (!result.ok) return refuse(result.refusal);
    context.set('user', result.user);
    return next();
  });

  /** @param commandOf what the body asks for */
  function mutation<S extends z.ZodType>(schema: S, commandOf: (body: z.output<S>, id: string) => Command) {
    return async (context: Context<Env>): Promise<Response> => {
      const id = taskId.safeParse(context.req.param('id') ?? 'none');
      if (!id.success)
        return refuse({ status: 404, code: 'task_unknown', detail: 'that is no id of a task' });
      const text = await readText(context.req.raw);
      if (!text.ok) return refuse(text.refusal);
      const key = readKey(context.req.raw, text.value);
      if (!key.ok) return refuse(key.refusal);
      const body = readBody(schema, text.value);
      if (!body.ok) return refuse(body.refusal);
      const command = commandOf(body.value, id.data);
      const outcome = await store.apply({
        user: context.get('user'),
        command,
        key: key.value,
        nowMs: Date.now(),
      });
      if (outcome.changed) changed();
      return answer(outcome.answer);
    };
  }

  app.get('/tasks', async (context) => {
    const tasks = await store.list(context.get('user'));
    return answer({ status: 200, body: JSON.stringify({ tasks }) });
  });
  app.post(
    '/tasks',
    mutation(creation, ({ id = randomUUID(), ...fields }) => ({ kind: 'create', id, fields })),
  );
  app.patch(
    '/tasks/:id',
    mutation(change, ({ version, ...given }, id) => {
      // What was not named is not there, rather than undefined: it would overwrite what is.
      const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      return { kind: 'change', id, fields, version };
    }),
  );
  app.delete(
    '/tasks/:id',
    mutation(deletion, ({ version }, id) => ({ kind: 'delete', id, version })),
  );

  for (const [path, allowed] of [
    ['/tasks', 'GET, POST'],
    ['/tasks/:id', 'PATCH, DELETE'],
  ] as const)
    app.all(path, () =>
      refuse({ status: 405, code: 'method_not_allowed', detail: allowed }, { allow: allowed }),
    );
  app.notFound(() => refuse({ status: 404, code: 'not_found', detail: 'there is nothing here' }));
  app.onError((error) => {
    complain(error);
    const detail = 'the database cannot be used at the moment; send it again, with the same Idempotency-Key';
    return refuse({ status: 503, code: 'unavailable', detail }, { 'retry-after': `${COME_AGAIN_SECONDS}` });
  });
  return app;
}

function refuse(refusal: Refusal, headers: Readonly<Record<string, string>> = {}): Response {
  return answer(refusalAnswer(refusal), headers);
}

function answer({ status, body }: Answer, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  });
}
