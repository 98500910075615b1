import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_RIGHT_MS } from '../../src/auth/authorize/answer.ts';
import { DEFAULT_CALLBACK, MAX_ANSWER_BYTES } from '../../src/auth/authorize/callback-authorizer.ts';
import { signingSecretProblem } from '../../src/outbound/signature.ts';
import { targetProblem } from '../../src/outbound/target.ts';
import { type AuthorizerMood, authorizerContract } from '../../src/testing/index.ts';
import { type Arrived, type Backend, json, startBackend, text } from './backend.ts';
import { type CallbackUnderTest, isSigned, openCallback, REQUEST, SECRET } from './callback-under-test.ts';

authorizerContract('HTTP callback', async () => {
  const backend = await startBackend();
  const callback = openCallback(backend.url, { timeoutMs: 2_000 });
  return {
    authorizer: callback,
    become(mood: AuthorizerMood) {
      backend.answer((response) => {
        switch (mood.kind) {
          case 'allow':
            return json(mood.ttlMs === null ? { allow: true } : { allow: true, ttlMs: mood.ttlMs })(response);
          case 'deny':
            return json({ allow: false })(response);
          case 'fail':
            return text('out of order', 500)(response);
          case 'hang':
            return;
        }
      });
    },
    asked: () => backend.arrived.map(({ body }) => JSON.parse(body)),
    nowMs: () => Date.now(),
    // The decision itself is the wait.
    outwait: () => Promise.resolve(),
    async close() {
      callback.close();
      await backend.close();
    },
  };
});

