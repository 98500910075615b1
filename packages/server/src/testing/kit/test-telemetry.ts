import { silentTelemetry } from '../../adapters/memory/silent-telemetry.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** What the server would have written to its log. */
export type Warning = { readonly event: string; readonly detail: Readonly<Record<string, unknown>> };

/** Measures nothing: a test looks at what clients see. Warnings are kept, for they tell of an app's own mistakes. */
export function createTestTelemetry(warnings: Warning[]): Telemetry {
  return { ...silentTelemetry, warn: (event, detail) => void warnings.push({ event, detail }) };
}
