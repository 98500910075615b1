import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** A key of an identity provider: what it signs with, and what it publishes. */
export type SigningKey = {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
};

export async function newKey(alg: string, kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), alg, kid, use: 'sig' } };
}

export type Claims = { readonly sub?: string; readonly exp?: number; readonly [claim: string]: unknown };

/** A token that the key signs; good for the user alice for an hour unless it claims otherwise. */
export function sign(key: SigningKey, nowMs: number, claims: Claims = {}): Promise<string> {
  return new SignJWT({ sub: 'alice', exp: Math.floor(nowMs / 1000) + 3600, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .sign(key.privateKey);
}

/** A real key server on loopback. */
export type KeyServer = {
  readonly url: URL;
  /** How often it was asked. */
  readonly requests: number;
  publish(...keys: readonly JWK[]): void;
  /** Answers every request in this way from now on. */
  answer(with_: (response: ServerResponse) => void): void;
  close(): Promise<void>;
};

export async function startKeyServer(...keys: readonly JWK[]): Promise<KeyServer> {
  let requests = 0;
  let respond = serveKeys(keys);
  const server = createServer((_request, response) => {
    requests++;
    respond(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?tenant=hush`),
    get requests() {
      return requests;
    },
    publish(...published) {
      respond = serveKeys(published);
    },
    answer(with_) {
      respond = with_;
    },
    async close() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function serveKeys(keys: readonly JWK[]): (response: ServerResponse) => void {
  return (response) =>
    void response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
}
