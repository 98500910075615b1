import { isValueUnit, type ParsedPattern } from '@carillon/protocol';

/**
 * A part of a pattern between two separators, which are the characters that no encoded value has. It is a literal, or one
 * parameter between the two.
 */
type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly prefix: string; readonly suffix: string };

type Shape = {
  /** The separators, in their order. A value has none, so every name that fits the pattern has exactly these. */
  readonly separators: string;
  /** One more than there are separators. */
  readonly segments: readonly Segment[];
};

/**
 * Whether some name fits both patterns. As values hold no separators, both must have the same ones, and each pair of
 * segments a text in common. (Of names longer than is allowed it says so too: then it refuses what would do no harm.)
 */
export function patternsOverlap(one: ParsedPattern, other: ParsedPattern): boolean {
  const a = shapeOf(one);
  const b = shapeOf(other);
  if (a.separators !== b.separators) return false;
  return a.segments.every((segment, index) => {
    const opposite = b.segments[index];
    return opposite !== undefined && segmentsMeet(segment, opposite);
  });
}

function segmentsMeet(a: Segment, b: Segment): boolean {
  if (a.kind === 'literal') return b.kind === 'literal' ? a.text === b.text : takes(b, a.text);
  if (b.kind === 'literal') return takes(a, b.text);
  // The longer prefix, any value and the longer suffix make a text that both take.
  return (
    (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix)) &&
    (a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix))
  );
}

/** Whether a literal is prefix, value and suffix. A value has one character at least; a literal holds no `%`. */
function takes({ prefix, suffix }: Segment & { kind: 'parameter' }, text: string): boolean {
  return text.length > prefix.length + suffix.length && text.startsWith(prefix) && text.endsWith(suffix);
}

function shapeOf({ literals }: ParsedPattern): Shape {
  const segments: Segment[] = [];
  let separators = '';
  /** What stands before the parameter of the segment that is being read; null: it has none so far. */
  let prefix: string | null = null;
  let text = '';
  function end(): void {
    segments.push(prefix === null ? { kind: 'literal', text } : { kind: 'parameter', prefix, suffix: text });
    prefix = null;
    text = '';
  }
  for (const [index, literal] of literals.entries()) {
    if (index > 0) {
      prefix = text;
      text = '';
    }
    for (let i = 0; i < literal.length; i++) {
      if (isValueUnit(literal.charCodeAt(i))) text += literal.charAt(i);
      else {
        end();
        separators += literal.charAt(i);
      }
    }
  }
  end();
  return { separators, segments };
}
