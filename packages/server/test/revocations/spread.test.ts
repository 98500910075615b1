import { describe, expect, it } from 'vitest';
import type { Revocation } from '../../src/ports/revocations.ts';
import type { NodePorts } from '../../src/runtime/node-options.ts';
import type { BareClient } from '../runtime/harness.ts';
import { errors, revocationBench, type RevocationBench } from './revocation-bench.ts';

type ManyNodes = RevocationBench & {
  /** Another node revoked it, and this one learns of it; the order to end sessions was lost. */
  learn(...revocations: readonly Revocation[]): Promise<void>;
  /** The same, without the time to do anything about it. */
  hear(revocation: Revocation): void;
};

async function oneOfMany(replace: (ports: NodePorts) => Partial<NodePorts> = () => ({})): Promise<ManyNodes> {
  let heard: () => void = () => undefined;
  const bench = await revocationBench((ports) => ({
    revocations: Object.assign(ports.revocations, {
      onLearned: (listener: () => void) => {
        heard = listener;
      },
    }),
    ...replace(ports),
  }));
  return Object.assign(bench, {
    hear(revocation: Revocation) {
      void bench.ports().revocations.revoke(revocation, Number.MAX_SAFE_INTEGER);
      heard();
    },
    async learn(...revocations: readonly Revocation[]) {
      for (const revocation of revocations)
        await bench.ports().revocations.revoke(revocation, Number.MAX_SAFE_INTEGER);
      heard();
      await bench.clock.settle();
    },
  });
}

const token = (tokenId: string): Revocation => ({ kind: 'token', tokenId });
const isRevoked = (client: BareClient) => client.closeCode === 4208;

describe('what another node revoked', () => {
  it('ends the open sessions of a token, whoever they are of, and no others; friends see it at once', async () => {
    const { enter, learn, node } = await oneOfMany();
    const watcher = await enter('watcher/w1');
    const [one, same, other] = [await enter('alice/t1'), await enter('bob/t1'), await enter('bob/t2')];
    watcher.take();
    await learn(token('t1'), token('t9'));
    expect([one, same].every(isRevoked)).toBe(true);
    expect(one.received.at(-1)).toMatchObject({ t: 'bye', code: 'revoked', advice: 'stop' });
    expect([watcher, other].some(isRevoked)).toBe(false);
    expect(watcher.take()).toMatchObject([{ t: 'x', id: 'alice' }]);
    expect(node.counts()).toMatchObject({ attached: 2, detached: 0 });
  });

  it('of a user ends what was issued up to then, and what does not say; also behind a refreshed token', async () => {
    const { enter, learn, clock } = await oneOfMany();
    const nowMs = clock.nowMs();
    const older = await enter(`alice/t1/${nowMs - 1}`);
    const silent = await enter('alice/t2/-');
    const newer = await enter(`alice/t3/${nowMs + 1}`);
    const refreshed = await enter(`alice/t4/${nowMs - 1}`);
    refreshed.send({ t: 'auth', token: `alice/t5/${nowMs + 1}`, i: 1 });
    const outdated = await enter(`alice/t6/${nowMs + 1}`);
    outdated.send({ t: 'auth', token: `alice/t7/${nowMs}`, i: 1 });
    await clock.settle();
    await learn({ kind: 'user', user: 'alice', issuedUpToMs: nowMs });
    expect([older, silent, outdated].every(isRevoked)).toBe(true);
    expect([newer, refreshed].some(isRevoked)).toBe(false);
  });

  it('while a login is on its way to live is found when it gets there', async () => {
    const hold = Promise.withResolvers<void>();
    let holding = false;
    const { enter, learn, node, clock } = await oneOfMany(({ directory }) => ({
      directory: {
        ...directory,
        async rosterOf(viewer) {
          if (holding) await hold.promise;
          return directory.rosterOf(viewer);
        },
      },
    }));
    holding = true;
    const client = await enter('alice/t1');
    await learn(token('t1'));
    expect(client.closeCode).toBeNull();
    hold.resolve();
    await clock.settle();
    expect(isRevoked(client)).toBe(true);
    expect(node.counts()).toMatchObject({ attached: 0, detached: 0 });
  });

  it('while sessions are being looked through is looked for behind that', async () => {
    const { enter, hear, clock } = await oneOfMany();
    const clients: BareClient[] = [];
    for (let i = 0; i < 600; i++) clients.push(await enter(`u${i}/t${i}`));
    hear(token('t599'));
    // The first of them have been looked at, and the loop has its turn.
    for (let i = 0; i < 10; i++) await Promise.resolve();
    hear(token('t0'));
    await clock.settle();
    expect([clients[0]!, clients[599]!].every(isRevoked)).toBe(true);
    expect(clients.filter(isRevoked)).toHaveLength(2);
  });

  it('leaves sessions in their grace to whoever resumes them: with what they began may not be known here', async () => {
    const { enter, learn, node, clock } = await oneOfMany();
    const client = await enter('alice/t1');
    client.drop();
    await clock.settle();
    await learn({ kind: 'user', user: 'alice', issuedUpToMs: clock.nowMs() });
    expect(node.counts().detached).toBe(1);
    const newLogin = `alice/t2/${clock.nowMs() + 1}`;
    const back = await enter(newLogin, { resume: client.last('token')?.['token'] });
    expect(back.last('token')).toMatchObject({ resumed: true });
  });
});

