import type { Task } from '../contract.ts';
import type { Answer } from '../tasks/answer.ts';
import type { Command } from '../tasks/command.ts';
import type { TaskEvent } from '../tasks/event.ts';

/** A request to change something. */
export type Mutation = {
  readonly user: string;
  readonly command: Command;
  /** Its `Idempotency-Key`, and what the request with that key is known by; null where it has none. */
  readonly key: { readonly name: string; readonly fingerprint: string } | null;
  readonly nowMs: number;
};

/** What was answered, and whether something changed. */
export type Outcome = { readonly answer: Answer; readonly changed: boolean };

/** What an event came to at whoever it was published to: taken, or refused for good. A publisher that cannot tell rejects. */
export type Published = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Hands one event on. Rejects where it may work later: the same event comes again. */
export type Publish = (event: TaskEvent) => Promise<Published>;

/** The backend's database. Whatever rejects did not happen, or may be asked again with the same key. */
export interface TaskStore {
  /** The user's tasks, oldest first. */
  list(user: string): Promise<readonly Task[]>;
  /**
   * Carries a mutation out. In one transaction MUST: the answer that was kept under its key be given again, or else the command
   * be decided, and the task, the event, the line of the audit and the answer be written. Mutations of one user MUST be carried out one
   * behind the other, so that the order of events is the order of the commits.
   */
  apply(mutation: Mutation): Promise<Outcome>;
  /**
   * Hands the oldest events that are not published to `publish`, one behind the other, and marks those that it took or refused. It
   * MUST NOT hand out an event before the one before it was dealt with, nor hand out any while another process does.
   *
   * @returns whether there may be more at once
   * @throws what `publish` threw, behind marking those before it
   */
  relay(limit: number, publish: Publish): Promise<boolean>;
  /** Forgets answers, and events that were published, from before a time, ms since the epoch. */
  sweep(beforeMs: number): Promise<void>;
  close(): Promise<void>;
}
