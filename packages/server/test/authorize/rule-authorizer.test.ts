import { describe, expect, it } from 'vitest';
import { MAX_RIGHT_MS } from '../../src/auth/authorize/answer.ts';
import {
  type AuthorizeRule,
  createRuleAuthorizer,
  RULE_TIME_LIMIT_MS,
  type RuleRequest,
  RULES_AT_ONCE,
  RULES_WAITING,
} from '../../src/auth/authorize/rule-authorizer.ts';
import type { AuthorizeRequest, Decision } from '../../src/ports/authorizer.ts';
import { type AuthorizerMood, authorizerContract } from '../../src/testing/index.ts';
import { createVirtualClock, type VirtualClock } from '../runtime/virtual-clock.ts';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';

authorizerContract('rules in code', () => {
  const clock = createVirtualClock();
  const asked: AuthorizeRequest[] = [];
  let mood: AuthorizerMood = { kind: 'deny' };
  const rule: AuthorizeRule = ({ signal: _signal, ...request }) => {
    asked.push(request);
    switch (mood.kind) {
      case 'allow':
        return mood.ttlMs === null ? true : Promise.resolve({ allow: true, ttlMs: mood.ttlMs });
      case 'deny':
        return false;
      case 'fail':
        throw new Error('out of order');
      case 'hang':
        return new Promise(() => undefined);
    }
  };
  return Promise.resolve({
    authorizer: createRuleAuthorizer({ 'chat:{room}': rule }, clock, silentTelemetry),
    become: (next) => void (mood = next),
    asked: () => asked,
    nowMs: () => clock.nowMs(),
    outwait: () => clock.advance(RULE_TIME_LIMIT_MS),
    close: () => Promise.resolve(),
  });
});

const REQUEST: AuthorizeRequest = {
  user: 'alice',
  session: 's1',
  action: 'subscribe',
  channel: 'chat:lobby',
  pattern: 'chat:{room}',
  kind: 'stream',
  params: { room: 'lobby' },
};

type Bench = {
  readonly clock: VirtualClock;
  readonly warnings: Readonly<Record<string, unknown>>[];
  ask(user?: string): Decision | Promise<Decision>;
};

function bench(rule: AuthorizeRule): Bench {
  const clock = createVirtualClock();
  const warnings: Readonly<Record<string, unknown>>[] = [];
  const warn = (event: string, detail: Readonly<Record<string, unknown>>): void =>
    void warnings.push({ event, ...detail });
  const authorizer = createRuleAuthorizer({ 'chat:{room}': rule }, clock, { warn });
  return { clock, warnings, ask: (user = 'alice') => authorizer.decide({ ...REQUEST, user }) };
}

/** What JavaScript lets a rule answer although its type does not. */
const answering = (answer: unknown): AuthorizeRule => (() => answer) as unknown as AuthorizeRule;

