import type { Telemetry } from '../../src/ports/telemetry.ts';

const nothing = (): void => undefined;

/** For tests that look at other things than what is reported. */
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
  warn: nothing,
};
