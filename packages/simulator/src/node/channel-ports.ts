import {
  type NodePorts,
  createMemoryLog,
  createMemoryRevocations,
  plainTickets,
} from '@carillon/server/simulation';

/** Everything is open: who may is not what these runs are about. */
export const OPEN: NodePorts['authorizer'] = { decide: () => ({ allow: true, untilMs: null }) };

/** What a node needs for channels. Nothing is open, and what is logged is lost with the process. */
export function channelPorts(
  epoch: string,
  nowMs: () => number,
): Pick<
  NodePorts,
  'documents' | 'engine' | 'logs' | 'authorizer' | 'grants' | 'tickets' | 'revocations' | 'events'
> {
  const log = createMemoryLog({ newEpoch: () => epoch });
  return {
    documents: null,
    engine: null,
    logs: { memory: log, replicated: log, stored: log },
    authorizer: { decide: () => ({ allow: false, code: 'forbidden', detail: 'nothing is open' }) },
    grants: { sign: () => '', verify: () => ({ ok: false, detail: 'nobody gives any' }) },
    tickets: plainTickets,
    revocations: createMemoryRevocations(nowMs),
    events: { userOnline() {}, userOffline() {}, channelOccupied() {}, channelVacated() {} },
  };
}
