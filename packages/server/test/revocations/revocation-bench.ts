import type { Authenticator } from '../../src/ports/auth.ts';
import type { NodePorts } from '../../src/runtime/node-options.ts';
import { type BareClient, createHarness, type Harness } from '../runtime/harness.ts';

/** Believes `user/tokenId/issuedAtMs`; a dash for what a token does not say. */
export const auth: Authenticator = {
  verify(token, username) {
    const [user = '', tokenId, issuedAtMs] = token.split('/');
    if (user !== username) return Promise.resolve({ ok: false, code: 'username_mismatch', detail: '' });
    const said = (part: string | undefined): string | null =>
      part === undefined || part === '-' ? null : part;
    return Promise.resolve({
      ok: true,
      principal: {
        user,
        expiresAtMs: null,
        tokenId: said(tokenId),
        issuedAtMs: said(issuedAtMs) === null ? null : Number(issuedAtMs),
      },
    });
  },
};

export type RevocationBench = Harness & {
  enter(token: string, extra?: object): Promise<BareClient>;
  ports(): NodePorts;
};

/** A node where `watcher` follows `alice`, with whatever ports a test replaces. */
export async function revocationBench(
  replace: (ports: NodePorts) => Partial<NodePorts> = () => ({}),
): Promise<RevocationBench> {
  let ports: NodePorts | undefined;
  const harness = await createHarness({
    follows: [['watcher', 'alice']],
    ports: (made) => (ports = { ...made, auth, ...replace(made) }),
  });
  return Object.assign(harness, {
    ports: () => ports!,
    enter: (token: string, extra: object = {}) => harness.logIn(token.split('/')[0]!, { token, ...extra }),
  });
}

export const errors = (client: BareClient) => client.received.filter(({ t }) => t === 'err');
export const byes = (client: BareClient) => client.received.filter(({ t }) => t === 'bye');
