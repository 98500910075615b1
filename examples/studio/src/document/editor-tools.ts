import { setBlockType, toggleMark, wrapIn } from 'prosemirror-commands';
import type { MarkType, NodeType } from 'prosemirror-model';
import { liftListItem, wrapInList } from 'prosemirror-schema-list';
import type { Command, EditorState } from 'prosemirror-state';
import { redoCommand, undoCommand } from 'y-prosemirror';
import { schema } from './schema.ts';

const { paragraph, heading, blockquote, bullet_list: bullets, ordered_list: numbers } = schema.nodes;
const { strong, em } = schema.marks;

/** A button over the text. */
export type EditorTool = {
  readonly id: string;
  readonly label: string;
  /** What stands on it. */
  readonly sign: string;
  /** Keys that do the same, for people. */
  readonly keys?: string;
  readonly command: Command;
  /** Whether it holds where the cursor is; absent: it is done, and does not hold. */
  isOn?(state: EditorState): boolean;
};

/** In the order in which they stand. */
export const TOOLS: readonly EditorTool[] = [
  {
    id: 'bold',
    label: 'Bold',
    sign: 'B',
    keys: 'Ctrl+B',
    command: toggleMark(mark(strong)),
    isOn: hasMark(mark(strong)),
  },
  {
    id: 'italic',
    label: 'Italic',
    sign: 'I',
    keys: 'Ctrl+I',
    command: toggleMark(mark(em)),
    isOn: hasMark(mark(em)),
  },
  headingTool(1),
  headingTool(2),
  listTool('bullets', 'List', '•', node(bullets)),
  listTool('numbers', 'Numbered list', '1.', node(numbers)),
  {
    id: 'quote',
    label: 'Quotation',
    sign: '“',
    command: wrapIn(node(blockquote)),
    isOn: (state) => isWithin(state, node(blockquote)),
  },
  { id: 'undo', label: 'Undo what I did', sign: '↶', keys: 'Ctrl+Z', command: undoCommand },
  { id: 'redo', label: 'Redo what I undid', sign: '↷', keys: 'Ctrl+Shift+Z', command: redoCommand },
];

function headingTool(level: number): EditorTool {
  const isOn = (state: EditorState): boolean =>
    state.selection.$from.parent.hasMarkup(node(heading), { level });
  return {
    id: `heading-${level}`,
    label: `Heading ${level}`,
    sign: `H${level}`,
    command: (state, dispatch) =>
      isOn(state)
        ? setBlockType(node(paragraph))(state, dispatch)
        : setBlockType(node(heading), { level })(state, dispatch),
    isOn,
  };
}

function listTool(id: string, label: string, sign: string, type: NodeType): EditorTool {
  return {
    id,
    label,
    sign,
    command: (state, dispatch) =>
      isWithin(state, type)
        ? liftListItem(node(schema.nodes['list_item']))(state, dispatch)
        : wrapInList(type)(state, dispatch),
    isOn: (state) => isWithin(state, type),
  };
}

function hasMark(type: MarkType): (state: EditorState) => boolean {
  return ({ doc, selection: { from, to, $from, empty }, storedMarks }) =>
    empty ? type.isInSet(storedMarks ?? $from.marks()) !== undefined : doc.rangeHasMark(from, to, type);
}

function isWithin({ selection: { $from } }: EditorState, type: NodeType): boolean {
  for (let depth = $from.depth; depth > 0; depth--) if ($from.node(depth).type === type) return true;
  return false;
}

/** What the schema says it has. */
export function node(type: NodeType | undefined): NodeType {
  if (type === undefined) throw new Error('the schema has lost a node');
  return type;
}

export function mark(type: MarkType | undefined): MarkType {
  if (type === undefined) throw new Error('the schema has lost a mark');
  return type;
}
