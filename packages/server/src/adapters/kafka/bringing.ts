import type { Intake, Verdict } from '../../ports/source.ts';
import type { DeadLetters } from './dead-letters.ts';
import { isFarAhead, type Held, type HeldPartitions, type Reading } from './held.ts';
import type { Pauses } from './pauses.ts';
import { eventOf, type FetchedRecord } from './records.ts';

/** Bytes of events that may be without a verdict: a thousand events of 1 MB each would be a gigabyte. One larger goes alone. */
export const IN_FLIGHT_BYTES = 64 * 1_024 * 1_024;

/** Events brought of one partition before the next has its turn. */
const TURN = 32;

/** Hands fetched events to the intake, as many at a time as may be without a verdict. */
export type Bringing = {
  /** Brings what waits, as far as there is room. */
  bring(): void;
  hasRoom(): boolean;
  /** Resolves once no verdict is owed. */
  idle(): Promise<void>;
};

export type BringingDeps = {
  readonly held: HeldPartitions;
  readonly intake: Intake;
  readonly deadLetters: DeadLetters;
  readonly inFlight: number;
  readonly pauses: Pauses;
  /** Aborted when verdicts are no longer waited for. */
  readonly signal: AbortSignal;
  /** What is not taken now is left to the next life of this node, or to another. */
  isStopping(): boolean;
  /** False: nothing more is brought for now. */
  mayBring(): boolean;
  /** An event is done: there is room, and perhaps something to commit. */
  onDone(): void;
};

export function createBringing(deps: BringingDeps): Bringing {
  const { held, intake, deadLetters, inFlight, pauses, signal, isStopping, mayBring, onDone } = deps;
  const idlers: (() => void)[] = [];
  let open = 0;
  let openBytes = 0;

  const hasRoom = (): boolean => open < inFlight && openBytes < IN_FLIGHT_BYTES;

  /** Whether the event is done; false where it has to be brought again, here or by another node. */
  async function settle(partition: Held, record: FetchedRecord): Promise<boolean> {
    const event = eventOf(partition.topic, partition.partition, record);
    let verdict: Verdict;
    for (;;) {
      verdict = await intake.take(event, signal);
      if (verdict.result !== 'unavailable') break;
      if (signal.aborted || isStopping() || !partition.mine) return false;
      if (!(await pauses.wait(verdict.retryAfterMs))) return false;
    }
    if (verdict.result !== 'poison') return true;
    // Whoever has the partition now brings it again, and puts it there.
    const retry = async (attempt: number): Promise<boolean> =>
      partition.mine && (await pauses.backoff(attempt));
    return partition.mine
      ? deadLetters.put(partition.topic, partition.partition, record, verdict, retry)
      : false;
  }

  async function take(partition: Held, { watermark }: Reading, record: FetchedRecord): Promise<void> {
    const mark = watermark.bring(record.offset);
    const bytes = (record.value?.length ?? 0) + (record.key?.length ?? 0);
    open++;
    openBytes += bytes;
    if (await settle(partition, record)) watermark.done(mark);
    open--;
    openBytes -= bytes;
    onDone();
    if (open === 0) for (const resolve of idlers.splice(0)) resolve();
  }

  function turn(partition: Held, reading: Reading): boolean {
    let brought = false;
    for (let left = TURN; left > 0 && hasRoom() && !isFarAhead(reading); left--) {
      const record = reading.waiting[reading.at];
      if (record === undefined) break;
      reading.at++;
      brought = true;
      void take(partition, reading, record);
    }
    if (reading.at >= reading.waiting.length) {
      // The records would keep the whole fetched piece in memory.
      reading.waiting = [];
      reading.at = 0;
      reading.watermark.passTo(reading.next);
    }
    return brought;
  }

  return {
    hasRoom,
    bring() {
      for (let brought = true; brought && mayBring();) {
        brought = false;
        for (const partition of held.values())
          if (partition.reading !== null && turn(partition, partition.reading)) brought = true;
      }
    },
    idle: () => (open === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
}
