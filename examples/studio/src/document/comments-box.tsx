import { type Signal, useSignal } from '@preact/signals';
import { channelWord } from '../lobby/channel-word.ts';
import { timeOfDay } from '../page/time-of-day.ts';
import type { StudioSession } from '../session/studio-session.ts';
import type { DocumentDesk } from './document-desk.ts';
import type { Passage } from './passages.ts';

const MOST_CHARACTERS = 500;

type CommentsBoxProps = {
  readonly desk: DocumentDesk;
  readonly session: StudioSession;
  readonly passage: Signal<Passage | null>;
};

/** What is said beside the document: whoever reads it reads this, and whoever may comment adds to it. */
export function CommentsBox({ desk, session, passage }: CommentsBoxProps) {
  const { list, state, add } = desk.comments;
  const { role } = desk.info.value;
  const draft = useSignal('');
  const may = role === 'comment' || role === 'write';
  const about = passage.value;

  const submit = (event: Event) => {
    event.preventDefault();
    const text = draft.value.trim();
    if (text === '') return;
    add(text, about);
    draft.value = '';
  };

  return (
    <section class="doc-box" aria-labelledby="doc-comments-title">
      <header class="doc-box-head">
        <h3 id="doc-comments-title">Comments</h3>
        <span class="hint">{channelWord(state.value)}</span>
      </header>
      <ol class="doc-comments" aria-label="Comments" tabIndex={list.value.length === 0 ? undefined : 0}>
        {list.value.length === 0 && <li class="hint">Nothing was said about it yet.</li>}
        {list.value.map((comment) => (
          <li key={comment.key} class="doc-comment">
            {comment.about !== null && <q>{comment.about.quote}</q>}
            <span class="doc-comment-text">{comment.text}</span>
            <span class="hint">
              {comment.by === session.person.user ? 'You' : session.nameOf(comment.by)}
              {comment.atMs === null ? ' · on its way' : ` · ${timeOfDay(comment.atMs, 'minute')}`}
            </span>
          </li>
        ))}
      </ol>
      {may ? (
        <form class="room-say" onSubmit={submit}>
          <label class="unseen" for="doc-comment">
            A new comment
          </label>
          <input
            id="doc-comment"
            value={draft.value}
            maxLength={MOST_CHARACTERS}
            placeholder={
              about === null ? 'Comment on the document' : `Comment on “${shortened(about.quote)}”`
            }
            autocomplete="off"
            onInput={(event) => {
              draft.value = event.currentTarget.value;
            }}
          />
          <button type="submit" class="small">
            Comment
          </button>
        </form>
      ) : (
        <p class="hint">
          {role === 'read'
            ? 'You may read the comments, and not add any.'
            : 'Comments come with the document.'}
        </p>
      )}
    </section>
  );
}

function shortened(quote: string): string {
  const letters = Array.from(quote);
  return letters.length <= 24 ? quote : `${letters.slice(0, 23).join('')}…`;
}
