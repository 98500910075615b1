import { describe, expect, it } from 'vitest';
import { createHarness } from '../harness.ts';
import { createVirtualClock } from '../virtual-clock.ts';
import { LEASE_MS, type ScriptedCluster, scriptCluster } from './scripted-cluster.ts';

const GRACE_MS = 60_000;

async function oneOfMany() {
  let cluster!: ScriptedCluster;
  const h = await createHarness({
    settings: { graceMs: GRACE_MS, heartbeatMs: 3_600_000 },
    ports: ({ clock }) => {
      cluster = scriptCluster(clock as ReturnType<typeof createVirtualClock>);
      return { cluster };
    },
  });
  const asked = (what: string) => cluster.asked.filter((each) => each.what.startsWith(what));
  return { h, cluster, asked };
}

describe('the lease', () => {
  it('is taken before the node is ready, and renewed three times in its life', async () => {
    const { h, asked } = await oneOfMany();
    expect(h.node.state).toBe('ready');
    expect(asked('renew')).toHaveLength(1);
    await h.clock.advance(100_000);
    const times = asked('renew').map(({ atMs }) => atMs);
    for (let i = 1; i < times.length; i++) {
      const pauseMs = times[i]! - times[i - 1]!;
      expect(pauseMs).toBeGreaterThanOrEqual((LEASE_MS / 3) * 0.8 - 1);
      expect(pauseMs).toBeLessThanOrEqual(LEASE_MS / 3 + 1);
    }
    expect(times.length).toBeGreaterThanOrEqual(10);
  });

  it('that cannot be had does not let the node start', async () => {
    await expect(
      createHarness({
        ports: ({ clock }) => ({
          cluster: Object.assign(scriptCluster(clock as ReturnType<typeof createVirtualClock>), {
            away: true,
          }),
        }),
      }),
    ).rejects.toThrow('out of reach');
  });

  it('that cannot be renewed is asked for each second; clients stay for three quarters of a grace beyond it', async () => {
    const { h, cluster, asked } = await oneOfMany();
    const alice = await h.logIn('alice');
    cluster.away = true;
    await h.clock.advance(LEASE_MS + GRACE_MS * 0.75 - 1);
    expect(h.node.state).toBe('ready');
    expect(alice.closeCode).toBeNull();
    expect(asked('renew').length).toBeGreaterThan(50);
    await h.clock.advance(1);
    expect(h.node.state).toBe('cut_off');
    expect(alice.last('bye')).toMatchObject({ code: 'unavailable', advice: 'reconnect' });
    expect(alice.closeCode).toBe(4103);
    expect(h.warnings.some((warning) => warning.startsWith('cut_off'))).toBe(true);
  });

  it('while it is cut off the node lets nobody in; once it renewed it does', async () => {
    const { h, cluster } = await oneOfMany();
    cluster.away = true;
    await h.clock.advance(LEASE_MS + GRACE_MS);
    const refused = h.connect();
    await h.clock.settle();
    expect(refused.closeCode).toBe(4103);
    cluster.away = false;
    await h.clock.advance(1_000);
    expect(h.node.state).toBe('ready');
    expect((await h.logIn('alice')).last('token')).toBeDefined();
  });

  it('counts from when it was asked for: an answer that was long under way does not prolong it', async () => {
    const { h, cluster } = await oneOfMany();
    cluster.hangs = true;
    // The renewal is asked for within ten seconds, and answered sixty seconds later.
    await h.clock.advance(70_000);
    cluster.hangs = false;
    cluster.answer();
    await h.clock.settle();
    cluster.away = true;
    await h.clock.advance(10_000 + LEASE_MS + GRACE_MS * 0.75 - 70_000);
    expect(h.node.state).toBe('cut_off');
  });

  it('is given back when the node stops, and no timer is left', async () => {
    const { h, asked } = await oneOfMany();
    await h.node.drain(0);
    await h.node.stop();
    expect(asked('retire')).toHaveLength(1);
    const count = asked('').length;
    await h.clock.advance(100_000);
    expect(asked('')).toHaveLength(count);
  });
});

