import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLOSES, ERRORS } from '@carillon/protocol';
import { TAGS } from '../../src/gateways/http-api/route.ts';
import { apiRoutes } from '../../src/gateways/http-api/routes.ts';
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
  const documented = Object.keys(TAGS).flatMap((tag) =>
    tableAfter(page('http-api.md'), `## ${tag}`).map(
      ([request = '']) => [tag, request.split('`')[1] ?? ''] as const,
    ),
  );

  it('lists every resource with its methods under its heading, and nothing else', () => {
    const named = documented.map(([tag, request]) => `${tag}: ${request.split('?')[0]}`);
    expect(named.toSorted()).toEqual(
      apiRoutes.map(({ tag, method, path }) => `${tag}: ${method} ${path}`).toSorted(),
    );
  });

  it('names no query parameter that there is not', () => {
    for (const [, request] of documented) {
      const [named, query = ''] = request.split('?');
      const route = apiRoutes.find(({ method, path }) => named === `${method} ${path}`);
      expect(Object.keys(route?.query ?? {})).toEqual(
        expect.arrayContaining([...new URLSearchParams(query).keys()]),
      );
    }
  });
});
