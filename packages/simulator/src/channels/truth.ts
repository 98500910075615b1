import type { Append, AppendResult, Log, Publication } from '@carillon/server/simulation';
import type { Violations } from '../violations.ts';
import type { OutboxWatch } from './outbox-watch.ts';

/** Everything that logs ever took, trimmed or not: what subscribers are held against. */
export type Truth = {
  /** A log of which everything that it takes is remembered. */
  watch(log: Log): Log;
  at(channel: string, epoch: string, offset: number): Publication | undefined;
};

/** Payloads of a run are all different, so that a publication that was taken twice is seen. */
export function createTruth(violations: Violations, outboxes: OutboxWatch | null): Truth {
  const taken = new Map<string, Publication>();
  const payloads = new Set<string>();

  function remember(channel: string, epoch: string, publication: Publication): void {
    taken.set(`${channel} ${epoch} ${publication.offset}`, publication);
    if (publication.data === null) return;
    outboxes?.taken(channel, publication.data);
    const payload = `${channel} ${epoch} ${publication.data}`;
    if (payloads.has(payload)) violations.found('l', `${channel} holds ${publication.data} twice`);
    payloads.add(payload);
  }

  function append(log: Log, wanted: Append): AppendResult {
    const result = log.append(wanted) as AppendResult;
    if (result.ok && 'publication' in result) remember(wanted.channel, result.epoch, result.publication);
    return result;
  }

  return {
    watch: (log) => ({ ...log, append: (wanted) => append(log, wanted) }),
    at: (channel, epoch, offset) => taken.get(`${channel} ${epoch} ${offset}`),
  };
}
