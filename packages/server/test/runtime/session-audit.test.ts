import { describe, expect, it } from 'vitest';
import type { SessionStanding, SharedSessionStore } from '../../src/ports/sessions.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import { GAP_PAUSE_MS } from '../../src/runtime/presence-audit.ts';
import { SESSIONS_A_ROUND } from '../../src/runtime/session-audit.ts';
import { createManyNodes } from './channels/many-nodes.ts';
import { scriptCluster } from './cluster/scripted-cluster.ts';
import { type BareClient, createHarness } from './harness.ts';
import type { VirtualClock } from './virtual-clock.ts';

const AUDIT_MS = 5_000;
const QUIET = { heartbeatMs: 3_600_000 };

const tokenOf = (client: BareClient) => client.last('token')!.token;

/** One of many nodes, whose store answers what a test says: the generations that it gave, unless told otherwise. */
async function asking(followers = 0) {
  let onGap: () => void = () => undefined;
  const asked: (readonly string[])[] = [];
  const store: {
    instead: Map<string, SessionStanding>;
    away: boolean;
    held: Promise<void> | null;
    endHeld: Promise<void> | null;
  } = { instead: new Map(), away: false, held: null, endHeld: null };
  const h = await createHarness({
    settings: QUIET,
    ports: ({ clock, sessions, broker }) => ({
      cluster: scriptCluster(clock as VirtualClock),
      sessions: {
        ...sessions,
        async end(id, generation) {
          await store.endHeld;
          return sessions.end(id, generation);
        },
        async generationsOf(refs) {
          asked.push(refs.map(({ user }) => user));
          if (store.away) throw storeUnavailable('out of reach');
          const kept = await Promise.all(refs.map(({ user }) => sessions.sessionsOf(user)));
          const standings = refs.map(({ id, user }, i): SessionStanding => {
            const session = kept[i]!.find((each) => each.id === id);
            return store.instead.get(user) ?? session?.generation ?? 'unknown';
          });
          await store.held;
          return standings;
        },
      } satisfies SharedSessionStore,
      broker: {
        ...broker,
        listen(listener, gap) {
          onGap = gap ?? onGap;
          broker.listen(listener);
        },
      },
    }),
  });
  for (let i = 0; i < followers; i++) await h.logIn(`user${i}`);
  return { h, asked, store, gap: () => onGap() };
}

describe('a session that went on on another node', () => {
  it('[RES3] ends the older connection at once: the node that had it is told, and does not wait to ask', async () => {
    const nodes = await createManyNodes(['a', 'b'], { channels: [], settings: QUIET });
    const older = await nodes.node('a').logIn('alice');
    const newer = await nodes.node('b').logIn('alice', { resume: tokenOf(older) });
    await nodes.clock.settle();
    expect(older.closeCode).toBe(4204);
    expect(newer.closeCode).toBeNull();
  });

  it('[RES3] ends the older connection as replaced, also where the message that says so is lost', async () => {
    const nodes = await createManyNodes(['a', 'b'], { channels: [], settings: QUIET });
    const [a, b] = [nodes.node('a'), nodes.node('b')];
    await a.directory.ensureUser('alice');
    const older = await a.logIn('alice');
    const bystander = await a.logIn('bob');
    a.loseNext(1_000);
    const newer = await b.logIn('alice', { resume: tokenOf(older) });
    expect(newer.last('token')).toMatchObject({ resumed: true });
    a.loseNext(0);
    expect(older.closeCode).toBeNull();
    await nodes.clock.advance(AUDIT_MS);
    expect(older.last('bye')).toMatchObject({ code: 'replaced', advice: 'stop' });
    expect(older.closeCode).toBe(4204);
    await nodes.clock.advance(4 * AUDIT_MS);
    expect([newer.closeCode, bystander.closeCode]).toEqual([null, null]);
    // What is left of it here goes with its grace, and takes nothing of the newer one with it.
    await nodes.clock.advance(120_000);
    expect(a.node.counts()).toMatchObject({ attached: 1, detached: 0 });
    expect(newer.closeCode).toBeNull();
  });

  it('and came back meanwhile is let be: what counts is what holds when the answer comes', async () => {
    const { h, asked, store } = await asking();
    const first = await h.logIn('alice');
    const hold = Promise.withResolvers<void>();
    store.held = hold.promise;
    store.instead.set('alice', 2);
    await h.clock.advance(AUDIT_MS);
    expect(asked).toEqual([['alice']]);
    const second = await h.logIn('alice', { resume: tokenOf(first) });
    expect(second.last('token')).toMatchObject({ resumed: true });
    hold.resolve();
    await h.clock.settle();
    expect(second.closeCode).toBeNull();
    store.instead.set('alice', 3);
    await h.clock.advance(AUDIT_MS);
    expect(second.closeCode).toBe(4204);
  });

  it('is nothing that a store which came back older could say: a lower generation ends no connection', async () => {
    const { h, store } = await asking();
    const first = await h.logIn('alice');
    const second = await h.logIn('alice', { resume: tokenOf(first) });
    store.instead.set('alice', 1);
    await h.clock.advance(3 * AUDIT_MS);
    expect(second.closeCode).toBeNull();
  });
});

