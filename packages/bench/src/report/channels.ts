import {
  type CallContender,
  CALL_CONTENDERS,
  CALLERS,
  type CallPlan,
  type CallSample,
} from '../scenarios/calls.ts';
import {
  FAN_OUTS,
  HISTORY_CONTENDERS,
  type HistoryContender,
  type HistoryPlan,
  type HistorySample,
} from '../scenarios/history.ts';
import {
  RECOVERY_CONTENDERS,
  type RecoveryContender,
  type RecoveryPlan,
  type RecoverySample,
} from '../scenarios/recovery.ts';
import type { SlowReaderPlan, SlowReaderSample } from '../scenarios/slow-reader.ts';
import {
  SNAPSHOT_CONTENDERS,
  type SnapshotContender,
  type SnapshotPlan,
  type SnapshotSample,
} from '../scenarios/snapshot.ts';
import { median, medianRatio } from '../statistics.ts';
import { digits, table, verdicts } from './table.ts';

const HISTORY_NAMES: Record<HistoryContender, string> = {
  'carillon-unkept': 'Carillon, nothing kept',
  'carillon-kept': 'Carillon, the last 1,000 in memory',
  'carillon-stored': 'Carillon, stored (synced to disk before it is acknowledged or delivered)',
  'socket.io-rooms': 'Socket.IO, nothing kept',
  'socket.io-recovery': 'Socket.IO, connection state recovery',
};

export function reportHistory(plan: HistoryPlan, samples: readonly HistorySample[]): string {
  const of = (contender: HistoryContender, fanOut: number): readonly HistorySample[] =>
    samples.filter((sample) => sample.contender === contender && sample.fanOut === fanOut);
  const micros = (contender: HistoryContender, fanOut: number): number[] =>
    of(contender, fanOut).map(({ microsPerPublication }) => microsPerPublication);
  const rows = FAN_OUTS.flatMap((fanOut) =>
    HISTORY_CONTENDERS.map((contender) => {
      const all = of(contender, fanOut);
      const middle = (read: (sample: HistorySample) => number): string => digits(median(all.map(read)));
      return [
        `${HISTORY_NAMES[contender]}, fan-out ${fanOut}`,
        middle((sample) => sample.microsPerPublication),
        digits(medianRatio(micros(contender, fanOut), micros('socket.io-recovery', fanOut))),
        middle((sample) => sample.publicationsPerSecond),
        middle((sample) => sample.p50Ms),
        middle((sample) => sample.p99Ms),
      ];
    }),
  );
  const cost = FAN_OUTS.map((fanOut) => {
    const own = medianRatio(micros('carillon-kept', fanOut), micros('carillon-unkept', fanOut));
    const theirs = medianRatio(micros('socket.io-recovery', fanOut), micros('socket.io-rooms', fanOut));
    return `- fan-out ${fanOut}: keeping it takes ${digits(own)} times the CPU of not keeping it; with Socket.IO ${digits(theirs)} times`;
  });
  return `${cost.join('\n')}

${plan.publishers} publishers on one channel, each of which waits for its last publication to have reached everyone; windows of ${plan.windowSeconds} s after ${plan.warmUpSeconds} s of warming up, medians of ${plan.repetitions} rounds in which the contenders take turns. Carillon checks each payload against a zod schema and the right to publish, gives positions and puts the sender's name and the time on each; Socket.IO does none of this.

${table(['', 'CPU µs a publication', 'of Socket.IO with recovery', 'publications a second', 'p50 ms', 'p99 ms'], rows)}`;
}

const RECOVERY_NAMES: Record<RecoveryContender, string> = {
  carillon: 'Carillon',
  'socket.io-recovery': 'Socket.IO, connection state recovery',
};

export function reportRecovery(plan: RecoveryPlan, samples: readonly RecoverySample[]): string {
  const of = (contender: RecoveryContender): readonly RecoverySample[] =>
    samples.filter((sample) => sample.contender === contender);
  const rate = ({ opened }: RecoverySample): number => opened.connections / opened.seconds;
  const rows = RECOVERY_CONTENDERS.map((contender) => {
    const all = of(contender);
    const middle = (read: (sample: RecoverySample) => number): string => digits(median(all.map(read)));
    return [
      RECOVERY_NAMES[contender],
      middle(rate),
      digits(medianRatio(all.map(rate), of('socket.io-recovery').map(rate))),
      middle(({ microsEach }) => microsEach),
      middle(({ opened }) => opened.p99Ms),
      middle(({ peakMb }) => peakMb),
    ];
  });
  return `${plan.clients.toLocaleString('en-US')} clients lose their lines at once, each misses ${plan.missed} publications, and all come back, 64 at any moment, until each has the last of what it missed; medians of ${plan.repetitions} rounds. With Carillon that is a connection, a login with a signed token, the resume of a session, presence, and the replay; with Socket.IO a connection and the replay, without a login.

${table(['', 'clients a second', 'of Socket.IO', 'CPU µs a client', 'p99 ms', 'memory at most, MB more'], rows)}`;
}

