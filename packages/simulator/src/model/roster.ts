/**
 * Who follows, blocks and counts whom among their close friends, as far as was acknowledged. An edit that was asked for
 * and is not acknowledged yet may have happened or not.
 */
export type EdgeKind = 'follow' | 'block' | 'close';

export type Roster = {
  /** `a` follows, blocks or is close to `b` from now on; or, with `to` false, not any more. Acknowledged by `settle`. */
  begin(kind: EdgeKind, a: string, b: string, to: boolean): void;
  settle(kind: EdgeKind, a: string, b: string, to: boolean): void;
  /** The edit was refused for good, nothing changed. */
  abandon(kind: EdgeKind, a: string, b: string): void;
  /** What the flag may be at this moment. */
  possible(kind: EdgeKind, a: string, b: string): readonly boolean[];
  /** Whether something about the edge from viewer to subject was being edited between the two times. */
  edited(viewer: string, subject: string, fromMs: number, toMs: number): boolean;
  /** Every flag that names the user and is set, or being edited; in an order that does not tell who asked before. */
  flagsOf(user: string): readonly { readonly kind: EdgeKind; readonly a: string; readonly b: string }[];
};

type Flag = {
  readonly kind: EdgeKind;
  readonly a: string;
  readonly b: string;
  is: boolean;
  /** What it was until it was settled, for the moment of settling. */
  was: boolean;
  pending: boolean | null;
  beganMs: number;
  settledMs: number;
};

export function createRoster(nowMs: () => number): Roster {
  const flags = new Map<string, Flag>();

  function flag(kind: EdgeKind, a: string, b: string): Flag {
    const key = `${kind} ${a} ${b}`;
    let known = flags.get(key);
    if (known === undefined) {
      known = { kind, a, b, is: false, was: false, pending: null, beganMs: -Infinity, settledMs: -Infinity };
      flags.set(key, known);
    }
    return known;
  }

  return {
    begin(kind, a, b, to) {
      const edited = flag(kind, a, b);
      edited.pending = to;
      edited.beganMs = nowMs();
    },
    settle(kind, a, b, to) {
      const edited = flag(kind, a, b);
      edited.was = edited.is;
      edited.is = to;
      edited.pending = null;
      edited.settledMs = nowMs();
    },
    abandon(kind, a, b) {
      const edited = flag(kind, a, b);
      edited.pending = null;
      edited.settledMs = nowMs();
    },
    possible(kind, a, b) {
      const { is, was, pending, settledMs } = flag(kind, a, b);
      if (pending !== null && pending !== is) return [is, pending];
      // Acknowledged at this very moment: what the turn had begun to send is sent at its end.
      return settledMs === nowMs() && was !== is ? [is, was] : [is];
    },
    edited(viewer, subject, fromMs, toMs) {
      return [
        flag('follow', viewer, subject),
        flag('block', subject, viewer),
        flag('close', subject, viewer),
      ].some((edge) => edge.beganMs <= toMs && (edge.pending !== null || edge.settledMs >= fromMs));
    },
    flagsOf: (user) =>
      [...flags.values()]
        .filter(({ is, pending, a, b }) => (is || pending !== null) && (a === user || b === user))
        .toSorted((one, other) =>
          `${one.kind} ${one.a} ${one.b}` < `${other.kind} ${other.a} ${other.b}` ? -1 : 1,
        ),
  };
}

/** Whether a viewer may, or must, see a user. */
export function sight(roster: Roster, viewer: string, subject: string): 'no' | 'maybe' | 'yes' {
  const follows = roster.possible('follow', viewer, subject);
  const blocked = roster.possible('block', subject, viewer);
  if (!follows.includes(true) || !blocked.includes(false)) return 'no';
  return follows.includes(false) || blocked.includes(true) ? 'maybe' : 'yes';
}
