import { Schema } from 'prosemirror-model';
import { marks, nodes } from 'prosemirror-schema-basic';
import { addListNodes } from 'prosemirror-schema-list';

const { doc, paragraph, heading, blockquote, text, hard_break: hardBreak } = nodes;
const { strong, em, code } = marks;

/** Levels of headings. The page itself has the first two. */
const LEVELS = [1, 2, 3] as const;

const basic = new Schema({
  nodes: {
    doc,
    paragraph,
    // Others may send what this page would not write: no tag is made of a level that there is not.
    heading: {
      ...heading,
      parseDOM: LEVELS.map((level) => ({ tag: `h${level}`, attrs: { level } })),
      toDOM: ({ attrs }) => [`h${LEVELS.find((level) => level === attrs['level']) ?? 3}`, 0],
    },
    blockquote,
    text,
    hard_break: hardBreak,
  },
  // No links and no pictures: what others write in the document leads nowhere.
  marks: { strong, em, code },
});

/** What the document may hold. */
export const schema = new Schema({
  nodes: addListNodes(basic.spec.nodes, 'paragraph block*', 'block'),
  marks: basic.spec.marks,
});

/** The root of the document within the Y.Doc, as editors of ProseMirror call it. */
export const FRAGMENT = 'prosemirror';
