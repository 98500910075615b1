import { MOST_TASKS, type Task } from '../contract.ts';
import type { Refusal } from './answer.ts';
import type { Command } from './command.ts';

/** A task as it is kept. One that was deleted stays: its id is not given again, and its versions go on rising. */
export type KeptTask = Task & { readonly isDeleted: boolean };

export type Decision =
  | { readonly ok: true; readonly created: boolean; readonly task: KeptTask }
  | { readonly ok: false; readonly refusal: Refusal };

/** What a command is decided by. */
export type Circumstances = {
  /** The task with the command's id, if there ever was one. */
  readonly found: KeptTask | null;
  /** Tasks that the user has. */
  readonly count: number;
  readonly nowMs: number;
};

/**
 * Decides a command. Whatever is accepted makes a new version, and so an event, even where it changes nothing: whoever sent it
 * waits for the event that answers it.
 */
export function decide(command: Command, { found, count, nowMs }: Circumstances): Decision {
  const present = found === null || found.isDeleted ? null : visible(found);
  if (command.kind === 'create') {
    if (present !== null)
      return refuse({
        status: 409,
        code: 'task_exists',
        detail: `there is a task ${command.id}`,
        task: present,
      });
    if (found !== null)
      return refuse({ status: 410, code: 'task_deleted', detail: 'ids are not given twice' });
    if (count >= MOST_TASKS)
      return refuse({ status: 422, code: 'too_many_tasks', detail: `at most ${MOST_TASKS}` });
    const { id, fields } = command;
    const task = {
      id,
      ...fields,
      done: false,
      version: 1,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      isDeleted: false,
    };
    return { ok: true, created: true, task };
  }
  if (found === null)
    return refuse({ status: 404, code: 'task_unknown', detail: `there is no task ${command.id}` });
  const next = { ...found, version: found.version + 1, updatedAtMs: nowMs };
  // Deleted on another device already: both wanted the same, so none of them hears that it failed.
  if (command.kind === 'delete' && found.isDeleted) return { ok: true, created: false, task: next };
  if (found.isDeleted)
    return refuse({ status: 410, code: 'task_deleted', detail: 'it was deleted meanwhile' });
  if (command.version !== null && command.version !== found.version) {
    const detail = `it is at version ${found.version}, the change was made on ${command.version}`;
    return refuse({ status: 409, code: 'version_conflict', detail, task: visible(found) });
  }
  return command.kind === 'delete'
    ? { ok: true, created: false, task: { ...next, isDeleted: true } }
    : { ok: true, created: false, task: { ...next, ...command.fields } };
}

function refuse(refusal: Refusal): Decision {
  return { ok: false, refusal };
}

/** A task as others see it. */
export function visible({ isDeleted: _isDeleted, ...task }: KeptTask): Task {
  return task;
}