describe('[CHN3] an authorize callback over HTTP', () => {
  let backend: Backend;
  let callback: CallbackUnderTest;
  beforeEach(async () => {
    backend = await startBackend();
    callback = openCallback(backend.url);
  });
  afterEach(async () => {
    callback.close();
    await backend.close();
  });

  it('is asked by a signed POST', async () => {
    const beforeS = Math.floor(Date.now() / 1000);
    await callback.ask({ user: 'zoë 💚' });
    const [one] = backend.arrived as [Arrived];
    expect(one).toMatchObject({ method: 'POST', path: '/who?key=query-secret' });
    expect(one.headers['content-type']).toBe('application/json');
    expect(JSON.parse(one.body)).toEqual({ ...REQUEST, user: 'zoë 💚' });
    expect(isSigned(one, SECRET)).toBe(true);
    expect(isSigned(one, `${SECRET}.`)).toBe(false);
    expect(isSigned({ ...one, body: one.body.replace('lobby', 'cabal') }, SECRET)).toBe(false);
    const timestamp = Number(one.headers['webhook-timestamp']);
    expect(timestamp).toBeGreaterThanOrEqual(beforeS);
    expect(timestamp).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it('each question has an id of its own', async () => {
    for (let i = 0; i < 5; i++) await callback.ask();
    expect(new Set(backend.arrived.map(({ headers }) => headers['webhook-id'])).size).toBe(5);
  });

  it('a secret behind whsec_ is the bytes that it holds', async () => {
    const key = randomBytes(32);
    const secret = `whsec_${key.toString('base64')}`;
    const other = openCallback(backend.url, { secret });
    await other.ask();
    other.close();
    expect(isSigned(backend.arrived[0]!, key)).toBe(true);
    expect(isSigned(backend.arrived[0]!, secret)).toBe(false);
  });

  it.each([
    ['nothing', text('')],
    ['true', text('true')],
    ['null', text('null')],
    ['a list', text('[{"allow":true}]')],
    ['a text', text('"allow"')],
    ['an object without allow', json({ allowed: true })],
    ['allow that is a text', json({ allow: 'true' })],
    ['allow that is 1', json({ allow: 1 })],
    ['allow that is null', json({ allow: null })],
    ['a ttlMs that is a text', json({ allow: true, ttlMs: '60000' })],
    ['a ttlMs of 0', json({ allow: true, ttlMs: 0 })],
    ['a negative ttlMs', json({ allow: true, ttlMs: -5 })],
    ['half a millisecond', json({ allow: true, ttlMs: 0.5 })],
    ['a ttlMs that no number holds', text('{"allow":true,"ttlMs":1e999}')],
    ['a page', text('<html>allow: true</html>')],
    ['half of the JSON', text('{"allow":true')],
    ['two answers', text('{"allow":true}{"allow":true}')],
    ['an allow that only a prototype has', text('{"__proto__":{"allow":true}}')],
  ])('%s in a 200 is nonsense: `unavailable`', async (_name, respond) => {
    backend.answer(respond);
    expect(await callback.ask()).toMatchObject({ allow: false, code: 'unavailable' });
    expect(callback.warnings).toHaveLength(1);
  });

  it.each([201, 202, 204, 400, 401, 403, 404, 410, 429, 500, 502, 503])(
    'a yes with status %i is no yes: `unavailable`',
    async (status) => {
      backend.answer(json({ allow: true }, status));
      expect(await callback.ask()).toMatchObject({ allow: false, code: 'unavailable' });
    },
  );

  it.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed', async (status) => {
    const elsewhere = await startBackend();
    backend.answer((response) => void response.writeHead(status, { location: elsewhere.url.href }).end());
    expect(await callback.ask()).toMatchObject({ allow: false, code: 'unavailable' });
    expect(elsewhere.arrived).toEqual([]);
    await elsewhere.close();
  });

  it('a ttlMs of null says nothing of time, as an absent one', async () => {
    backend.answer(json({ allow: true, ttlMs: null }));
    expect(await callback.ask()).toEqual({ allow: true, untilMs: null });
  });

  it('a right for longer than a day ends after a day', async () => {
    backend.answer(json({ allow: true, ttlMs: MAX_RIGHT_MS * 30 }));
    const decision = await callback.ask();
    expect(decision.allow && decision.untilMs).toBeLessThanOrEqual(Date.now() + MAX_RIGHT_MS);
  });

  it('an answer may be as long as the limit, and no longer', async () => {
    const padded = (bytes: number): string => {
      const empty = JSON.stringify({ allow: true, pad: '' }).length;
      return JSON.stringify({ allow: true, pad: 'x'.repeat(bytes - empty) });
    };
    backend.answer(text(padded(MAX_ANSWER_BYTES)));
    expect(await callback.ask()).toMatchObject({ allow: true });
    backend.answer(text(padded(MAX_ANSWER_BYTES + 1)));
    expect(await callback.ask()).toMatchObject({ allow: false, code: 'unavailable' });
  });

  it('what failed is logged without the secret, the query of the URL, and the answer', async () => {
    backend.answer(text('internal-detail-of-the-backend'));
    await callback.ask();
    const log = JSON.stringify(callback.warnings);
    expect(log).toContain(`127.0.0.1:${backend.port}/who`);
    for (const secret of [SECRET, 'query-secret', 'internal-detail'])
      expect(log, secret).not.toContain(secret);
  });

  describe('what it said is kept for ttlMs', () => {
    it('by user, action and channel, for all of the user’s sessions', async () => {
      backend.answer(json({ allow: true, ttlMs: 60_000 }));
      const first = await callback.ask();
      callback.skip(40_000);
      const again = await callback.ask({ session: 's2' });
      expect(backend.arrived).toHaveLength(1);
      // What is left of the minute, not a minute anew.
      const untilMs = first.allow ? (first.untilMs ?? 0) : 0;
      expect(again.allow && again.untilMs).toBeLessThanOrEqual(untilMs - 30_000);
      expect(again.allow && again.untilMs).toBeGreaterThan(0);
      for (const other of [{ user: 'bob' }, { action: 'publish' as const }, { channel: 'chat:other' }])
        await callback.ask(other);
      expect(backend.arrived).toHaveLength(4);
    });

    it('and not a millisecond longer', async () => {
      backend.answer(json({ allow: true, ttlMs: 60_000 }));
      await callback.ask();
      backend.answer(json({ allow: false }));
      callback.skip(60_000);
      expect(await callback.ask()).toMatchObject({ allow: false, code: 'forbidden' });
      expect(backend.arrived).toHaveLength(2);
    });

    it('a no as well', async () => {
      backend.answer(json({ allow: false, ttlMs: 60_000 }));
      await callback.ask();
      expect(await callback.ask()).toMatchObject({ allow: false, code: 'forbidden' });
      expect(backend.arrived).toHaveLength(1);
    });

    it('but not where it says nothing of time, nor where it failed', async () => {
      await callback.ask();
      await callback.ask();
      expect(backend.arrived).toHaveLength(2);
      backend.answer(text('out of order', 500));
      await callback.ask({ user: 'bob' });
      backend.answer(json({ allow: true }));
      expect(await callback.ask({ user: 'bob' })).toMatchObject({ allow: true });
    });

    it('and so many answers at most: the one that was used longest ago goes', async () => {
      callback.close();
      callback = openCallback(backend.url, { cached: 3 });
      backend.answer(json({ allow: true, ttlMs: 60_000 }));
      const asked = (): string[] =>
        backend.arrived.map(({ body }) => (JSON.parse(body) as { user: string }).user);
      for (const user of ['a', 'b', 'c', 'a', 'd', 'a', 'b']) await callback.ask({ user });
      expect(asked()).toEqual(['a', 'b', 'c', 'd', 'b']);
      expect(callback.counts().cached).toBe(3);
    });

    it('none at all where none may be kept', async () => {
      callback.close();
      callback = openCallback(backend.url, { cached: 0 });
      backend.answer(json({ allow: true, ttlMs: 60_000 }));
      await callback.ask();
      await callback.ask();
      expect(backend.arrived).toHaveLength(2);
    });
  });

  it('the same question asked while it is under way is one request, and has one answer', async () => {
    const responses: (() => void)[] = [];
    backend.answer((response) => void responses.push(() => json({ allow: true })(response)));
    const same = Array.from({ length: 50 }, (_, i) => callback.ask({ session: `s${i}` }));
    const other = callback.ask({ user: 'bob' });
    await backend.arrivals(2);
    for (const respond of responses) respond();
    expect(await Promise.all([...same, other])).toEqual(
      Array.from({ length: 51 }, () => ({ allow: true, untilMs: null })),
    );
    expect(backend.arrived).toHaveLength(2);
    backend.answer(json({ allow: true }));
    await callback.ask();
    expect(backend.arrived, 'asked anew once it is over').toHaveLength(3);
  });
});

