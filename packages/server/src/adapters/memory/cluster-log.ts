import { type NodeMessage, channelTopic } from '../../ports/broker.ts';
import type { Append, AppendResult, Expired, Position } from '../../ports/log.ts';
import type { ClusterBus } from './cluster-bus.ts';
import type { MemoryLog } from './log.ts';

/** The log that nodes share: appends and publishes in one step. */
export type SharedLog = {
  readonly log: MemoryLog;
  /** Steps that changed it: an older copy had fewer. */
  readonly appended: number;
  append(append: Append): AppendResult;
  expire(nowMs: number, limit: number): readonly Expired[];
  trim(channel: string, upTo: Position): void;
  forget(channel: string): void;
  /** The same with the first so many of its steps, in new epochs. */
  again(epoch: string, appended: number): SharedLog;
};

type Step = (log: MemoryLog) => unknown;

export function createSharedLog(
  epoch: string,
  bus: ClusterBus,
  newMemoryLog: (epoch: string) => MemoryLog,
  before: readonly Step[] = [],
): SharedLog {
  const log = newMemoryLog(epoch);
  const steps: Step[] = [...before];
  for (const step of steps) step(log);

  function tell(channel: string, notice: Extract<NodeMessage, { kind: 'publication' }>): void {
    bus.publish(channelTopic(channel), notice);
  }

  return {
    log,
    get appended() {
      return steps.length;
    },
    append(append) {
      const { channel, silent, eventMs } = append;
      steps.push((other) => other.append({ ...append, expect: null }));
      const result = log.append(append);
      if (!result.ok || !('publication' in result)) steps.pop();
      else tell(channel, { kind: 'publication', channel, ...result, silent, eventMs });
      return result;
    },
    expire(nowMs, limit) {
      const expired = log.expire(nowMs, limit);
      if (expired.length > 0) steps.push((other) => other.expire(nowMs, limit));
      for (const { channel, epoch: of, publication } of expired)
        tell(channel, { kind: 'publication', channel, epoch: of, publication, silent: null, eventMs: null });
      return expired;
    },
    trim(channel, upTo) {
      if (log.top(channel).epoch !== upTo.epoch) return;
      steps.push((other) => other.trim(channel, { ...upTo, epoch: other.top(channel).epoch }));
      log.trim(channel, upTo);
    },
    forget(channel) {
      steps.push((other) => other.forget(channel));
      log.forget(channel);
    },
    again: (next, appended) => createSharedLog(next, bus, newMemoryLog, steps.slice(0, appended)),
  };
}
