import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { createHttpApp, type HttpApiOptions } from '../../src/gateways/http-api/http-api.ts';
import { openApiDocument } from '../../src/gateways/http-api/openapi/document.ts';
import { createReplies } from '../../src/gateways/http-api/replies.ts';
import { apiRoutes } from '../../src/gateways/http-api/routes.ts';
import { openApiFile } from './described-answers.ts';

const text = readFileSync(openApiFile, 'utf8');
const written = JSON.parse(text) as {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
};

/** The schemas of a document: what stands under `schema`, and what is shared. */
function schemasIn(node: unknown, name = ''): object[] {
  if (typeof node !== 'object' || node === null) return [];
  const inner = Object.entries(node).flatMap(([key, value]) => schemasIn(value, key));
  if (name === 'schema') return [node];
  return name === 'schemas' ? Object.values(node) : inner;
}

describe('docs/openapi.json', () => {
  it('is what scripts/write-openapi.ts writes', () => {
    expect(text).toBe(`${JSON.stringify(openApiDocument(apiRoutes), null, 2)}\n`);
  });

  it('is an OpenAPI 3.1 document', async () => {
    const validator = new Validator();
    const result = await validator.validate(JSON.parse(text));
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  it('has schemas that are JSON Schema, each of them', () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false });
    const schemas = schemasIn(written);
    expect(schemas.length).toBeGreaterThan(100);
    for (const schema of schemas) expect(ajv.validateSchema(schema), JSON.stringify(schema)).toBe(true);
  });

  it('describes every method of every resource that the server registers, and nothing else', () => {
    const options = {
      apiKey: null,
      corsOrigins: [],
      development: null,
      limits: {},
    } as unknown as HttpApiOptions;
    const app = createHttpApp(options, createReplies({ error: () => undefined }));
    expect(app).toBeInstanceOf(Hono);
    const served = app.routes
      .filter(({ method, path }) => method !== 'ALL' && method !== 'OPTIONS' && !path.endsWith('*'))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const described = Object.entries(written.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(served.toSorted());
  });

  it('gives each operation an id of its own, and each path its parameters', () => {
    const ids = apiRoutes.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, params } of apiRoutes)
      expect(Object.keys(params).toSorted()).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).toSorted(),
      );
  });
});
