import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Authorizer, AuthorizeRequest, Decision } from '../ports/authorizer.ts';

/** What whoever is behind the authorizer does when it is asked. */
export type AuthorizerMood =
  | { readonly kind: 'allow'; readonly ttlMs: number | null }
  | { readonly kind: 'deny' | 'fail' | 'hang' };

export type AuthorizerSubject = {
  readonly authorizer: Authorizer;
  /** What is answered from now on. */
  become(mood: AuthorizerMood): void;
  /** What was asked, as it arrived behind the authorizer. */
  asked(): readonly AuthorizeRequest[];
  nowMs(): number;
  /** Lets the time pass in which an answer must have come. */
  outwait(): Promise<void>;
  close(): Promise<void>;
};

const REQUEST: AuthorizeRequest = {
  user: 'alice',
  session: 's1',
  action: 'subscribe',
  channel: 'chat:lobby',
  pattern: 'chat:{room}',
  kind: 'stream',
  params: { room: 'lobby' },
};

/** What every `Authorizer` must do. `open` gives one that knows the pattern `chat:{room}` and nothing else. */
export function authorizerContract(name: string, open: () => Promise<AuthorizerSubject>): void {
  describe(`Authorizer: ${name}`, () => {
    let subject: AuthorizerSubject;
    const ask = async (request: Partial<AuthorizeRequest> = {}): Promise<Decision> =>
      subject.authorizer.decide({ ...REQUEST, ...request });
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject.close());

    it('[CHN3] a yes opens, for as long as the subscription lasts', async () => {
      subject.become({ kind: 'allow', ttlMs: null });
      expect(await ask()).toEqual({ allow: true, untilMs: null });
    });

    it('[CHN6] a yes for a time opens until then', async () => {
      subject.become({ kind: 'allow', ttlMs: 60_000 });
      const beforeMs = subject.nowMs();
      const decision = await ask();
      const untilMs = decision.allow ? (decision.untilMs ?? 0) : 0;
      expect(decision).toEqual({ allow: true, untilMs });
      expect(untilMs).toBeGreaterThanOrEqual(beforeMs + 60_000);
      expect(untilMs).toBeLessThanOrEqual(subject.nowMs() + 60_000);
    });

    it('[CHN3] a no is `forbidden`', async () => {
      subject.become({ kind: 'deny' });
      expect(await ask()).toMatchObject({ allow: false, code: 'forbidden' });
    });

    it('[CHN3] who fails could not say no either: `unavailable`', async () => {
      subject.become({ kind: 'fail' });
      expect(await ask()).toMatchObject({ allow: false, code: 'unavailable' });
    });

    it('[CHN3] who hangs is not waited for for ever: `unavailable`', async () => {
      subject.become({ kind: 'hang' });
      const decision = ask();
      await subject.outwait();
      expect(await decision).toMatchObject({ allow: false, code: 'unavailable' });
    });

    it('[CHN3] a no behind a yes, and a yes behind a no, count for their own question', async () => {
      subject.become({ kind: 'allow', ttlMs: null });
      expect(await ask({ user: 'alice' })).toMatchObject({ allow: true });
      subject.become({ kind: 'deny' });
      expect(await ask({ user: 'bob' })).toMatchObject({ allow: false });
      expect(await ask({ user: 'alice', action: 'publish' })).toMatchObject({ allow: false });
      subject.become({ kind: 'allow', ttlMs: null });
      expect(await ask({ user: 'carol' })).toMatchObject({ allow: true });
    });

    it('a question arrives as it was asked, whatever the ids hold', async () => {
      const request: AuthorizeRequest = {
        user: 'auth0|{a}:b/💚"\\ __proto__',
        session: 's_1',
        action: 'publish',
        channel: 'chat:%F0%9F%92%9A%22%2F..',
        pattern: 'chat:{room}',
        kind: 'stream',
        params: { room: '💚"/..' },
      };
      subject.become({ kind: 'allow', ttlMs: null });
      await ask(request);
      expect(subject.asked()).toEqual([request]);
    });
  });
}
