import type { Role } from '@carillon/protocol';
import { createSignedPost, type PostResult } from '../../outbound/signed-post.ts';
import { shownTarget } from '../../outbound/target.ts';
import type { AuthorizeRequest, ChannelAction, Decision, KeepingAuthorizer } from '../../ports/authorizer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Secrets } from '../../ports/secrets.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { allowed, type Answer, denied, readAnswer } from './answer.ts';
import { createAnswerCache } from './answer-cache.ts';
import { createPacedWarning } from '../../outbound/paced-warning.ts';
import { createTurnstile } from './turnstile.ts';

/** How the callback is asked, defaults filled in. */
export type CallbackSettings = {
  /** Must have no `targetProblem`. */
  readonly url: URL;
  /** Must have no `signingSecretProblem`. */
  readonly secret: string;
  /** How long an answer may take, the wait for its turn included. */
  readonly timeoutMs: number;
  /** Requests at once. */
  readonly atOnce: number;
  /** Questions that wait beside them; one more is answered `unavailable`. */
  readonly waiting: number;
  /** Answers that are kept for their `ttlMs`. */
  readonly cached: number;
};

export const DEFAULT_CALLBACK = { timeoutMs: 3_000, atOnce: 32, waiting: 1_000, cached: 10_000 } as const;

/** The longest answer: `{ "allow": true, "ttlMs": 60000 }` takes 32 bytes; the rest is room for what is not read. */
export const MAX_ANSWER_BYTES = 4 * 1024;

/** Whose turn comes with less of its time left than this is not asked about: it would only burden a backend that is slow. */
const LEAST_LEFT = 0.1;

export type CallbackAuthorizer = KeepingAuthorizer & {
  /** Requests under way, questions that wait, answers kept. */
  counts(): { readonly running: number; readonly waiting: number; readonly cached: number };
  /** Ends what is under way: it is answered `unavailable`. */
  close(): void;
};

export type CallbackPorts = {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'setTimer'>;
  readonly secrets: Pick<Secrets, 'id'>;
  readonly telemetry: Pick<Telemetry, 'warn'>;
};

/** A yes or a no, of a document the role. */
type Verdict = { readonly allow: boolean; readonly role: Role | null };

/** What it said, and for how long that holds; null where the callback could not say. */
type Said = { readonly verdict: Verdict; readonly ttlMs: number | null } | null;

const NO: Verdict = { allow: false, role: null };

/**
 * Asks an app's backend by signed HTTP. Denies `forbidden` where it said no, `unavailable` where it could not be asked.
 * Answers are kept for as long as they say, by user, action and channel; the same question asked again while it is under
 * way is answered with it.
 */
export function createCallbackAuthorizer(
  settings: CallbackSettings,
  { clock, secrets, telemetry }: CallbackPorts,
): CallbackAuthorizer {
  const { url, timeoutMs, atOnce, waiting } = settings;
  const sender = createSignedPost({
    url,
    secret: settings.secret,
    connections: atOnce,
    answerBytes: MAX_ANSWER_BYTES,
    clock,
  });
  const turnstile = createTurnstile(atOnce, waiting);
  const cache = createAnswerCache<Verdict>(settings.cached);
  const underWay = new Map<string, Promise<Said>>();
  const warn = createPacedWarning('authorize_callback_failed', clock, telemetry);

  function failed(problem: string): null {
    warn({ url: shownTarget(url), problem });
    return null;
  }

  function saidBy(result: PostResult, kind: AuthorizeRequest['kind']): Said {
    if (result.kind === 'failed') return failed(result.problem);
    if (result.status !== 200) return failed(`it answered ${result.status}`);
    const answer = parseAnswer(result.body, kind);
    if (answer.kind === 'allow') return { verdict: { allow: true, role: answer.role }, ttlMs: answer.ttlMs };
    if (answer.kind === 'deny') return { verdict: NO, ttlMs: answer.ttlMs };
    failed(answer.problem);
    return answer.isNo ? { verdict: NO, ttlMs: null } : null;
  }

  /**
   * Waits for its turn and asks. Resolves within `timeoutMs` without a timer for the wait: whoever is ahead was asked about
   * earlier, and is answered or given up before this one's time is over.
   */
  function ask(request: AuthorizeRequest): Promise<Said> {
    const askedMs = clock.monotonicMs();
    return new Promise((resolve) => {
      const place = turnstile.enter(({ leave }) => {
        const leftMs = timeoutMs - (clock.monotonicMs() - askedMs);
        if (leftMs < timeoutMs * LEAST_LEFT) {
          leave();
          resolve(failed(`no turn within ${timeoutMs} ms`));
          return;
        }
        void sender.post(`ask_${secrets.id()}`, bodyOf(request), leftMs).then((result) => {
          leave();
          resolve(saidBy(result, request.kind));
        });
      });
      if (place === null) resolve(failed(`${waiting} questions wait already`));
    });
  }

  function askOnce(key: string, request: AuthorizeRequest): Promise<Said> {
    const askedMs = clock.monotonicMs();
    const asking = ask(request).then((said) => {
      // Forgotten meanwhile: what the backend knew when it was asked may be over.
      if (underWay.get(key) !== asking) return said;
      underWay.delete(key);
      // From the question on: what the backend knew, it knew then at the latest.
      if (said !== null && said.ttlMs !== null) cache.put(key, said.verdict, askedMs + said.ttlMs);
      return said;
    });
    underWay.set(key, asking);
    return asking;
  }

  function forgetKey(key: string): void {
    cache.delete(key);
    underWay.delete(key);
  }

  function decisionOf(said: Said): Decision {
    if (said === null) return denied('unavailable', 'the authorize callback could not say who may');
    const { allow, role } = said.verdict;
    if (!allow) return denied('forbidden', 'the authorize callback did not open it');
    return allowed(clock.nowMs(), said.ttlMs, role);
  }

  return {
    decide(request) {
      const key = keyOf(request.user, request.action, request.channel);
      const known = cache.get(key, clock.monotonicMs());
      if (known !== undefined) return decisionOf({ verdict: known.answer, ttlMs: Math.ceil(known.leftMs) });
      return (underWay.get(key) ?? askOnce(key, request)).then(decisionOf);
    },
    forget(channel, user) {
      if (user !== null) {
        for (const action of ['subscribe', 'publish'] as const) forgetKey(keyOf(user, action, channel));
        return;
      }
      // What is between the quotes is JSON, so no other channel's key ends in this way.
      const end = `,${JSON.stringify(channel)}]`;
      for (const key of [...cache.keys(), ...underWay.keys()]) if (key.endsWith(end)) forgetKey(key);
    },
    counts: () => ({ ...turnstile.counts(), cached: cache.size }),
    close: () => sender.close(),
  } satisfies CallbackAuthorizer;
}

function keyOf(user: string, action: ChannelAction, channel: string): string {
  return JSON.stringify([user, action, channel]);
}

function bodyOf({ user, session, action, channel, pattern, kind, params }: AuthorizeRequest): string {
  return JSON.stringify({ user, session, action, channel, pattern, kind, params });
}

function parseAnswer(body: string, kind: AuthorizeRequest['kind']): Answer {
  try {
    return readAnswer(JSON.parse(body), kind);
  } catch {
    // The body is not repeated: it may be a page with anything in it.
    return { kind: 'nonsense', problem: 'its answer is not JSON', isNo: false };
  }
}