describe('[CHN3] rules in code', () => {
  it('a pattern without a rule is closed, whatever it is called', async () => {
    const authorizer = createRuleAuthorizer(
      { 'chat:{room}': () => true },
      createVirtualClock(),
      silentTelemetry,
    );
    for (const pattern of ['doc:{id}', '__proto__', 'constructor', 'toString', 'chat:{Room}', ''])
      expect(await authorizer.decide({ ...REQUEST, pattern }), pattern).toMatchObject({
        allow: false,
        code: 'forbidden',
      });
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['1', 1],
    ['"true"', 'true'],
    ['an empty object', {}],
    ['a list', [true]],
    ['new Boolean(false)', new Boolean(false)],
    ['new Boolean(true)', new Boolean(true)],
    ['allow that is 1', { allow: 1 }],
    ['allow that is "true"', { allow: 'true' }],
    ['allow that is undefined', { allow: undefined }],
    ['a ttlMs without allow', { ttlMs: 1_000 }],
    ['a ttlMs that is a text', { allow: true, ttlMs: '1000' }],
    ['a ttlMs of 0', { allow: true, ttlMs: 0 }],
    ['a negative ttlMs', { allow: true, ttlMs: -1 }],
    ['a ttlMs that is no number', { allow: true, ttlMs: NaN }],
    ['an endless ttlMs', { allow: true, ttlMs: Infinity }],
    ['half a millisecond', { allow: true, ttlMs: 0.5 }],
    ['a function', () => true],
    ['a symbol', Symbol('true')],
  ])('%s does not open, and is warned of as a mistake', async (_name, answer) => {
    for (const rule of [answering(answer), answering(Promise.resolve(answer))]) {
      const { ask, warnings } = bench(rule);
      expect(await ask()).toMatchObject({ allow: false, code: 'forbidden' });
      expect(warnings).toEqual([
        { event: 'authorize_rule_failed', pattern: 'chat:{room}', problem: expect.any(String) },
      ]);
    }
  });

  it('false and { allow: false } close without a warning', async () => {
    for (const answer of [false, { allow: false }, { allow: false, ttlMs: 5 }]) {
      const { ask, warnings } = bench(() => answer);
      expect(await ask()).toMatchObject({ allow: false, code: 'forbidden' });
      expect(warnings).toEqual([]);
    }
  });

  it.each([
    ['throws', () => expectNothing(new Error('broken'))],
    ['throws something that is no Error', () => expectNothing('broken')],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['rejects with nothing', () => Promise.reject()],
    [
      'answers an object that cannot be read',
      answering({
        get allow() {
          throw new Error('broken');
        },
      }),
    ],
    [
      'answers a promise that cannot be read',
      answering(new Proxy(Promise.resolve(true), { get: () => expectNothing(new Error('broken')) })),
    ],
  ] satisfies [string, AuthorizeRule][])('a rule that %s is unavailable, not a no', async (_name, rule) => {
    const { ask, warnings } = bench(rule);
    expect(await ask()).toMatchObject({ allow: false, code: 'unavailable' });
    expect(warnings).toHaveLength(1);
  });

  it('what a rule threw goes to the log, not to the client', async () => {
    const { ask, warnings } = bench(() => {
      throw new Error('password hunter2 refused by db-7');
    });
    expect(JSON.stringify(await ask())).not.toContain('hunter2');
    expect(JSON.stringify(warnings)).toContain('hunter2');
  });

  it('a plain answer of a plain rule is there at once, without a promise', () => {
    expect(bench(() => true).ask()).toEqual({ allow: true, untilMs: null });
  });

  it('an answer good for longer than a day is asked again after a day', async () => {
    const { ask, clock } = bench(() => ({ allow: true, ttlMs: MAX_RIGHT_MS + 1 }));
    expect(await ask()).toEqual({ allow: true, untilMs: clock.nowMs() + MAX_RIGHT_MS });
  });

  it('a rule that hangs is told that nobody waits any more, and leaves no timer', async () => {
    let signal: AbortSignal | undefined;
    const { ask, clock } = bench((request: RuleRequest) => {
      signal = request.signal;
      return new Promise(() => undefined);
    });
    const decision = Promise.resolve(ask());
    await clock.advance(RULE_TIME_LIMIT_MS - 1);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(signal?.aborted).toBe(true);
    expect(await decision).toMatchObject({ allow: false, code: 'unavailable' });
    expect(clock.timers).toBe(0);
  });

  it('what comes too late opens nothing, and is not warned of a second time', async () => {
    for (const late of ['yes', 'failure'] as const) {
      const answer = Promise.withResolvers<boolean>();
      const { ask, clock, warnings } = bench(() => answer.promise);
      const decision = Promise.resolve(ask());
      await clock.advance(RULE_TIME_LIMIT_MS);
      // By now the next warning would be let through.
      await clock.advance(2_000);
      if (late === 'yes') answer.resolve(true);
      else answer.reject(new Error('late'));
      await clock.settle();
      expect(await decision).toMatchObject({ allow: false, code: 'unavailable' });
      expect(warnings).toHaveLength(1);
    }
  });

  it('a bounded number runs at once, the rest waits in its order, and what goes beyond is refused', async () => {
    const running: { readonly user: string; readonly answer: (yes: boolean) => void }[] = [];
    const { ask, clock } = bench(
      ({ user }) => new Promise((resolve) => running.push({ user, answer: resolve })),
    );
    const decisions: Promise<Decision>[] = [];
    for (let i = 0; i < RULES_AT_ONCE + RULES_WAITING; i++) decisions.push(Promise.resolve(ask(`u${i}`)));
    expect(running).toHaveLength(RULES_AT_ONCE);
    expect(await ask('one too many')).toMatchObject({ allow: false, code: 'unavailable' });
    for (let i = 0; i < decisions.length; i++) {
      expect(running[i]?.user).toBe(`u${i}`);
      running[i]!.answer(true);
      await decisions[i];
      await clock.settle();
    }
    expect(await Promise.all(decisions)).toEqual(decisions.map(() => ({ allow: true, untilMs: null })));
    expect(clock.timers).toBe(0);
  });

  it('rules that hang do not hold up those behind them for longer than their own time', async () => {
    let hang = true;
    const { ask, clock } = bench(() => (hang ? new Promise<boolean>(() => undefined) : true));
    const hung = Array.from({ length: RULES_AT_ONCE }, (_, i) => Promise.resolve(ask(`u${i}`)));
    await clock.advance(RULE_TIME_LIMIT_MS - 1);
    hang = false;
    const behind = ask('behind');
    await clock.advance(1);
    expect(await behind).toEqual({ allow: true, untilMs: null });
    for (const decision of await Promise.all(hung)) expect(decision).toMatchObject({ code: 'unavailable' });
  });

  it('who waited in vain was never asked about', async () => {
    const asked: string[] = [];
    const { ask, clock } = bench(({ user }) => {
      asked.push(user);
      return new Promise(() => undefined);
    });
    for (let i = 0; i < RULES_AT_ONCE; i++) void ask(`u${i}`);
    const behind = Promise.resolve(ask('behind'));
    // The first give up their places at the very moment in which this one's time is over too.
    await clock.advance(RULE_TIME_LIMIT_MS);
    expect(await behind).toMatchObject({ allow: false, code: 'unavailable' });
    expect(asked.filter((user) => user === 'behind').length).toBeLessThanOrEqual(1);
    expect(clock.timers).toBe(0);
  });

  it('a thousand failures at once are one line in the log, and the next says how many were left out', async () => {
    const { ask, clock, warnings } = bench(() => {
      throw new Error('down');
    });
    for (let i = 0; i < 1_000; i++) await ask();
    expect(warnings).toHaveLength(1);
    await clock.advance(1_000);
    await ask();
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toMatchObject({ leftOut: 999 });
  });
});

