import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { createSigner } from '../../src/outbound/signature.ts';
import { EVENT_TYPES } from '../../src/webhooks/webhook-event.ts';
import { tableAfter } from '../config/markdown-table.ts';

const page = readFileSync(new URL('../../../../docs/webhooks.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'carillon-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Check = (headers: object, body: string, secret: string, nowMs?: number) => boolean;

it('docs/webhooks.md names every event', () => {
  expect(tableAfter(page, '## Events').map(([event]) => event)).toEqual(
    EVENT_TYPES.map((type) => `\`${type}\``),
  );
});

it('the code in docs/webhooks.md takes what the server signs, and nothing else', async () => {
  const code = /```js\n(.*?)```/s.exec(page)?.[1] ?? '';
  const file = join(folder, 'check.mjs');
  writeFileSync(file, code);
  const { isFromCarillon } = (await import(pathToFileURL(file).href)) as { isFromCarillon: Check };
  const secret = 'a webhook secret of thirty-two bytes or more';
  const nowMs = Date.UTC(2026, 0, 1);
  const body = '{"type":"user.online","data":{"user":"zoë 💚"}}';
  const headers = createSigner(secret)('evt_1', nowMs, body);
  expect(isFromCarillon(headers, body, secret, nowMs)).toBe(true);
  expect(isFromCarillon(headers, body, secret, nowMs + 300_000)).toBe(true);
  expect(isFromCarillon(headers, body, secret, nowMs + 301_000)).toBe(false);
  expect(isFromCarillon(headers, body, secret, nowMs - 301_000)).toBe(false);
  expect(isFromCarillon(headers, `${body} `, secret, nowMs)).toBe(false);
  expect(isFromCarillon(headers, body, `${secret}!`, nowMs)).toBe(false);
  expect(isFromCarillon({ ...headers, 'webhook-id': 'evt_2' }, body, secret, nowMs)).toBe(false);
  for (const name of Object.keys(headers))
    expect(isFromCarillon({ ...headers, [name]: undefined }, body, secret, nowMs), name).toBe(false);
  const older = `v1,${Buffer.alloc(32).toString('base64')} ${headers['webhook-signature']}`;
  expect(isFromCarillon({ ...headers, 'webhook-signature': older }, body, secret, nowMs)).toBe(true);
});
