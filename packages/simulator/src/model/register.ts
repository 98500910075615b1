/**
 * One value that several sessions write. Which write is the last cannot always be known from outside: one may be under
 * way while another begins, and one that nobody acknowledged may never have been made. A register knows what the value may be.
 */
export type Register = {
  write(value: string, by: object): RegisterWrite;
  /** What the value may be now. */
  values(): ReadonlySet<string>;
};

export type RegisterWrite = {
  readonly value: string;
  readonly by: object;
  readonly beganMs: number;
  /** When it had taken effect at the latest; Infinity while that is unknown. */
  endedMs: number;
  /** Whether it was made for sure. */
  certain: boolean;
  /** It was not made for sure. */
  void: boolean;
};

/** A write that was not acknowledged has been made after this long, or never will be, ms. */
export const UNDER_WAY_MS = 6_000;

export function createRegister(nowMs: () => number, value: string): Register {
  let writes: RegisterWrite[] = [
    { value, by: {}, beganMs: nowMs(), endedMs: nowMs(), certain: true, void: false },
  ];

  /** A certain write replaces what had ended before it began, and what its own session wrote before it. */
  function isReplaced(write: RegisterWrite, at: number): boolean {
    const endedMs = Math.min(write.endedMs, write.beganMs + UNDER_WAY_MS);
    return writes.some(
      (later, index) => later.certain && index > at && (later.by === write.by || later.beganMs >= endedMs),
    );
  }

  return {
    write(written, by) {
      const write: RegisterWrite = {
        value: written,
        by,
        beganMs: nowMs(),
        endedMs: Infinity,
        certain: false,
        void: false,
      };
      writes.push(write);
      return write;
    },
    values() {
      writes = writes.filter((write, index) => !write.void && !isReplaced(write, index));
      return new Set(writes.map((write) => write.value));
    },
  };
}
