import { useSignal } from '@preact/signals';
import { firstNameOf, linkTo } from '../account/person.ts';
import { channelWord } from '../lobby/channel-word.ts';
import { Panel } from '../page/panel.tsx';
import type { StudioSession } from '../session/studio-session.ts';
import type { Delivery, TaskList } from './task-list.ts';
import { TaskRow } from './task-row.tsx';

/** A person's tasks: kept by the app's own backend, the same on all their devices, changed offline too. */
export function TasksPanel({ session }: { readonly session: StudioSession }) {
  const { tasks: list, person } = session;
  const tasks = list.tasks.value;
  const isCut = session.isCut.value;
  return (
    <Panel
      id="tasks"
      title="Tasks"
      aside={
        <>
          {tasks.filter(({ done }) => !done).length} to do · <code>tasks:{person.user}</code>{' '}
          {channelWord(list.state.value)}
        </>
      }
    >
      <NewTask list={list} />
      <ul class="task-list" aria-label={`Tasks of ${person.name}`}>
        {tasks.length === 0 && <li class="hint">Nothing to do.</li>}
        {tasks.map((task) => (
          <TaskRow key={task.id} task={task} list={list} />
        ))}
      </ul>
      <ul class="task-refusals" aria-label="Changes that were taken back" role="alert">
        {list.refused.value.map(({ id, what, code, message }) => (
          <li key={id} class="notice" data-code={code}>
            <span>
              {what}: {message} (<code>{code}</code>)
            </span>
            <button type="button" class="small quiet" onClick={() => list.dismiss(id)}>
              Dismiss
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        role="switch"
        aria-checked={isCut}
        aria-describedby="tasks-effect"
        class="switch"
        onClick={() => session.setCut(!isCut)}
      >
        <span class="switch-track" aria-hidden="true" />
        Offline
        <span class="switch-word" data-waiting={list.waiting.value}>
          {waitingWord(list.waiting.value)}
        </span>
      </button>
      <p class="hint" id="tasks-effect" aria-live="polite">
        {effectOf(isCut, list.failure.value, list.delivery.value)}
      </p>
      <p class="task-device">
        <a class="quiet-link" href={linkTo(person.user)} target="_blank" rel="noopener">
          Be {firstNameOf(person.name)} on a second device <span aria-hidden="true">↗</span>
        </a>
      </p>
    </Panel>
  );
}

function NewTask({ list }: { readonly list: TaskList }) {
  const draft = useSignal('');
  const add = (event: Event) => {
    event.preventDefault();
    list.add(draft.value);
    draft.value = '';
  };
  return (
    <form class="room-say task-new" onSubmit={add}>
      <label class="unseen" for="task-title">
        A new task
      </label>
      <input
        id="task-title"
        value={draft.value}
        placeholder="What is to be done?"
        autocomplete="off"
        onInput={(event) => {
          draft.value = event.currentTarget.value;
        }}
      />
      <button type="submit" class="small">
        Add
      </button>
    </form>
  );
}

function waitingWord(waiting: number): string {
  if (waiting === 0) return 'all saved';
  return waiting === 1 ? '1 change waits' : `${waiting} changes wait`;
}

function effectOf(isCut: boolean, failure: string | null, delivery: Delivery | null): string {
  if (isCut) return 'What you change here waits, and goes out when you are back.';
  if (failure !== null)
    return `The backend does not take changes at the moment (${failure}). They are sent again.`;
  if (delivery === null) return 'A change shows on all devices of this person.';
  const { title, ms, isOwn } = delivery;
  return `“${title}”, changed ${isOwn ? 'here' : 'on another device'}, was here ${ms} ms after it was saved.`;
}
