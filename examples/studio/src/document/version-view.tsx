import { DOMSerializer } from 'prosemirror-model';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { yXmlFragmentToProseMirrorRootNode } from 'y-prosemirror';
import type { XmlFragment } from 'yjs';
import { schema } from './schema.ts';
import type { ShownVersion } from './versions.ts';

/** What the document was: as it looked, or what has changed since. */
export function VersionView({ shown: { text, diff } }: { readonly shown: ShownVersion }) {
  const view = useSignal<'text' | 'diff'>('diff');
  const isDiff = view.value === 'diff';
  return (
    <div class="doc-old">
      <div class="doc-tools" role="group" aria-label="How the version is shown">
        <button type="button" class="small" aria-pressed={isDiff} onClick={() => (view.value = 'diff')}>
          Difference to now
        </button>
        <button type="button" class="small" aria-pressed={!isDiff} onClick={() => (view.value = 'text')}>
          As it was
        </button>
      </div>
      <div class="doc-paper">
        {isDiff && diff !== null && (
          <div class="doc-text doc-diff" tabIndex={0} role="document" aria-label="Difference to now">
            {diff.length === 0 && <p class="hint">There was nothing, and there is nothing.</p>}
            {diff.map(({ op, text: part }, index) => {
              if (op === 'added') return <ins key={index}>{part}</ins>;
              return op === 'removed' ? <del key={index}>{part}</del> : <span key={index}>{part}</span>;
            })}
          </div>
        )}
        {!isDiff && text !== null && <OldText text={text} />}
        {(isDiff ? diff : text) === null && <p class="hint doc-text">The version is fetched…</p>}
      </div>
      {isDiff && (
        <p class="hint">
          <ins>New since then</ins>, <del>gone since then</del>.
        </p>
      )}
    </div>
  );
}

function OldText({ text }: { readonly text: XmlFragment }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { content } = yXmlFragmentToProseMirrorRootNode(text, schema);
    place.current?.replaceChildren(DOMSerializer.fromSchema(schema).serializeFragment(content));
  }, [text]);
  return <div class="doc-text" ref={place} tabIndex={0} role="document" aria-label="The version as it was" />;
}
