import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ShownTask, TaskList } from './task-list.ts';

type TaskRowProps = { readonly task: ShownTask; readonly list: TaskList };

/** One task: done or not, its title, which becomes a field where it is renamed, and what is under way. */
export function TaskRow({ task, list }: TaskRowProps) {
  const { title, done, pending } = task;
  /** What is being written in place of the title; null: nothing is. */
  const draft = useSignal<string | null>(null);
  const rename = () => {
    const next = draft.value?.trim();
    draft.value = null;
    if (next !== undefined && next !== title) list.rename(task, next);
  };
  return (
    <li class="task" data-done={done ? '' : undefined} data-pending={pending ?? undefined}>
      <input
        type="checkbox"
        aria-label={`${title}: done`}
        checked={done}
        onChange={(event) => list.finish(task, event.currentTarget.checked)}
      />
      {draft.value === null ? (
        <button
          type="button"
          class="task-title"
          aria-label={`Rename ${title}`}
          onClick={() => {
            draft.value = title;
          }}
        >
          {title}
        </button>
      ) : (
        <TitleField
          draft={draft.value}
          onInput={(text) => {
            draft.value = text;
          }}
          onSave={rename}
          onCancel={() => {
            draft.value = null;
          }}
        />
      )}
      <span class="task-pending">
        {pending === null ? '' : pending === 'waiting' ? 'waits' : 'on its way'}
      </span>
      <button
        type="button"
        class="small quiet"
        aria-label={`Delete ${title}`}
        onClick={() => list.remove(task)}
      >
        Delete
      </button>
    </li>
  );
}

type TitleFieldProps = {
  readonly draft: string;
  onInput(text: string): void;
  onSave(): void;
  onCancel(): void;
};

function TitleField({ draft, onInput, onSave, onCancel }: TitleFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  // Whoever asked for the field wants to write in it.
  useEffect(() => field.current?.select(), []);
  return (
    <input
      ref={field}
      class="task-rename"
      aria-label="New title"
      value={draft}
      onInput={(event) => onInput(event.currentTarget.value)}
      onBlur={onSave}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onSave();
        if (event.key === 'Escape') onCancel();
      }}
    />
  );
}
