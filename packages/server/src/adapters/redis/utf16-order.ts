/**
 * Redis compares bytes: texts in UTF-8 then stand in the order of their code points. Pages promise the order of UTF-16 units,
 * which differs in one place: code points from U+10000, two surrogates there, come before U+E000 to U+FFFF. So these get the
 * last code point before them, which then needs a mark of its own. Nearly all ids stay as they are.
 */
const LAST = '\u{10FFFF}';

/** A text whose bytes stand in the order that the UTF-16 units of `text` have. */
export function toOrdered(text: string): string {
  return /[\uE000-\uFFFF\u{10FFFF}]/u.test(text)
    ? text.replaceAll(/[\uE000-\uFFFF\u{10FFFF}]/gu, (char) => (char === LAST ? `${LAST}\0` : LAST + char))
    : text;
}

/** The text that `toOrdered` made it of. */
export function fromOrdered(ordered: string): string {
  return ordered.includes(LAST)
    ? ordered.replaceAll(/\u{10FFFF}([\0\uE000-\uFFFF])/gu, (_, char: string) =>
        char === '\0' ? LAST : char,
      )
    : ordered;
}