const SNAPSHOT_NAMES: Record<SnapshotContender, string> = {
  carillon: 'Carillon, a map in pages of 1,000',
  'socket.io-rooms': 'Socket.IO, one object by `emitWithAck`',
};

export function reportSnapshot(plan: SnapshotPlan, samples: readonly SnapshotSample[]): string {
  const rows = SNAPSHOT_CONTENDERS.map((contender) => {
    const all = samples.filter((sample) => sample.contender === contender);
    const middle = (read: (sample: SnapshotSample) => number): string => digits(median(all.map(read)));
    return [
      SNAPSHOT_NAMES[contender],
      middle(({ p50Ms }) => p50Ms),
      middle(({ microsEach }) => microsEach / 1000),
      middle(({ bytes }) => bytes / 1024),
      middle(({ largestBytes }) => largestBytes / 1024),
    ];
  });
  return `${plan.keys.toLocaleString('en-US')} keys, read whole ${plan.snapshots} times, one after the other; medians of ${plan.repetitions} rounds. Carillon's entries carry who set them, when, and their offset, so that changes can follow without a gap.

${table(['', 'p50 ms', 'server CPU ms', 'KB', 'largest message, KB'], rows)}`;
}

const CALL_NAMES: Record<CallContender, string> = {
  carillon: 'Carillon `call`',
  'socket.io-rooms': 'Socket.IO `emitWithAck`',
};

export function reportCalls(plan: CallPlan, samples: readonly CallSample[]): string {
  const of = (contender: CallContender, callers: number): readonly CallSample[] =>
    samples.filter((sample) => sample.contender === contender && sample.callers === callers);
  const rate = ({ perSecond }: CallSample): number => perSecond;
  const rows = CALLERS.flatMap((callers) =>
    CALL_CONTENDERS.map((contender) => {
      const all = of(contender, callers);
      const middle = (read: (sample: CallSample) => number): string => digits(median(all.map(read)));
      return [
        `${CALL_NAMES[contender]}, ${callers} at once`,
        middle(rate),
        digits(medianRatio(all.map(rate), of('socket.io-rooms', callers).map(rate))),
        middle(({ microsEach }) => microsEach),
        middle(({ p50Ms }) => p50Ms),
        middle(({ p99Ms }) => p99Ms),
      ];
    }),
  );
  return `Round trips of a call that doubles a number; windows of ${plan.windowSeconds} s after ${plan.warmUpSeconds} s of warming up, medians of ${plan.repetitions} rounds. Carillon checks input and output against zod schemas, keeps a deadline for each call and lets it be called off; Socket.IO does not.

${table(['', 'calls a second', 'of Socket.IO', 'CPU µs a call', 'p50 ms', 'p99 ms'], rows)}`;
}

/** What one stalled reader may do to the p99 of the others. */
const MOST_RATIO = 1.1;

export function reportSlowReader(plan: SlowReaderPlan, samples: readonly SlowReaderSample[]): string {
  const alone = samples.filter(({ stalled }) => !stalled);
  const beside = samples.filter(({ stalled }) => stalled);
  const ratio = medianRatio(
    beside.map(({ p99Ms }) => p99Ms),
    alone.map(({ p99Ms }) => p99Ms),
  );
  const rows = [alone, beside].map((all, i) => {
    const middle = (read: (sample: SlowReaderSample) => number): string => digits(median(all.map(read)));
    return [
      i === 0 ? `${plan.readers} readers` : `and one that stopped reading`,
      middle(({ p50Ms }) => p50Ms),
      middle(({ p99Ms }) => p99Ms),
      middle(({ deliveriesPerSecond }) => deliveriesPerSecond),
      middle(({ grownMb }) => grownMb),
      middle(({ dropped }) => dropped),
    ];
  });
  const verdict = {
    target: `the others' p99 within ${MOST_RATIO} of a run without it`,
    value: digits(ratio),
    met: ratio <= MOST_RATIO,
  };
  return `${verdicts([verdict])}

${plan.readers.toLocaleString('en-US')} readers of one channel (\`resync\`, 256 K units of it held at most; what the kernel keeps for the one that stopped was filled before), each publication sent when all of them have the one before; windows of ${plan.windowSeconds} s after ${plan.warmUpSeconds} s of warming up, medians of ${plan.repetitions} pairs.

${table(['', 'p50 ms', 'p99 ms', 'deliveries a second', 'memory at most, MB more', 'frames not held'], rows)}`;
}
