import { type Signal, useSignal } from '@preact/signals';
import type { EditorState } from 'prosemirror-state';
import { useEffect, useRef } from 'preact/hooks';
import type { StudioSession } from '../session/studio-session.ts';
import type { DocumentDesk } from './document-desk.ts';
import { type Editor, openEditor } from './editor.ts';
import { TOOLS } from './editor-tools.ts';
import type { Passage } from './passages.ts';
import { colorOf } from './person-color.ts';
import { whyReadOnly } from './role.ts';

type EditorBoxProps = {
  readonly desk: DocumentDesk;
  readonly session: StudioSession;
  /** What is selected, for a comment about it. */
  readonly passage: Signal<Passage | null>;
};

/** The text, and the buttons over it. */
export function EditorBox({ desk, session, passage }: EditorBoxProps) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const state = useSignal<EditorState | null>(null);
  const { role } = desk.info.value;
  const life = desk.life.value;
  const comments = desk.comments.list.value;
  const why = whyReadOnly(role);

  useEffect(() => {
    if (place.current === null) return;
    const opened = openEditor(place.current, {
      provider: desk.provider,
      personAt(clientId) {
        const user = desk.provider.userOf(clientId) ?? '';
        return { user, name: session.nameOf(user), color: colorOf(user, session.people) };
      },
      onState(next) {
        state.value = next;
        passage.value = editor.current?.passage() ?? null;
      },
    });
    editor.current = opened;
    return () => {
      editor.current = null;
      opened.close();
    };
  }, [life]);
  useEffect(() => editor.current?.setEditable(role === 'write'), [role, life]);
  useEffect(
    () => editor.current?.showPassages(comments.flatMap(({ about }) => about ?? [])),
    [comments, life],
  );

  return (
    <div class="doc-editor" data-role={role ?? undefined}>
      <Toolbar state={state.value} isOff={why !== null} run={(tool) => editor.current?.run(tool)} />
      <div class="doc-paper" ref={place} />
      {why !== null && <p class="hint doc-why">{why}</p>}
    </div>
  );
}

type ToolbarProps = {
  readonly state: EditorState | null;
  readonly isOff: boolean;
  run(tool: (typeof TOOLS)[number]): void;
};

/** One stop for the Tab key; arrows go from button to button (WAI-ARIA, toolbar pattern). */
function Toolbar({ state, isOff, run }: ToolbarProps) {
  const at = useSignal(0);
  const onKeyDown = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    at.value = (at.value + step + TOOLS.length) % TOOLS.length;
    event.currentTarget.querySelectorAll('button')[at.value]?.focus();
  };
  return (
    <div class="doc-tools" role="toolbar" aria-label="Format" onKeyDown={onKeyDown}>
      {TOOLS.map((tool, index) => {
        const cannot = isOff || state === null || !tool.command(state);
        return (
          <button
            key={tool.id}
            type="button"
            class="small"
            data-tool={tool.id}
            tabIndex={index === at.value ? 0 : -1}
            aria-label={tool.label}
            aria-disabled={cannot}
            aria-pressed={tool.isOn === undefined ? undefined : state !== null && tool.isOn(state)}
            title={tool.keys === undefined ? tool.label : `${tool.label} (${tool.keys})`}
            // The text keeps its focus and its selection.
            onMouseDown={(event) => event.preventDefault()}
            onFocus={() => {
              at.value = index;
            }}
            onClick={() => {
              if (!cannot) run(tool);
            }}
          >
            {tool.sign}
          </button>
        );
      })}
    </div>
  );
}
