import type { ChannelState, Client } from '@carillon/client';
import { indexedDbStore } from '@carillon/client/outbox';
import { type PendingMutation, createSync } from '@carillon/client/sync';
import type { Task } from '@carillon/tasks/contract';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { contract } from '../contract.ts';
import { deviceOf } from './device.ts';
import { type BackendOptions, readTasks, sendToBackend } from './send-to-backend.ts';
import { taskMutators } from './task-mutators.ts';

/** How long the page waits for an answer of the backend before it asks again, ms. */
const ANSWER_MS = 8_000;

/** A task as the page shows it. */
export type ShownTask = Task & {
  /** `waiting`: a change of it cannot be sent now; `sent`: it is on its way, or back; null: it is as the backend has it. */
  readonly pending: 'waiting' | 'sent' | null;
};

/** A change that was taken back, and why. */
export type RefusedChange = {
  readonly id: string;
  readonly what: string;
  readonly code: string;
  readonly message: string;
};

/** How long a change took from the backend's commit to this page. */
export type Delivery = { readonly title: string; readonly ms: number; readonly isOwn: boolean };

export type TaskList = {
  readonly state: ReadonlySignal<ChannelState>;
  /** Oldest first. */
  readonly tasks: ReadonlySignal<readonly ShownTask[]>;
  /** Changes that are not confirmed. */
  readonly waiting: ReadonlySignal<number>;
  /** Why the backend does not take them at the moment, as a code; null: nothing is wrong. */
  readonly failure: ReadonlySignal<string | null>;
  readonly refused: ReadonlySignal<readonly RefusedChange[]>;
  readonly delivery: ReadonlySignal<Delivery | null>;
  add(title: string): void;
  rename(task: ShownTask, title: string): void;
  finish(task: ShownTask, done: boolean): void;
  remove(task: ShownTask): void;
  dismiss(id: string): void;
};

/** The tasks of the client's user: kept by the backend, changed here at once, the same on all devices. */
export function createTaskList(client: Client<typeof contract>, backend: BackendOptions): TaskList {
  const channel = client.map('tasks:{user}', { user: client.username });
  const device = deviceOf(sessionStorage);
  const store = indexedDbStore();
  const sync = createSync(channel, {
    mutators: taskMutators,
    send: sendToBackend(backend),
    store: { ...store, open: (name) => store.open(`${name} ${device}`) },
    timeoutMs: ANSWER_MS,
    async snapshot({ signal: over }) {
      const tasks = (await readTasks(backend, over)) as readonly Task[];
      return tasks.map((task) => ({ key: task.id, value: task, version: task.version }));
    },
  });
  const state = signal(channel.state);
  const tasks = signal<readonly ShownTask[]>([]);
  const waiting = signal(0);
  const failure = signal<string | null>(null);
  const refused = signal<readonly RefusedChange[]>([]);
  const delivery = signal<Delivery | null>(null);
  /** Changes that were made here: by the time they come back the sync may have let go of them. */
  const own = new Set<string>();
  /** Titles of what is under way: a task that was taken back is not there to be asked. */
  const titles = new Map<string, string>();

  function show(): void {
    const { pending: count, failure: why } = sync.status.get();
    const unsent = new Set<string>();
    for (const { key, state: at } of sync.mutations())
      if (at === 'queued' || (at === 'sent' && why !== null)) unsent.add(key);
    tasks.value = sync
      .get()
      .map(({ key, value, pending }): ShownTask => {
        titles.set(key, value.title);
        return { ...value, pending: !pending ? null : unsent.has(key) ? 'waiting' : 'sent' };
      })
      .toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
    waiting.value = count;
    failure.value = why;
  }
  sync.subscribe(show);
  sync.status.subscribe(show);
  sync.onMutation((mutation) => {
    own.add(mutation.id);
    show();
  });
  sync.onRejected((mutation) => {
    refused.value = [...refused.value, refusedChange(mutation, titles.get(mutation.key))];
  });
  /** Whether what is told now happens now: what is read at the beginning, or caught up with, comes in the turn that makes it live. */
  let isNow = false;
  channel.onState((next) => {
    state.value = next;
    isNow = false;
    if (next.status === 'live')
      setTimeout(() => {
        isNow = channel.state.status === 'live';
      });
  });
  channel.onChange((changes) => {
    if (!isNow) return;
    for (const { before, after, ref } of changes) {
      if (after === undefined || after.version === before?.version) continue;
      const { title, updatedAtMs } = after.value;
      const isOwn = ref !== undefined && own.has(ref);
      delivery.value = { title, ms: Math.max(0, Date.now() - updatedAtMs), isOwn };
    }
  });

  return {
    state,
    tasks,
    waiting,
    failure,
    refused,
    delivery,
    add(title) {
      const id = crypto.randomUUID();
      sync.mutate('add', id, { id, title, atMs: Date.now() });
    },
    rename({ id, version, pending }, title) {
      // Behind changes that are on their way the version is not known yet.
      sync.mutate('rename', id, { title, version: pending === null ? version : null });
    },
    finish: ({ id }, done) => void sync.mutate('finish', id, { done }),
    remove: ({ id }) => void sync.mutate('remove', id),
    dismiss(id) {
      refused.value = refused.value.filter((change) => change.id !== id);
    },
  };
}

const DONE_TO: Readonly<Record<string, string>> = {
  add: 'was not added',
  rename: 'was not renamed',
  finish: 'was not changed',
  remove: 'was not deleted',
};

/** Why a change was taken back that the backend did not refuse. */
const OWN_REASONS: Readonly<Record<string, string>> = {
  conflict: 'it was deleted meanwhile',
  queue_full: 'too many changes wait already',
  storage_failed: 'the browser does not keep it',
  outcome_unknown: 'the backend failed too often; whether it was made cannot be told',
};

function refusedChange({ id, name, args, error }: PendingMutation, known = ''): RefusedChange {
  const given =
    typeof args === 'object' && args !== null && 'title' in args ? String(args.title).trim() : known;
  const code = error?.error ?? error?.code ?? 'internal';
  return {
    id,
    what: `${given === '' ? 'A task' : `“${given}”`} ${DONE_TO[name] ?? 'was not changed'}`,
    code,
    message: typeof error?.data === 'string' ? error.data : (OWN_REASONS[code] ?? 'the backend refused it'),
  };
}