describe('[DOC5] an authorize callback about documents', () => {
  const DOCUMENT = { kind: 'document', pattern: 'doc:{id}', channel: 'doc:1', params: { id: '1' } } as const;
  let backend: Backend;
  let callback: CallbackUnderTest;
  beforeEach(async () => {
    backend = await startBackend();
    callback = openCallback(backend.url);
  });
  afterEach(async () => {
    callback.close();
    await backend.close();
  });

  it('answers with a role; one without any denies, and is warned of', async () => {
    backend.answer(json({ role: 'comment' }));
    expect(await callback.ask(DOCUMENT)).toEqual({ allow: true, untilMs: null, role: 'comment' });
    expect(JSON.parse(backend.arrived[0]?.body ?? '')).toMatchObject(DOCUMENT);
    for (const answer of [{ role: 'none' }, { allow: false }]) {
      backend.answer(json(answer));
      expect(await callback.ask(DOCUMENT)).toMatchObject({ allow: false, code: 'forbidden' });
    }
    expect(callback.warnings).toEqual([]);
    backend.answer(json({ allow: true }));
    expect(await callback.ask(DOCUMENT)).toMatchObject({ allow: false, code: 'forbidden' });
    expect(callback.warnings).toHaveLength(1);
    for (const answer of [{ role: 'owner' }, { role: true }, {}, 'write', { role: 'read', ttlMs: -1 }]) {
      backend.answer(json(answer));
      expect(await callback.ask(DOCUMENT)).toMatchObject({ allow: false, code: 'unavailable' });
    }
  });

  it('keeps the role for as long as it says, until it is to be forgotten', async () => {
    const users = { ann: 'write', bob: 'write' } as Record<string, string>;
    backend.answer((response, { body }) => {
      const { user } = JSON.parse(body) as { user: string };
      json({ role: users[user], ttlMs: 60_000 })(response);
    });
    const roleOf = async (user: string, channel = 'doc:1'): Promise<unknown> => {
      const decision = await callback.ask({ ...DOCUMENT, user, channel });
      return decision.allow ? decision.role : decision.code;
    };
    for (const user of ['ann', 'bob']) {
      expect(await roleOf(user)).toBe('write');
      expect(await roleOf(user, 'doc:1"],["doc:1')).toBe('write');
      users[user] = 'read';
      expect(await roleOf(user), 'kept').toBe('write');
    }
    callback.forget('doc:1', 'ann');
    expect(await roleOf('ann')).toBe('read');
    expect(await roleOf('bob')).toBe('write');
    callback.forget('doc:1', null);
    expect(await roleOf('bob')).toBe('read');
    expect(await roleOf('ann', 'doc:1"],["doc:1'), 'another document').toBe('write');
  });

  it('what was asked before it was to be forgotten is neither waited for nor kept', async () => {
    const responses: ((role: string) => void)[] = [];
    backend.answer((response) => void responses.push((role) => json({ role, ttlMs: 60_000 })(response)));
    const before = callback.ask(DOCUMENT);
    await backend.arrivals(1);
    callback.forget('doc:1', null);
    const behind = callback.ask(DOCUMENT);
    await backend.arrivals(2);
    responses[1]?.('read');
    expect(await behind).toMatchObject({ role: 'read' });
    responses[0]?.('write');
    expect(await before).toMatchObject({ role: 'write' });
    expect(await callback.ask(DOCUMENT)).toMatchObject({ role: 'read' });
    expect(backend.arrived).toHaveLength(2);
  });
});

