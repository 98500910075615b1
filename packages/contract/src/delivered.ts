type Primitive = string | number | boolean | null | undefined;

/** What JSON cannot carry: such a payload is refused, or loses what it held. */
type Lost =
  | bigint
  | symbol
  | ((...args: never[]) => unknown)
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>;

/**
 * What arrives of a value that a schema made, once it went over the wire as JSON: a `Date` is the text of its `toJSON`.
 */
export type Delivered<T> = T extends Primitive
  ? T
  : T extends { toJSON(): infer Written }
    ? Written
    : T extends Lost
      ? never
      : T extends object
        ? { [Key in keyof T]: Delivered<T[Key]> }
        : T;
