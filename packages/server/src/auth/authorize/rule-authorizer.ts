import type { Role } from '@carillon/protocol';
import type { Authorizer, AuthorizeRequest, Decision } from '../../ports/authorizer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { allowed, type Answer, denied, readAnswer, roleAnswer } from './answer.ts';
import { createPacedWarning } from '../../outbound/paced-warning.ts';
import { createTurnstile } from './turnstile.ts';

export type RuleRequest = AuthorizeRequest & {
  /** Fires when the answer no longer counts. */
  readonly signal: AbortSignal;
};

/** What a rule says. `ttlMs`: after which it is asked again. */
export type RuleAnswer = boolean | { readonly allow: boolean; readonly ttlMs?: number };

/** What a rule of a document says: what they may do. `ttlMs`: after which it is asked again; nobody is cut off for that. */
export type RoleAnswer = Role | { readonly role: Role; readonly ttlMs?: number };

/**
 * An app's own say in who may use the channels of one pattern. Only `true` and `{ allow: true }` open; of a document only a role, and
 * nothing else.
 */
export type AuthorizeRule = (
  request: RuleRequest,
) => RuleAnswer | RoleAnswer | Promise<RuleAnswer | RoleAnswer>;

/** Rules by the pattern that they are for. */
export type AuthorizeRules = Readonly<Record<string, AuthorizeRule>>;

/** How long a rule may take, the wait for its turn included. */
export const RULE_TIME_LIMIT_MS = 5_000;

/** Rules that run at once: most ask a database, which is not to be buried when everybody comes back after a restart. */
export const RULES_AT_ONCE = 256;

/** Questions that wait beside them; one more is answered `unavailable`. */
export const RULES_WAITING = 10_000;

/**
 * Asks the app's own rules. Denies what no rule is for; nothing is remembered here. A rule that throws, rejects or takes
 * too long could not say no either, so the client is told `unavailable` and may try again.
 */
export function createRuleAuthorizer(
  rules: AuthorizeRules,
  clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'setTimer'>,
  telemetry: Pick<Telemetry, 'warn'>,
): Authorizer {
  const byPattern = new Map(Object.entries(rules));
  const turnstile = createTurnstile(RULES_AT_ONCE, RULES_WAITING);
  const warn = createPacedWarning('authorize_rule_failed', clock, telemetry);

  function unavailable(pattern: string, problem: string): Decision {
    warn({ pattern, problem });
    return denied('unavailable', 'the authorize rule could not say who may');
  }

  function decisionOf({ pattern, kind }: AuthorizeRequest, value: unknown): Decision {
    const answer = readRuleAnswer(value, kind);
    if (answer.kind === 'allow') return allowed(clock.nowMs(), answer.ttlMs, answer.role);
    if (answer.kind === 'nonsense') warn({ pattern, problem: answer.problem });
    return denied('forbidden', `the authorize rule of ${pattern} did not open it`);
  }

  function ask(rule: AuthorizeRule, request: AuthorizeRequest): Decision | Promise<Decision> {
    const { pattern } = request;
    const limit = new AbortController();
    const decided = Promise.withResolvers<Decision>();
    const question: { decision: Decision | null } = { decision: null };

    /** The first decision counts; of what comes later nobody is told. */
    function decide(decisionNow: () => Decision): void {
      if (question.decision !== null) return;
      question.decision = decisionNow();
      decided.resolve(question.decision);
    }

    const place = turnstile.enter(() => {
      try {
        const answer: unknown = rule({ ...request, signal: limit.signal });
        if (isThenable(answer)) {
          Promise.resolve(answer)
            .then((value) => decide(() => decisionOf(request, value)))
            .catch((error: unknown) => decide(() => unavailable(pattern, problemOf(error))));
        } else decide(() => decisionOf(request, answer));
      } catch (error) {
        decide(() => unavailable(pattern, problemOf(error)));
      }
    });
    if (place === null) return unavailable(pattern, `${RULES_WAITING} questions wait already`);
    if (question.decision !== null) {
      place.leave();
      return question.decision;
    }
    const timer = clock.setTimer(RULE_TIME_LIMIT_MS, () => {
      limit.abort();
      decide(() => unavailable(pattern, `it took longer than ${RULE_TIME_LIMIT_MS} ms`));
    });
    return decided.promise.finally(() => {
      timer.cancel();
      // A rule that hangs gives its place up too: a few of them must not deny everything for ever.
      place.leave();
    });
  }

  return {
    decide(request) {
      const rule = byPattern.get(request.pattern);
      if (rule === undefined) return denied('forbidden', `no authorize rule opens ${request.pattern}`);
      return ask(rule, request);
    },
  } satisfies Authorizer;
}

function readRuleAnswer(value: unknown, kind: AuthorizeRequest['kind']): Answer {
  if (kind === 'document') return typeof value === 'string' ? roleAnswer(value) : readAnswer(value, kind);
  if (typeof value === 'boolean')
    return value ? { kind: 'allow', ttlMs: null, role: null } : { kind: 'deny', ttlMs: null };
  return readAnswer(value, kind);
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** What a rule threw, for the log. */
function problemOf(error: unknown): string {
  const text =
    error instanceof Error ? `${error.name}: ${error.message}` : 'it threw something that is no Error';
  return text.slice(0, 500);
}
