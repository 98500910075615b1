import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { CLOSES, ERRORS } from '@carillon/protocol';
import { createHttpApp, type HttpApiOptions } from '../../src/gateways/http-api/http-api.ts';
import { createReplies } from '../../src/gateways/http-api/replies.ts';
import { tableAfter } from '../config/markdown-table.ts';

const page = (name: string): string =>
  readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');

describe('docs/errors.md', () => {
  it('lists every error code with its status, whether to retry, and what to do', () => {
    expect(tableAfter(page('errors.md'), '## Errors')).toEqual(
      Object.entries(ERRORS).map(([code, { http, retry, help }]) => [
        `\`${code}\``,
        String(http),
        retry ? 'later' : 'no',
        help,
      ]),
    );
  });

  it('lists every close reason with its code and advice', () => {
    expect(tableAfter(page('errors.md'), '## Closes')).toEqual(
      Object.entries(CLOSES).map(([reason, { close, advice, help }]) => [
        `\`${reason}\``,
        String(close),
        advice,
        help,
      ]),
    );
  });
});

describe('docs/http-api.md', () => {
  it('lists every resource with its methods, and nothing else', () => {
    const options = { apiKey: null, corsOrigins: [], development: null } as unknown as HttpApiOptions;
    const app = createHttpApp(options, createReplies({ error: () => undefined }));
    expect(app).toBeInstanceOf(Hono);
    const served = app.routes
      .filter(({ method, path }) => method !== 'ALL' && method !== 'OPTIONS' && !path.endsWith('*'))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const documented = ['## Users', '## Roster', '## Import', '## Operations'].flatMap((heading) =>
      tableAfter(page('http-api.md'), heading).map(
        ([request = '']) => (request.split('`')[1] ?? '').split('?')[0],
      ),
    );
    expect(new Set(documented)).toEqual(new Set(served));
    expect(documented).toHaveLength(served.length);
  });
});
