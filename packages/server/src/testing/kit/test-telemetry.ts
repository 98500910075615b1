import type { Telemetry } from '../../ports/telemetry.ts';

/** What the server would have written to its log. */
export type Warning = { readonly event: string; readonly detail: Readonly<Record<string, unknown>> };

const nothing = (): void => undefined;

/** Measures nothing: a test looks at what clients see. Warnings are kept, for they tell of an app's own mistakes. */
export function createTestTelemetry(warnings: Warning[]): Telemetry {
  return {
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
    warn: (event, detail) => void warnings.push({ event, detail }),
  } satisfies Telemetry;
}