describe('a session that the store does not have', () => {
  it('and of which it knows nothing keeps its connection: it may be lost, and about to be put back', async () => {
    const { h, store } = await asking();
    const alice = await h.logIn('alice');
    store.instead.set('alice', 'unknown');
    await h.clock.advance(10 * AUDIT_MS);
    expect(alice.closeCode).toBeNull();
  });

  it('because another node ended it loses its connection; the client is led to begin another', async () => {
    const { h, store } = await asking();
    const alice = await h.logIn('alice');
    store.instead.set('alice', 'over');
    await h.clock.advance(AUDIT_MS);
    expect(alice.last('bye')).toMatchObject({ code: 'node_failed', advice: 'resume' });
    expect(alice.closeCode).toBe(4003);
  });

  it('because its client is just logging out is told of the logout, not of a failure', async () => {
    const { h, store } = await asking();
    const alice = await h.logIn('alice');
    const hold = Promise.withResolvers<void>();
    store.endHeld = hold.promise;
    store.instead.set('alice', 'over');
    alice.send({ t: 'logout', i: 1 });
    await h.clock.advance(2 * AUDIT_MS);
    expect(alice.closeCode).toBeNull();
    hold.resolve();
    await h.clock.settle();
    expect(alice.last('bye')).toMatchObject({ code: 'logged_out' });
  });
});

describe('what asking about sessions costs', () => {
  it('is one question of at most 500 sessions a round, everybody in turn, behind a gap without the long pause', async () => {
    const { h, asked, gap } = await asking(SESSIONS_A_ROUND + 1);
    asked.length = 0;
    // Where the pass stands is not known after so many logins: a gap begins it anew.
    gap();
    await h.clock.advance(2 * GAP_PAUSE_MS);
    expect(asked.map(({ length }) => length)).toEqual([SESSIONS_A_ROUND, 1]);
    expect(new Set(asked.flat()).size).toBe(SESSIONS_A_ROUND + 1);
    await h.clock.advance(AUDIT_MS - 2 * GAP_PAUSE_MS);
    expect(asked).toHaveLength(2);
    await h.clock.advance(2 * GAP_PAUSE_MS);
    expect(asked).toHaveLength(3);
    await h.clock.advance(AUDIT_MS);
    expect(asked.slice(2).map(({ length }) => length)).toEqual([SESSIONS_A_ROUND, 1]);
  });

  it('is paid again where a gap comes before the answer, and then without the long pause', async () => {
    const { h, asked, store, gap } = await asking();
    const alice = await h.logIn('alice');
    const hold = Promise.withResolvers<void>();
    store.held = hold.promise;
    await h.clock.advance(AUDIT_MS);
    gap();
    store.instead.set('alice', 2);
    hold.resolve();
    await h.clock.settle();
    expect(asked).toHaveLength(1);
    await h.clock.advance(GAP_PAUSE_MS);
    expect(asked).toHaveLength(2);
    expect(alice.closeCode).toBe(4204);
  });

  it('is nothing where nobody is connected, where a session waits in its grace, and once the node has stopped', async () => {
    const { h, asked } = await asking();
    await h.clock.advance(3 * AUDIT_MS);
    const alice = await h.logIn('alice');
    alice.drop();
    await h.clock.advance(3 * AUDIT_MS);
    expect(asked).toEqual([]);
    await h.logIn('bob');
    await h.node.stop();
    await h.clock.advance(3 * AUDIT_MS);
    expect(asked).toEqual([]);
  });

  it('is no timer on a node that is alone', async () => {
    const h = await createHarness({ settings: QUIET });
    expect(h.node.counts().timers).toBe(0);
  });

  it('does not pile up behind a slow store; what was refused is asked again, and warned of once', async () => {
    const { h, asked, store, gap } = await asking();
    const alice = await h.logIn('alice');
    const hold = Promise.withResolvers<void>();
    store.held = hold.promise;
    await h.clock.advance(10 * AUDIT_MS);
    gap();
    await h.clock.advance(10 * AUDIT_MS);
    expect(asked).toHaveLength(1);
    store.away = true;
    store.held = null;
    hold.resolve();
    await h.clock.advance(4 * AUDIT_MS);
    expect(asked.length).toBeGreaterThan(3);
    expect(h.warnings.filter((warning) => warning.startsWith('session_audit_failed'))).toHaveLength(1);
    expect(alice.closeCode).toBeNull();
    store.away = false;
    store.instead.set('alice', 2);
    await h.clock.advance(AUDIT_MS);
    expect(alice.closeCode).toBe(4204);
  });
});