describe('where a callback may be, and what may sign', () => {
  it.each([
    ['https://app.example/who', undefined],
    ['http://127.0.0.1:9/who', undefined],
    ['http://127.8.9.10/', undefined],
    ['http://[::1]:9/', undefined],
    ['http://localhost/', undefined],
    ['http://app.example/', /https/],
    ['http://10.0.0.1/', /https/],
    ['http://127.0.0.1.evil.example/', /https/],
    ['http://localhost.evil.example/', /https/],
    ['ftp://127.0.0.1/', /ftp/],
    ['file:///etc/passwd', /file/],
    ['https://user:pass@app.example/', /password/],
    ['https://app.example/#x', /fragment/],
    ['app.example', /not a URL/],
    ['', /not a URL/],
  ])('%s', (url, problem) => {
    if (problem === undefined) expect(targetProblem(url)).toBeUndefined();
    else expect(targetProblem(url)).toMatch(problem);
  });

  it.each([
    ['a'.repeat(32), undefined],
    ['a'.repeat(31), /31 bytes/],
    [`whsec_${Buffer.alloc(32).toString('base64')}`, undefined],
    [`whsec_${Buffer.alloc(31).toString('base64')}`, /31 bytes/],
    [`whsec_${'-'.repeat(60)}`, /base64/],
    ['whsec_', /base64/],
    ['', /0 bytes/],
  ])('the secret %s', (secret, problem) => {
    if (problem === undefined) expect(signingSecretProblem(secret)).toBeUndefined();
    else expect(signingSecretProblem(secret)).toMatch(problem);
  });

  it('waits 3 s unless it is told otherwise', () => {
    expect(DEFAULT_CALLBACK).toEqual({ timeoutMs: 3_000, atOnce: 32, waiting: 1_000, cached: 10_000 });
  });
});
