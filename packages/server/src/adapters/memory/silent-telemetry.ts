import type { Telemetry } from '../../ports/telemetry.ts';

const nothing = (): void => undefined;

/** Reports to nobody: for tests and the simulator, where they look at other things. */
export const silentTelemetry: Telemetry = {
  connectionOpened: nothing,
  connectionClosed: nothing,
  messageIn: nothing,
  error: nothing,
  login: nothing,
  fanOut: nothing,
  flush: nothing,
  slowConsumer: nothing,
  presenceResync: nothing,
  conflated: nothing,
  sessionExpired: nothing,
  publication: nothing,
  gap: nothing,
  channelDropped: nothing,
  recovered: nothing,
  callServed: nothing,
  clientCall: nothing,
  webhook: nothing,
  relayed: nothing,
  feedEvent: nothing,
  feedDelivered: nothing,
  documentUpdate: nothing,
  documentJoined: nothing,
  documentCompacted: nothing,
  documentVersion: nothing,
  warn: nothing,
};
