import { useSignal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { codeOf } from '../lobby/error-code.ts';
import { Panel } from '../page/panel.tsx';
import type { StudioSession } from '../session/studio-session.ts';
import type { DocumentDesk } from './document-desk.ts';
import { savedWord } from './saved-word.ts';

/** How near the panel comes to what is in sight before it is loaded. */
const NEAR = '300px';

type Loaded = {
  readonly desk: DocumentDesk;
  readonly View: FunctionComponent<{ readonly desk: DocumentDesk; readonly session: StudioSession }>;
};

/** The document that everybody on the page edits. What it needs, the editor and Yjs, is loaded when it comes into sight. */
export function DocumentPanel({ session }: { readonly session: StudioSession }) {
  const loaded = useSignal<Loaded | null>(null);
  const failure = useSignal<string | null>(null);
  const place = useRef<HTMLDivElement>(null);

  const load = (): void => {
    failure.value = null;
    Promise.all([session.openDocument(), import('./document-view.tsx')]).then(
      ([desk, { DocumentView }]) => {
        loaded.value = { desk, View: DocumentView };
      },
      (error: unknown) => {
        failure.value = codeOf(error);
      },
    );
  };

  useEffect(() => {
    const { current } = place;
    if (current === null) return;
    const watch = new IntersectionObserver(
      (seen) => {
        if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
        watch.disconnect();
        load();
      },
      { rootMargin: NEAR },
    );
    watch.observe(current);
    return () => watch.disconnect();
  }, []);

  const { value } = loaded;
  return (
    <Panel
      id="document"
      title="Document"
      aside={value === null ? undefined : <SavedAside desk={value.desk} />}
    >
      <div ref={place}>
        {value !== null && <value.View desk={value.desk} session={session} />}
        {value === null && failure.value === null && <p class="hint">The editor is loaded…</p>}
        {failure.value !== null && (
          <p class="notice" role="alert">
            The editor could not be loaded ({failure.value}).
            <button type="button" class="small quiet" onClick={load}>
              Try again
            </button>
          </p>
        )}
      </div>
    </Panel>
  );
}

function SavedAside({ desk }: { readonly desk: DocumentDesk }) {
  const { state, word } = savedWord(desk.info.value, desk.isSlow.value);
  return (
    <>
      <code>{desk.provider.channel}</code>{' '}
      <strong class="doc-saved" data-saved={state} role="status">
        {word}
      </strong>
    </>
  );
}
