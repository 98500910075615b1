import { randomUUID } from 'node:crypto';
import { type Answer, refusalAnswer } from '../tasks/answer.ts';
import { type Circumstances, decide, type KeptTask, visible } from '../tasks/decide.ts';
import type { TaskEvent } from '../tasks/event.ts';
import type { Mutation } from './task-store.ts';

/** What a transaction has to write for a mutation. */
export type Writing = {
  readonly answer: Answer;
  /** Null where it was refused. */
  readonly change: { readonly task: KeptTask; readonly event: TaskEvent } | null;
};

/** What is to be written, by what was read in the same transaction. Databases differ in how, not in what. */
export function carryOut(
  { user, command, key, nowMs }: Mutation,
  read: Omit<Circumstances, 'nowMs'>,
): Writing {
  const decision = decide(command, { ...read, nowMs });
  if (!decision.ok) return { answer: refusalAnswer(decision.refusal), change: null };
  const { task, created } = decision;
  const { id, version } = task;
  const common = { id: randomUUID(), userId: user, mutationId: key?.name ?? null, version, at: nowMs };
  const event: TaskEvent = task.isDeleted
    ? { ...common, type: 'task.deleted', task: { id } }
    : { ...common, type: 'task.changed', task: visible(task) };
  const body = JSON.stringify(task.isDeleted ? { id, version } : { task: visible(task) });
  return { answer: { status: created ? 201 : 200, body }, change: { task, event } };
}

/** A key that stands for another request than this one: the client mixed two up (draft-ietf-httpapi-idempotency-key-header, section 2.6). */
export const KEY_REUSED: Answer = refusalAnswer({
  status: 422,
  code: 'key_reused',
  detail: 'this Idempotency-Key was used for another request',
});
