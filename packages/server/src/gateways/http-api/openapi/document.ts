import { type ErrorCode, ERRORS } from '@carillon/protocol';
import type * as z from 'zod';
import { refusalBody } from '../error-schema.ts';
import { type Route, TAGS } from '../route.ts';
import { type JsonSchema, type SchemaSet, schemaSet } from './schema-set.ts';

const JSON_TYPE = 'application/json';

/** The OpenAPI document of these routes (3.1, https://spec.openapis.org/oas/v3.1.1.html). */
export function openApiDocument(routes: readonly Route[]): object {
  const written = schemaSet(writtenParts(routes), 'input');
  const read = schemaSet(readParts(routes), 'output');
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const methods = (paths[route.path] ??= {});
    methods[route.method.toLowerCase()] = operation(route, written, read);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Carillon HTTP API',
      version: '1',
      summary: "For the app's backend, bots and operators.",
      description:
        'Names and ids in paths are percent-encoded once. Bodies are JSON in UTF-8; fields that a receiver does not know are ignored, query parameters that the server does not know are refused. Every refusal has a code of docs/errors.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'Where this document comes from.' }],
    security: [{ apiKey: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'The key in CARILLON_API_KEY.' },
      },
      responses: refusalsOf(routes, written),
      schemas: { ...written.shared, ...read.shared },
    },
  };
}

/** Every schema of what goes over the line in JSON, by the place that it is needed at. */
function writtenParts(routes: readonly Route[]): ReadonlyMap<string, z.ZodType> {
  const parts = new Map<string, z.ZodType>([['refusal', refusalBody]]);
  for (const { id, body, answers } of routes) {
    if (body?.schema != null) parts.set(`${id} body`, body.schema);
    for (const { status, schema } of answers) if (schema !== null) parts.set(`${id} ${status}`, schema);
  }
  return parts;
}

/** Every schema of what is read from a text: paths, queries and headers. */
function readParts(routes: readonly Route[]): ReadonlyMap<string, z.ZodType> {
  const parts = new Map<string, z.ZodType>();
  for (const { id, params, query, headers } of routes) {
    for (const [name, { schema }] of Object.entries(params)) parts.set(`${id} path ${name}`, schema);
    for (const [name, schema] of Object.entries(query)) parts.set(`${id} query ${name}`, schema);
    for (const [name, schema] of Object.entries(headers)) parts.set(`${id} header ${name}`, schema);
  }
  return parts;
}

function operation(route: Route, written: SchemaSet, read: SchemaSet): object {
  const { id, tag, summary, description, access, body } = route;
  const parameters = parametersOf(route, read);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === null ? {} : { description }),
    ...(access === 'anybody' ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === null
      ? {}
      : {
          requestBody: {
            // Where nothing in it is needed, the whole may be left out.
            required: body.schema === null || !body.schema.safeParse({}).success,
            description: sizeOf(body.limit),
            content: contentOf(body.contentTypes, written.schemas.get(`${id} body`)),
          },
        }),
    responses: responsesOf(route, written),
  };
}

function sizeOf(limit: NonNullable<Route['body']>['limit']): string {
  return limit === 'documentBytes'
    ? 'At most `documentBytes` of the channel in the contract.'
    : `At most \`limits.${limit}\`.`;
}

function parametersOf({ id, params, query, headers }: Route, { schemas }: SchemaSet): object[] {
  const inPath = Object.entries(params).map(([name, { about }]) => ({
    name,
    in: 'path',
    required: true,
    description: about,
    schema: schemas.get(`${id} path ${name}`),
  }));
  const optional = (where: 'query' | 'header', names: Readonly<Record<string, unknown>>): object[] =>
    Object.keys(names).map((name) => {
      const { description, ...schema } = schemas.get(`${id} ${where} ${name}`) ?? {};
      return { name, in: where, required: false, description, schema };
    });
  return [...inPath, ...optional('query', query), ...optional('header', headers)];
}

function responsesOf({ id, answers, errors }: Route, { schemas }: SchemaSet): object {
  const responses: Record<string, object> = {};
  for (const { status, about, schema, contentType } of answers) {
    const before = responses[status] as
      | { readonly description: string; readonly content: object }
      | undefined;
    const content =
      contentType === null
        ? undefined
        : contentOf([contentType], schema === null ? undefined : schemas.get(`${id} ${status}`));
    // What is answered in several forms is one answer here.
    responses[status] = {
      description: before === undefined ? about : `${before.description} ${about}`,
      ...(content === undefined ? {} : { content: { ...before?.content, ...content } }),
    };
  }
  const byStatus = Object.groupBy(errors, (code) => ERRORS[code].http);
  for (const [status, codes = []] of Object.entries(byStatus))
    responses[status] = { $ref: `#/components/responses/${refusalName(codes)}` };
  return responses;
}

/** Refusals of one status, as a response that all routes share which are refused with the same codes. */
function refusalsOf(routes: readonly Route[], { schemas }: SchemaSet): object {
  const responses: Record<string, object> = {};
  for (const { errors } of routes) {
    for (const codes of Object.values(Object.groupBy(errors, (code) => ERRORS[code].http))) {
      const oneOfThese = { properties: { error: { properties: { code: { enum: codes } } } } };
      responses[refusalName(codes)] = {
        description: codes.map(explained).join('\n'),
        content: contentOf([JSON_TYPE], { allOf: [schemas.get('refusal'), oneOfThese] }),
      };
    }
  }
  return responses;
}

function refusalName(codes: readonly ErrorCode[]): string {
  return codes.join('.');
}

function explained(code: ErrorCode): string {
  return `\`${code}\`: ${ERRORS[code].help}`;
}

function contentOf(types: readonly string[], schema: JsonSchema | undefined): object {
  return Object.fromEntries(types.map((type) => [type, schema === undefined ? {} : { schema }]));
}
