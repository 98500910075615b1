import type { Task } from '../contract.ts';

/** Why a request is not carried out. The README lists the codes. */
export type Refusal = {
  readonly status: 400 | 401 | 404 | 405 | 409 | 410 | 413 | 415 | 422 | 503;
  readonly code: string;
  /** What to do, for people. */
  readonly detail: string;
  /** Of `version_conflict` and `task_exists`: the task as it is. */
  readonly task?: Task;
};

/** What a request is answered: the same text again where it is repeated. */
export type Answer = { readonly status: number; readonly body: string };

export function refusalAnswer({ status, code, detail, task }: Refusal): Answer {
  const error = { code, message: detail, ...(task === undefined ? {} : { task }) };
  return { status, body: JSON.stringify({ error }) };
}
