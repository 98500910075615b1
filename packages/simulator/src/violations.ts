/** What must hold in every run; the letters stand in docs/decisions/0008-simulator.md. */
export type Invariant =
  | 'a'
  | 'b'
  | 'c'
  | 'd'
  | 'e'
  | 'f'
  | 'g'
  | 'h'
  | 'i'
  | 'j'
  | 'k'
  | 'l'
  | 'm'
  | 'n'
  | 'o'
  | 'p'
  | 'protocol'
  | 'alive'
  | 'threw';

export type Violation = { readonly invariant: Invariant; readonly atMs: number; readonly detail: string };

/** The first thing found wrong in a run; what follows from it is not looked at. */
export type Violations = {
  found(invariant: Invariant, detail: string): void;
  readonly first: Violation | null;
};

export function createViolations(nowMs: () => number): Violations {
  let first: Violation | null = null;
  return {
    found(invariant, detail) {
      first ??= { invariant, atMs: nowMs(), detail };
    },
    get first() {
      return first;
    },
  };
}