describe('[DOC5] rules of a document', () => {
  const ask = async (
    answer: unknown,
  ): Promise<{ readonly decision: Decision; readonly warnings: readonly object[] }> => {
    const clock = createVirtualClock();
    const warnings: object[] = [];
    const rules = { 'doc:{id}': answering(answer) };
    const authorizer = createRuleAuthorizer(rules, clock, {
      warn: (event, detail) => void warnings.push({ event, ...detail }),
    });
    const request = { ...REQUEST, kind: 'document', pattern: 'doc:{id}', channel: 'doc:1' } as const;
    return { decision: await authorizer.decide(request), warnings };
  };

  it.each([
    ['read', 'read', null],
    [{ role: 'comment' }, 'comment', null],
    [{ role: 'write', ttlMs: 5_000 }, 'write', 5_000],
    [{ role: 'write', ttlMs: null }, 'write', null],
    [{ role: 'read', ttlMs: MAX_RIGHT_MS * 2 }, 'read', MAX_RIGHT_MS],
    [{ role: 'read', allow: true }, 'read', null],
    [Promise.resolve('write'), 'write', null],
  ])('%j opens it with a role', async (answer, role, ttlMs) => {
    const { decision, warnings } = await ask(answer);
    const untilMs = ttlMs === null ? null : createVirtualClock().nowMs() + ttlMs;
    expect(decision).toEqual({ allow: true, untilMs, role });
    expect(warnings).toEqual([]);
  });

  it.each([
    'none',
    { role: 'none' },
    { role: 'none', ttlMs: 5 },
    { allow: false },
    { allow: false, role: 'write' },
  ])('%j closes it, without a warning', async (answer) => {
    const { decision, warnings } = await ask(answer);
    expect(decision).toMatchObject({ allow: false, code: 'forbidden' });
    expect(warnings).toEqual([]);
  });

  it.each([
    true,
    false,
    undefined,
    null,
    1,
    'Write',
    'owner',
    '',
    {},
    { allow: true },
    ['write'],
    { role: true },
    { role: ['write'] },
    { role: 'write', ttlMs: 0 },
  ])('%j does not open it, and is warned of as a mistake', async (answer) => {
    const { decision, warnings } = await ask(answer);
    expect(decision).toMatchObject({ allow: false, code: 'forbidden' });
    expect(warnings).toEqual([
      { event: 'authorize_rule_failed', pattern: 'doc:{id}', problem: expect.any(String) },
    ]);
  });

  it('a role says nothing of what is no document', async () => {
    for (const answer of ['write', { role: 'write' }]) {
      const { ask: asked, warnings } = bench(answering(answer));
      expect(await asked()).toMatchObject({ allow: false, code: 'forbidden' });
      expect(warnings).toHaveLength(1);
    }
  });
});

function expectNothing(error: unknown): never {
  throw error;
}
