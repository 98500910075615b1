import { type CallbackSettings, createCallbackAuthorizer } from '../auth/authorize/callback-authorizer.ts';
import { type AuthorizeRules, createRuleAuthorizer } from '../auth/authorize/rule-authorizer.ts';
import type { KeepingAuthorizer } from '../ports/authorizer.ts';
import type { Clock } from '../ports/clock.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { Telemetry } from '../ports/telemetry.ts';

export type AccessPorts = {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly telemetry: Telemetry;
};

/** Who may, as configured: a pattern's own rule, or else the app's backend. */
export type ConfiguredAuthorizer = KeepingAuthorizer & {
  /** Ends what is asked of the backend. */
  close(): void;
};

/** @param callback null: nobody is asked where no rule is, so such channels stay closed */
export function createAuthorizer(
  rules: AuthorizeRules,
  callback: CallbackSettings | null,
  ports: AccessPorts,
): ConfiguredAuthorizer {
  const byRule = createRuleAuthorizer(rules, ports.clock, ports.telemetry);
  if (callback === null)
    return {
      decide: (request) => byRule.decide(request),
      // Rules are asked each time.
      forget: () => undefined,
      close: () => undefined,
    };
  const backend = createCallbackAuthorizer(callback, ports);
  return {
    decide: (request) =>
      Object.hasOwn(rules, request.pattern) ? byRule.decide(request) : backend.decide(request),
    forget: (channel, user) => backend.forget(channel, user),
    close: () => backend.close(),
  };
}