describe('a session of which this node does not know the login', () => {
  it('is not resumed by a revoked one, and ends with the attempt; friends see it then', async () => {
    const many = await oneOfMany();
    const { enter, crash, clock } = many;
    const client = await enter('alice/t1');
    const resume = client.last('token')?.['token'];
    const other = await enter('alice/t3');
    await crash(1_000);
    const watcher = await enter('watcher/w1');
    watcher.take();
    // It is restored, and nobody knows that it began with t1.
    await many.node.revoke({ user: 'alice', tokenId: 't1' });
    await clock.settle();
    expect(watcher.take()).toEqual([]);
    const back = await enter('alice/t1', { resume });
    expect(back.received.map(({ t }) => t)).toEqual(['err', 'bye']);
    expect(isRevoked(back)).toBe(true);
    // Another session of the user waits as it did.
    expect(many.node.counts()).toMatchObject({ attached: 1, detached: 1 });
    const otherAgain = await enter('alice/t3', { resume: other.last('token')?.['token'] });
    expect(otherAgain.last('token')).toMatchObject({ resumed: true });
    otherAgain.send({ t: 'logout' });
    await clock.settle();
    expect(watcher.take()).toMatchObject([{ t: 'x', id: 'alice' }]);
    // Under a good login too there is nothing left to resume.
    const again = await enter('alice/t2', { resume });
    expect(errors(again)).toMatchObject([{ code: 'resume_failed' }]);
  });

  it('goes on under a good login, and is known from then on by that', async () => {
    const many = await oneOfMany();
    const { enter, crash, clock } = many;
    const client = await enter('alice/t1');
    const resume = client.last('token')?.['token'];
    await crash(1_000);
    await many.node.revoke({ user: 'alice', tokenId: 't1' });
    const back = await enter('alice/t2', { resume });
    expect(back.last('token')).toMatchObject({ resumed: true });
    await many.node.revoke({ user: 'alice', tokenId: 't2' });
    await clock.settle();
    expect(isRevoked(back)).toBe(true);
  });

  it('is not ended by a revoked login that names it while it has a connection', async () => {
    const { enter, node, clock } = await oneOfMany();
    const live = await enter('alice/t2');
    await node.revoke({ user: 'alice', tokenId: 't1' });
    const thief = await enter('alice/t1', { resume: live.last('token')?.['token'] });
    await clock.settle();
    expect(isRevoked(thief)).toBe(true);
    expect(live.closeCode).toBeNull();
    expect(node.counts()).toMatchObject({ attached: 1, detached: 0 });
  });
});
