import { baseKeymap, toggleMark } from 'prosemirror-commands';
import { inputRules, textblockTypeInputRule, wrappingInputRule } from 'prosemirror-inputrules';
import { keymap } from 'prosemirror-keymap';
import { liftListItem, sinkListItem, splitListItem } from 'prosemirror-schema-list';
import type { Plugin } from 'prosemirror-state';
import { redoCommand, undoCommand } from 'y-prosemirror';
import { mark, node } from './editor-tools.ts';
import { schema } from './schema.ts';

const { list_item: item, heading, blockquote, bullet_list: bullets, ordered_list: numbers } = schema.nodes;
const { strong, em } = schema.marks;

/** Keys, and what turns into a heading or a list while it is typed. Tab is left alone: it leads out of the text, as everywhere on the page. */
export function editorKeys(): readonly Plugin[] {
  return [
    inputRules({
      rules: [
        textblockTypeInputRule(/^(#{1,3})\s$/, node(heading), (match) => ({ level: match[1]?.length ?? 1 })),
        wrappingInputRule(/^\s*>\s$/, node(blockquote)),
        wrappingInputRule(/^\s*[-*]\s$/, node(bullets)),
        wrappingInputRule(
          /^(\d+)\.\s$/,
          node(numbers),
          (match) => ({ order: Number(match[1]) }),
          (match, before) => before.childCount + Number(before.attrs['order']) === Number(match[1]),
        ),
      ],
    }),
    keymap({
      'Mod-z': undoCommand,
      'Mod-y': redoCommand,
      'Mod-Shift-z': redoCommand,
      'Mod-b': toggleMark(mark(strong)),
      'Mod-i': toggleMark(mark(em)),
      Enter: splitListItem(node(item)),
      'Mod-]': sinkListItem(node(item)),
      'Mod-[': liftListItem(node(item)),
    }),
    keymap(baseKeymap),
  ];
}
