import { EditorState, Plugin } from 'prosemirror-state';
import { EditorView } from 'prosemirror-view';
import type { DocumentProvider } from '@carillon/client/yjs';
import { yCursorPlugin, ySyncPlugin, yUndoPlugin } from 'y-prosemirror';
import { type Passage, passageOf, passagePlugin, showPassages } from './passages.ts';
import { editorKeys } from './editor-keys.ts';
import type { EditorTool } from './editor-tools.ts';
import { FRAGMENT, schema } from './schema.ts';

export type EditorOptions = {
  readonly provider: DocumentProvider;
  /** Who a cursor is of, by the client id it came with. */
  personAt(clientId: number): { readonly user: string; readonly name: string; readonly color: string };
  /** Told behind every change of the text or the selection. */
  onState(state: EditorState): void;
};

/** The text with everybody's cursors. */
export type Editor = {
  setEditable(editable: boolean): void;
  run(tool: EditorTool): void;
  /** What is selected, for a comment about it; null: nothing. */
  passage(): Passage | null;
  /** Underlines what the comments are about. */
  showPassages(passages: readonly Passage[]): void;
  close(): void;
};

/** An editor of ProseMirror bound to the provider's document, which another may take the place of: then it is to be opened anew. */
export function openEditor(place: HTMLElement, { provider, personAt, onState }: EditorOptions): Editor {
  let editable = false;
  const fragment = provider.doc.getXmlFragment(FRAGMENT);
  const view = new EditorView(place, {
    state: EditorState.create({
      schema,
      plugins: [
        ySyncPlugin(fragment),
        yCursorPlugin(provider.awareness, {
          cursorBuilder: (_, clientId) => caretOf(personAt(clientId)),
          selectionBuilder: (_, clientId) => ({
            class: 'doc-selection',
            style: `--who: ${personAt(clientId).color}`,
          }),
        }),
        yUndoPlugin(),
        passagePlugin(),
        ...editorKeys(),
        new Plugin({ view: () => ({ update: ({ state }) => onState(state) }) }),
      ],
    }),
    editable: () => editable,
    attributes: () => ({
      class: 'doc-text',
      role: 'textbox',
      'aria-multiline': 'true',
      'aria-label': 'Text of the document',
      'aria-readonly': String(!editable),
      // Also whoever only reads has a cursor, and by keys.
      tabindex: '0',
    }),
  });
  onState(view.state);

  return {
    setEditable(next) {
      if (next === editable) return;
      editable = next;
      view.setProps({});
    },
    run({ command }) {
      if (!editable) return;
      command(view.state, view.dispatch, view);
      view.focus();
    },
    passage: () => passageOf(view.state),
    showPassages: (passages) => showPassages(view, passages),
    close: () => view.destroy(),
  };
}

/** Word joiners on both sides, so that no line breaks between a caret and the letter that it stands at. */
const JOINER = '\u2060';

function caretOf({ user, name, color }: ReturnType<EditorOptions['personAt']>): HTMLElement {
  const caret = document.createElement('span');
  caret.className = 'doc-caret';
  caret.dataset['user'] = user;
  caret.style.setProperty('--who', color);
  const flag = document.createElement('span');
  flag.className = 'doc-caret-name';
  flag.textContent = name;
  caret.append(JOINER, flag, JOINER);
  return caret;
}
