import { expect } from 'vitest';
import type { Wire } from './bare-client.ts';
import type { Scene } from './scene.ts';

/** Logs in with a token and gives all that the server says until it closes. */
export async function refusal(
  scene: Scene,
  username: string,
  token: string,
  extra: object = {},
): Promise<{ readonly closeCode: number; readonly messages: Wire[] }> {
  const client = await scene.connect();
  client.send({ t: 'login', username, token, i: 1, ...extra });
  const { code } = await client.closed;
  return { closeCode: code, messages: client.take() };
}

/** What a login that ends the connection is answered with. */
export function refusedWith(code: string, advice: string): Wire[] {
  return [
    { t: 'err', code, m: expect.any(String), i: 1 },
    { t: 'bye', code, advice, m: expect.any(String) },
  ];
}
