import { createHash } from 'node:crypto';
import type { Secrets } from '../../ports/secrets.ts';

/** Names and tokens by number, so that a test that fails does so again. They are no secrets, and need not be. */
export function createTestSecrets(): Secrets {
  let count = 0;
  return {
    token: () => `token-${++count}`.padEnd(22, '-'),
    id: () => `session-${++count}`,
    hash: (token) => createHash('sha256').update(token).digest('base64url'),
    fraction: () => 0.5,
  } satisfies Secrets;
}