describe('nodes that died', () => {
  const dead = (h: { clock: { nowMs(): number } }, node: string, held = false) => {
    const sweepAtMs = h.clock.nowMs() - 1;
    return { node, expiresAtMs: sweepAtMs - GRACE_MS, sweepAtMs, held };
  };
  const alive = (h: { clock: { nowMs(): number } }, node: string) => {
    const expiresAtMs = h.clock.nowMs() + 3_600_000;
    return { node, expiresAtMs, sweepAtMs: expiresAtMs + GRACE_MS, held: false };
  };

  it('are swept in batches until nothing is left', async () => {
    const { h, cluster, asked } = await oneOfMany();
    cluster.leases = [alive(h, 'a'), alive(h, 'b'), dead(h, 'c')];
    cluster.swept = [
      { overdue: true, holders: 200, ended: 150, leases: [] },
      { overdue: true, holders: 20, ended: 20, leases: [] },
    ];
    await h.clock.advance(20_000);
    expect(asked('sweep').map(({ what }) => what)).toEqual(['sweep c 200', 'sweep c 200', 'sweep c 200']);
    const [first, second] = asked('sweep');
    expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(100);
  });

  it('are left alone where most lapsed together, and that is asked for once', async () => {
    const { h, cluster, asked } = await oneOfMany();
    cluster.leases = [alive(h, 'a'), dead(h, 'b'), dead(h, 'c')];
    await h.clock.advance(10_000);
    expect(asked('hold').map(({ what }) => what)).toContain(`hold b c for ${GRACE_MS}`);
    expect(asked('sweep')).toEqual([]);
    cluster.leases = [alive(h, 'a'), dead(h, 'b', true), dead(h, 'c', true)];
    await h.clock.advance(20_000);
    expect(asked('sweep').map(({ what }) => what)).toEqual(
      expect.arrayContaining(['sweep b 200', 'sweep c 200']),
    );
  });

  it('leave HTTP statuses, which this node ends in their time', async () => {
    const { h, cluster } = await oneOfMany();
    await h.directory.ensureUser('bob');
    cluster.leases = [alive(h, 'a'), alive(h, 'b'), dead(h, 'c')];
    const expiresAtMs = h.clock.nowMs() + 60_000;
    cluster.swept = [
      { overdue: true, holders: 1, ended: 0, leases: [{ user: 'bob', device: 'bot', expiresAtMs }] },
    ];
    await h.clock.advance(20_000);
    const { timers } = h.node.counts();
    await h.clock.advance(45_000);
    // The status ran out; what renews and sweeps stays as it was.
    expect(h.node.counts().timers).toBe(timers - 1);
  });

  it('are tried again behind a failure', async () => {
    const { h, cluster, asked } = await oneOfMany();
    cluster.leases = [alive(h, 'a'), alive(h, 'b'), dead(h, 'c')];
    const { sweep } = cluster;
    let refuse = true;
    cluster.sweep = async (node, limit) => {
      const swept = await sweep(node, limit);
      if (refuse) throw new Error('lost');
      return swept;
    };
    await h.clock.advance(15_000);
    expect(asked('sweep')).toHaveLength(1);
    refuse = false;
    await h.clock.advance(25_000);
    expect(asked('sweep').length).toBeGreaterThan(1);
    expect(h.warnings.filter((warning) => warning.startsWith('sweep_failed'))).toHaveLength(1);
  });
});

describe('a store that lost something', () => {
  it('gives whoever resumes everything, until what it lost is surely known: a delta would leave somebody out', async () => {
    const { h, cluster } = await oneOfMany();
    async function syncOf(completeSinceMs: number): Promise<unknown> {
      cluster.complete = completeSinceMs;
      const first = await h.logIn('alice', { v: 1 });
      const { token, at } = first.last('token')!;
      first.drop();
      await h.clock.advance(5_000);
      return (await h.logIn('alice', { v: 1, resume: token, at })).last('sync')!['delta'];
    }
    expect(await syncOf(0)).toBe(true);
    expect(await syncOf(h.clock.nowMs() + 3_600_000)).toBeUndefined();
  });
});
