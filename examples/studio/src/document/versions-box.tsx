import type { DocumentVersion } from '@carillon/client/yjs';
import { useSignal } from '@preact/signals';
import { timeOfDay } from '../page/time-of-day.ts';
import type { StudioSession } from '../session/studio-session.ts';
import type { DocumentDesk } from './document-desk.ts';

const MOST_CHARACTERS = 60;

/** The slider through what the document was, and the name for what it is now. */
export function VersionsBox({
  desk,
  session,
}: {
  readonly desk: DocumentDesk;
  readonly session: StudioSession;
}) {
  const { versions } = desk;
  const list = versions.list.value;
  const { value: shown } = versions.shown;
  const { busy } = versions;
  const name = useSignal('');
  const may = desk.info.value.role === 'write';
  const found = shown === null ? -1 : list.findIndex(({ id }) => id === shown.version.id);
  const at = found === -1 ? list.length : found;
  const says = (version: DocumentVersion): string => wordsFor(version, session);

  const save = (event: Event) => {
    event.preventDefault();
    const text = name.value.trim();
    if (text === '' || busy.value) return;
    versions.save(text);
    name.value = '';
  };

  return (
    <section class="doc-versions" aria-label="Versions">
      <div class="doc-slider">
        <label for="doc-version">Version</label>
        <input
          id="doc-version"
          type="range"
          min={0}
          max={list.length}
          step={1}
          value={at}
          disabled={list.length === 0}
          aria-valuetext={shown === null ? 'now' : says(shown.version)}
          // Others save versions too, and the server by itself.
          onPointerEnter={versions.reload}
          onFocus={versions.reload}
          onInput={(event) => versions.show(list[Number(event.currentTarget.value)]?.id ?? null)}
        />
        <output for="doc-version" class="doc-version-name">
          {shown === null ? (list.length === 0 ? 'Now. None is kept yet.' : 'Now') : says(shown.version)}
        </output>
      </div>
      <div class="doc-version-acts">
        {shown !== null && (
          <>
            <button
              type="button"
              class="small"
              disabled={!may || busy.value}
              title={may ? undefined : 'Only who writes may restore a version.'}
              onClick={versions.restore}
            >
              Restore this
            </button>
            <button type="button" class="small" onClick={() => versions.show(null)}>
              Back to now
            </button>
          </>
        )}
        {shown === null && may && (
          <form class="room-say" onSubmit={save}>
            <label class="unseen" for="doc-version-new">
              Name of a version
            </label>
            <input
              id="doc-version-new"
              value={name.value}
              maxLength={MOST_CHARACTERS}
              placeholder="Name it as it is now"
              autocomplete="off"
              onInput={(event) => {
                name.value = event.currentTarget.value;
              }}
            />
            <button type="submit" class="small" disabled={busy.value}>
              Save version
            </button>
          </form>
        )}
      </div>
    </section>
  );
}

function wordsFor({ name, by, atMs }: DocumentVersion, session: StudioSession): string {
  const at = timeOfDay(atMs, 'second');
  if (name === null) return `${at}, by itself`;
  return `${at}, “${name}”${by === null ? '' : ` by ${session.nameOf(by)}`}`;
}
