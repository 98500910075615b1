import { createHmac } from 'node:crypto';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import { createNodeSecrets } from '../../src/adapters/node/secrets.ts';
import {
  type CallbackAuthorizer,
  type CallbackSettings,
  createCallbackAuthorizer,
} from '../../src/auth/authorize/callback-authorizer.ts';
import type { AuthorizeRequest, Decision } from '../../src/ports/authorizer.ts';
import type { Arrived } from './backend.ts';

export const SECRET = 'a callback secret of 32 bytes or more';

/** Long enough for a machine that is busy with something else; tests of what takes too long say how long that is. */
const TIMEOUT_MS = 15_000;

export const REQUEST: AuthorizeRequest = {
  user: 'alice',
  session: 's1',
  action: 'subscribe',
  channel: 'chat:lobby',
  pattern: 'chat:{room}',
  kind: 'stream',
  params: { room: 'lobby' },
};

export type CallbackUnderTest = CallbackAuthorizer & {
  readonly warnings: Readonly<Record<string, unknown>>[];
  /** Lets this much time pass for what is kept, beside the time that passes by itself. */
  skip(ms: number): void;
  ask(request?: Partial<AuthorizeRequest>): Promise<Decision>;
};

export function openCallback(url: URL, settings: Partial<CallbackSettings> = {}): CallbackUnderTest {
  const clock = createNodeClock();
  const warnings: Readonly<Record<string, unknown>>[] = [];
  let skippedMs = 0;
  const authorizer = createCallbackAuthorizer(
    { url, secret: SECRET, timeoutMs: TIMEOUT_MS, atOnce: 8, waiting: 100, cached: 100, ...settings },
    {
      clock: { ...clock, monotonicMs: () => clock.monotonicMs() + skippedMs },
      secrets: createNodeSecrets(),
      telemetry: { warn: (event, detail) => void warnings.push({ event, ...detail }) },
    },
  );
  return {
    ...authorizer,
    warnings,
    skip(ms) {
      skippedMs += ms;
    },
    ask: async (request = {}) => authorizer.decide({ ...REQUEST, ...request }),
  };
}

/** Whether a message was signed with the key, as Standard Webhooks says, worked out by nothing but node:crypto. */
export function isSigned(
  { headers, body }: Pick<Arrived, 'headers' | 'body'>,
  key: string | Buffer,
): boolean {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const mac = createHmac('sha256', key).update(signed).digest('base64');
  return headers['webhook-signature'] === `v1,${mac}`;
}
