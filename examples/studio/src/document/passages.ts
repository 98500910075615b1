import { type EditorState, Plugin, PluginKey } from 'prosemirror-state';
import { Decoration, DecorationSet, type EditorView } from 'prosemirror-view';
import {
  absolutePositionToRelativePosition,
  relativePositionToAbsolutePosition,
  ySyncPluginKey,
} from 'y-prosemirror';
import * as Y from 'yjs';

/** A part of the text: the words as they were, and where they stand, by positions that stay with their letters whoever writes around them. */
export type Passage = { readonly quote: string; readonly from: string; readonly to: string };

/** What a quotation holds at most, UTF-16 units. */
const MOST_QUOTED = 120;

/** What y-prosemirror keeps beside the text, as far as it is needed here. */
type Binding = {
  readonly doc: Y.Doc;
  readonly type: Y.XmlFragment;
  readonly binding: { readonly mapping: never };
};

type Marked = { readonly passages: readonly Passage[]; readonly shown: DecorationSet };

const KEY = new PluginKey<Marked>('passages');

function bindingOf(state: EditorState): Binding {
  return ySyncPluginKey.getState(state) as Binding;
}

/** What is selected; null: nothing. */
export function passageOf(state: EditorState): Passage | null {
  const { from, to, empty } = state.selection;
  const quote = state.doc.textBetween(from, to, ' ').trim();
  if (empty || quote === '') return null;
  const { type, binding } = bindingOf(state);
  const at = (position: number): string =>
    JSON.stringify(absolutePositionToRelativePosition(position, type, binding.mapping));
  const letters = Array.from(quote);
  return {
    quote: quote.length <= MOST_QUOTED ? quote : `${letters.slice(0, MOST_QUOTED / 2).join('')}…`,
    from: at(from),
    to: at(to),
  };
}

/** Underlines passages, wherever they have moved to. */
export function passagePlugin(): Plugin<Marked> {
  return new Plugin<Marked>({
    key: KEY,
    state: {
      init: () => ({ passages: [], shown: DecorationSet.empty }),
      apply(transaction, before, _, state) {
        const passages = (transaction.getMeta(KEY) as readonly Passage[] | undefined) ?? before.passages;
        if (!transaction.docChanged && passages === before.passages) return before;
        return { passages, shown: decorate(state, passages) };
      },
    },
    props: { decorations: (state) => KEY.getState(state)?.shown },
  });
}

export function showPassages(view: EditorView, passages: readonly Passage[]): void {
  view.dispatch(view.state.tr.setMeta(KEY, passages).setMeta('addToHistory', false));
}

function decorate(state: EditorState, passages: readonly Passage[]): DecorationSet {
  const { doc, type, binding } = bindingOf(state);
  const find = (text: string): number | null => {
    try {
      const position = Y.createRelativePositionFromJSON(JSON.parse(text));
      return relativePositionToAbsolutePosition(doc, type, position, binding.mapping);
    } catch {
      // Others may have written anything: then the comment has no place.
      return null;
    }
  };
  const shown = passages.flatMap(({ from, to }) => {
    const [start, end] = [find(from), find(to)];
    if (start === null || end === null || start >= end || end > state.doc.content.size) return [];
    return [Decoration.inline(start, end, { class: 'doc-passage' })];
  });
  return DecorationSet.create(state.doc, shown);
}
