import type { Troubles } from '../checks/frame-judge.ts';

/** When what is shared did not work as it should: news is late then, and for a while after. */
export type TroubleLog = Troubles & {
  /** @param what goes on until `ended` is told of it */
  began(what: object | string): void;
  ended(what: object | string): void;
  readonly underWay: boolean;
  /** The store lost something: what nodes hold is put back, and what nobody holds is found missing. */
  forgot(): void;
};

/** A line is made anew, its lease renewed and everything read again within this, ms. */
const OVER_AFTER_MS = 40_000;

/** Records that nobody puts back are believed to be gone after two leases and two graces, ms. */
const FOUND_MISSING_MS = 260_000;

/** Until every node has put back what it holds, ms. */
const PUT_BACK_MS = 25_000;

/** How long it may take until whoever read too early has been told, ms. */
const CORRECTED_MS = 60_000;

/** A lease that lapses, once more a grace because many did, and the sweeping; and outages that put all that off, ms. */
const LATE_MS = 400_000;

/** A reason may take this long to show where all is well, ms. */
const CAUSE_MS = 10_000;

/** The store forgot, and until when everything is put back. */
type Loss = {
  readonly forgotMs: number;
  putBackMs: number;
  /** Whether something began before everything was put back: so long nobody may be there who could. */
  delayed: boolean;
};

export function createTroubleLog(nowMs: () => number): TroubleLog {
  const underWay = new Set<object | string>();
  let sinceMs = Infinity;
  let untilMs = -Infinity;
  let losses: Loss[] = [];

  function note(forMs: number): void {
    if (nowMs() > untilMs && underWay.size === 0) sinceMs = nowMs();
    untilMs = Math.max(untilMs, nowMs() + forMs);
  }

  function untilMsOf({ delayed, putBackMs }: Loss): number {
    return delayed ? nowMs() : putBackMs;
  }

  return {
    lateMs: LATE_MS,
    began(what) {
      note(OVER_AFTER_MS);
      underWay.add(what);
      for (const loss of losses) loss.delayed ||= nowMs() <= loss.putBackMs;
    },
    ended(what) {
      if (!underWay.delete(what)) return;
      untilMs = Math.max(untilMs, nowMs() + OVER_AFTER_MS);
      for (const loss of losses) {
        if (loss.delayed) loss.putBackMs = nowMs() + PUT_BACK_MS;
        loss.delayed &&= underWay.size > 0;
      }
    },
    get underWay() {
      return underWay.size > 0;
    },
    forgot() {
      note(FOUND_MISSING_MS);
      const putBackMs = nowMs() + PUT_BACK_MS;
      losses = losses.filter((loss) => nowMs() <= untilMsOf(loss) + CORRECTED_MS);
      // What was to be put back then is to be put back once more.
      for (const loss of losses) if (nowMs() <= loss.putBackMs) loss.putBackMs = putBackMs;
      losses.push({ forgotMs: nowMs(), putBackMs, delayed: underWay.size > 0 });
    },
    sinceMs: () => (underWay.size > 0 || nowMs() <= untilMs ? sinceMs - CAUSE_MS : nowMs()),
    misinformed(syncedMs) {
      return losses.some((loss) => {
        const untilPutBackMs = untilMsOf(loss);
        return (
          syncedMs >= loss.forgotMs && syncedMs <= untilPutBackMs && nowMs() <= untilPutBackMs + CORRECTED_MS
        );
      });
    },
  };
}
