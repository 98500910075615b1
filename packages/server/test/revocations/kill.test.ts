import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BareClient, Close } from '../wire/scene/bare-client.ts';
import { LOGIN_SECRET, signed } from '../wire/scene/login-token.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const ISSUED = Math.floor(Date.now() / 1000) - 60;

const token = (user: string, jti: string): Promise<string> =>
  signed({ sub: user, jti, iat: ISSUED, exp: ISSUED + 3_600 }, LOGIN_SECRET);

/** How a login with this token ends. */
async function refused(user: string, jti: string, extra: object = {}): Promise<Close> {
  const client = await scene.connect();
  client.send({ t: 'login', username: user, token: await token(user, jti), ...extra });
  return client.closed;
}

async function logIn(user: string, jti: string): Promise<BareClient> {
  const client = await scene.connect();
  client.send({ t: 'login', username: user, token: await token(user, jti) });
  await client.waitFor('sync', ({ t }) => t === 'sync');
  return client;
}

it('a revocation that was answered survives kill -9 at that moment, for a token and for a user', async () => {
  for (let life = 0; life < 3; life++) {
    const alice = await logIn('alice', `t${life}`);
    const other = await logIn('alice', `other${life}`);
    const bob = await logIn(`bob${life}`, 'b');
    const answers = await Promise.all([
      scene.server.api('POST', '/v1/users/alice/revoke', { tokenId: `t${life}` }),
      scene.server.api('POST', `/v1/users/bob${life}/revoke`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    await scene.stop('SIGKILL');
    await scene.restart();
    for (let revoked = 0; revoked <= life; revoked++) {
      expect(await refused('alice', `t${revoked}`)).toEqual({ code: 4208, reason: 'revoked' });
      expect((await refused(`bob${revoked}`, 'b')).code).toBe(4208);
    }
    expect((await refused('alice', `t${life}`, { resume: alice.resumeToken })).code).toBe(4208);
    // The sessions of the others were not touched by it.
    const again = await scene.connect();
    const resumed = await again.logIn('alice', { resume: other.resumeToken });
    expect(resumed.token).toMatchObject({ resumed: true });
    expect(bob.closedWith).not.toBeNull();
  }
});
