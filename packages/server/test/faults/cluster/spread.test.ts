import { afterEach, describe, expect, it } from 'vitest';
import { type BareClient, type Close, connectBare } from '../../wire/scene/bare-client.ts';
import { LOGIN_SECRET, signed } from '../../wire/scene/login-token.ts';
import { type ClusterNode, type ClusterScene, openClusterScene } from './cluster-scene.ts';

let scene: ClusterScene;
afterEach(() => scene.close());

const ISSUED = Math.floor(Date.now() / 1000) - 60;

const token = (user: string, jti: string): Promise<string> =>
  signed({ sub: user, jti, iat: ISSUED, exp: ISSUED + 3_600 }, LOGIN_SECRET);

async function logIn(node: ClusterNode, user: string, jti: string, extra: object = {}): Promise<BareClient> {
  const client = await connectBare(node.port);
  await client.logIn(user, { token: await token(user, jti), ...extra });
  return client;
}

/** How it ends with this login: refused at once, or let in and ended when the node has learned of it. */
async function endOf(node: ClusterNode, user: string, jti: string, extra: object = {}): Promise<Close> {
  const client = await connectBare(node.port);
  client.send({ t: 'login', username: user, token: await token(user, jti), ...extra });
  return client.closed;
}

const REVOKED_AT_ONCE = 4;

/**
 * Revokes one login after the other, several at once and none with a pause, while a fault strikes: whenever it does, some are
 * under way. `before` and `after`: those that were when it was called for, and when it had struck.
 */
async function revokeDuring(
  node: ClusterNode,
  name: string,
  fault: () => Promise<unknown>,
): Promise<Record<'before' | 'after', readonly string[]> & { readonly statuses: readonly number[] }> {
  const inFlight = new Set<string>();
  const statuses: number[] = [];
  let over = false;
  const revoke = async (_: unknown, lane: number): Promise<void> => {
    for (let round = 0; !over; round++) {
      const tokenId = `${name}-${lane}-${round}`;
      inFlight.add(tokenId);
      const { status } = await node.process.api('POST', '/v1/users/alice/revoke', { tokenId });
      inFlight.delete(tokenId);
      statuses.push(status);
    }
  };
  const lanes = Promise.all(Array.from({ length: REVOKED_AT_ONCE }, revoke));
  const before = [...inFlight];
  await fault();
  const after = [...inFlight];
  over = true;
  await lanes;
  return { before, after, statuses };
}

const REVOKED = { code: 4208, reason: 'revoked' };

describe('what is revoked on one node', () => {
  it('counts on all of them: open sessions end, logins and resumes are refused, others go on', async () => {
    scene = await openClusterScene();
    const { nodes } = scene;
    const [first] = nodes;
    const open = await Promise.all(nodes.map((node) => logIn(node, 'alice', 't1')));
    const others = await Promise.all(nodes.map((node) => logIn(node, 'alice', 't2')));
    const gone = await logIn(nodes[1]!, 'alice', 't1');
    gone.drop();
    expect(await first!.process.api('POST', '/v1/users/alice/revoke', { tokenId: 't1' })).toMatchObject({
      status: 204,
    });
    expect(await Promise.all(open.map(({ closed }) => closed))).toEqual(open.map(() => REVOKED));
    const ends = await Promise.all(nodes.map((node) => endOf(node, 'alice', 't1')));
    expect(ends).toEqual(nodes.map(() => REVOKED));
    expect(await endOf(nodes[2]!, 'alice', 't1', { resume: gone.resumeToken })).toEqual(REVOKED);
    for (const other of others) {
      await other.settle();
      expect(other.closedWith).toBeNull();
    }
  });

  it('counts also where Redis was emptied, or started again, before the others had heard of it', async () => {
    scene = await openClusterScene();
    const { nodes, redis } = scene;
    for (const [name, fault] of [
      ['flushed', () => redis.run('FLUSHALL')],
      ['restarted', () => redis.restart()],
    ] as const) {
      const { before, after, statuses } = await revokeDuring(nodes[0]!, name, fault);
      expect(before.length, 'revocations in flight when the fault was called for').toBe(REVOKED_AT_ONCE);
      expect(after.length, 'revocations in flight when it had struck').toBe(REVOKED_AT_ONCE);
      // Stored; whether it could be published is another matter.
      for (const status of statuses) expect([204, 503]).toContain(status);
      for (const jti of new Set([...before, ...after])) {
        for (const node of nodes) {
          let end = await endOf(node, 'alice', jti);
          // The line to Redis is being made anew.
          while (end.code === 4103) end = await endOf(node, 'alice', jti);
          expect(end).toEqual(REVOKED);
        }
      }
    }
  });
});

describe('a roster that every node has read', () => {
  it('is another for each of them once an edit is answered, whichever node made it', async () => {
    scene = await openClusterScene();
    const { nodes } = scene;
    await scene.follow(['alice', 'bob'], ['alice', 'cai']);
    const friendsOn = async (node: ClusterNode): Promise<readonly string[]> => {
      const client = await connectBare(node.port);
      const { sync } = await client.logIn('alice', { token: await token('alice', 'a') });
      client.drop();
      return (sync['users'] as { username: string }[]).map(({ username }) => username).toSorted();
    };
    for (let round = 0; round < 3; round++) {
      for (const node of nodes) expect(await friendsOn(node)).toEqual(['bob', 'cai']);
      const editing = nodes[round]!.process;
      expect(await scene.redis.run('EXISTS', '{carillon:presence:alice}:roster')).toBe(1);
      expect(await editing.api('PUT', '/v1/users/bob/blocks/alice')).toMatchObject({ status: 200 });
      for (const node of nodes) expect(await friendsOn(node)).toEqual(['cai']);
      expect(await editing.api('DELETE', '/v1/users/bob/blocks/alice')).toMatchObject({ status: 200 });
    }
  });
});
