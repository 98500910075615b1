import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Log } from '../../src/ports/log.ts';
import type { LogSubject, LogTraits, OpenLog } from '../../src/testing/log-subject.ts';
import { LANE_LIMITS, keptOfEach, stepsOf } from './log-history.ts';
import { OUTCOMES, type Outcome, createLogRun } from './log-run.ts';

const T0 = 1_700_000_000_000;

/** Runs random histories on a log and on a model of it that is too plain to be wrong. */
export function randomHistories(
  name: string,
  open: OpenLog,
  numRuns: number,
  { shared = false }: LogTraits = {},
): void {
  describe(`random histories: ${name}`, () => {
    let subject: LogSubject;
    let log: Log;
    let runs = 0;
    beforeAll(async () => {
      subject = await open(LANE_LIMITS);
      log = subject.log;
    });
    afterAll(() => subject.close());

    // Six servers that sync to one disk, which others use too, take a hundred times as long as they do alone.
    it('what each reader holds is complete, ordered and free of repeats, or it was told otherwise', async () => {
      const happened = new Set<Outcome>();
      await fc.assert(
        fc.asyncProperty(stepsOf(subject.reopen !== null), keptOfEach, async (steps, kept) => {
          // One log for all runs, each with channels of its own and later than those before.
          const run = createLogRun(
            log,
            `run${++runs}:`,
            T0 + runs * 1_000_000,
            kept,
            async () => {
              if (subject.reopen !== null) log = await subject.reopen();
              return log;
            },
            (what) => happened.add(what),
            shared,
          );
          try {
            await run.begin();
            for (const step of steps) await run.take(step);
            await run.finish();
          } finally {
            await run.forgetAll();
          }
          expect(log.counts()).toEqual(shared ? null : { channels: 0, publications: 0, keys: 0 });
        }),
        { numRuns },
      );
      expect([...happened].toSorted()).toEqual([...OUTCOMES].toSorted());
    }, 300_000);
  });
}
