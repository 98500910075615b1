/** An event that was brought and is not known to be done. */
export type Mark = { readonly offset: number; done: boolean };

/**
 * How far a partition is: verdicts come out of order, and only what has no event without a verdict before it may be
 * committed.
 */
export type Watermark = {
  /** Notes that an event is brought; offsets rise. */
  bring(offset: number): Mark;
  /** Notes that an event is done; twice is once. */
  done(mark: Mark): void;
  /** Nothing below this offset is still to be brought: what the log holds between events (markers, compacted records) is passed over. */
  passTo(offset: number): void;
  /** The offset to commit: of the oldest event that is not done, or the one behind all. */
  readonly position: number;
  /** Events that are brought and not done. */
  readonly open: number;
  /** Events that are brought from the oldest that is not done on: what is remembered, and comes again behind a crash. */
  readonly span: number;
};

/** Marks at the front that are done are dropped once there are so many, and they are half of all. */
const COMPACT_AT = 1_024;

/** @param start where the partition is read from */
export function createWatermark(start: number): Watermark {
  let marks: Mark[] = [];
  let head = 0;
  let behind = start;
  let open = 0;
  return {
    bring(offset) {
      const mark = { offset, done: false };
      marks.push(mark);
      behind = offset + 1;
      open++;
      return mark;
    },
    done(mark) {
      if (mark.done) return;
      mark.done = true;
      open--;
      while (head < marks.length && marks[head]?.done === true) head++;
      if (head >= COMPACT_AT && head * 2 >= marks.length) {
        marks = marks.slice(head);
        head = 0;
      }
    },
    passTo(offset) {
      if (offset > behind) behind = offset;
    },
    get position() {
      return marks[head]?.offset ?? behind;
    },
    get open() {
      return open;
    },
    get span() {
      return marks.length - head;
    },
  };
}
