import { createSignedPost, type PostResult } from '../../outbound/signed-post.ts';
import { shownTarget } from '../../outbound/target.ts';
import type { Authorizer, AuthorizeRequest, Decision } from '../../ports/authorizer.ts';
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

export type CallbackAuthorizer = Authorizer & {
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

/** A yes or a no, and for how long it holds; null where the callback could not say. */
type Said = { readonly allow: boolean; readonly ttlMs: number | null } | null;

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
  const cache = createAnswerCache<boolean>(settings.cached);
  const underWay = new Map<string, Promise<Said>>();
  const warn = createPacedWarning('authorize_callback_failed', clock, telemetry);

  function failed(problem: string): null {
    warn({ url: shownTarget(url), problem });
    return null;
  }

  function saidBy(result: PostResult): Said {
    if (result.kind === 'failed') return failed(result.problem);
    if (result.status !== 200) return failed(`it answered ${result.status}`);
    const answer = parseAnswer(result.body);
    if (answer.kind === 'nonsense') return failed(answer.problem);
    return { allow: answer.kind === 'allow', ttlMs: answer.ttlMs };
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
          resolve(saidBy(result));
        });
      });
      if (place === null) resolve(failed(`${waiting} questions wait already`));
    });
  }

  async function askOnce(key: string, request: AuthorizeRequest): Promise<Said> {
    const askedMs = clock.monotonicMs();
    const said = await ask(request);
    underWay.delete(key);
    // From the question on: what the backend knew, it knew then at the latest.
    if (said !== null && said.ttlMs !== null) cache.put(key, said.allow, askedMs + said.ttlMs);
    return said;
  }

  function decisionOf(said: Said): Decision {
    if (said === null) return denied('unavailable', 'the authorize callback could not say who may');
    if (!said.allow) return denied('forbidden', 'the authorize callback did not open it');
    return allowed(clock.nowMs(), said.ttlMs);
  }

  return {
    decide(request) {
      const key = JSON.stringify([request.user, request.action, request.channel]);
      const known = cache.get(key, clock.monotonicMs());
      if (known !== undefined) return decisionOf({ allow: known.answer, ttlMs: Math.ceil(known.leftMs) });
      let asking = underWay.get(key);
      if (asking === undefined) {
        asking = askOnce(key, request);
        underWay.set(key, asking);
      }
      return asking.then(decisionOf);
    },
    counts: () => ({ ...turnstile.counts(), cached: cache.size }),
    close: () => sender.close(),
  } satisfies CallbackAuthorizer;
}

function bodyOf({ user, session, action, channel, pattern, params }: AuthorizeRequest): string {
  return JSON.stringify({ user, session, action, channel, pattern, params });
}

function parseAnswer(body: string): Answer {
  try {
    return readAnswer(JSON.parse(body));
  } catch {
    // The body is not repeated: it may be a page with anything in it.
    return { kind: 'nonsense', problem: 'its answer is not JSON' };
  }
}
