import { ERRORS, type ErrorCode } from '@carillon/protocol';
import type { Context } from 'hono';
import * as z from 'zod';
import type { Outcome } from '../../runtime/node-api.ts';
import { readBody, readHeaders, readParams, readQuery } from './read-request.ts';
import type { ApiEnv } from './replies.ts';
import type {
  Access,
  Answered,
  BatchItem,
  BodyLimits,
  Method,
  PathParameter,
  Route,
  RouteAnswer,
  RouteBody,
  Services,
  Tag,
} from './route.ts';

type Schemas = Readonly<Record<string, z.ZodType>>;
type Params = Readonly<Record<string, PathParameter>>;
type Read<S extends Schemas> = { readonly [K in keyof S]: z.output<S[K]> };

const JSON_TYPE = 'application/json';

/** What every route is described by, however it answers. */
type Description = {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** Refusals beside those that follow from the rest: of the key, the path, the query and the body. */
  readonly errors?: readonly ErrorCode[];
};

type Definition<
  P extends Params,
  Q extends Schemas,
  H extends Schemas,
  B extends z.ZodObject,
  A extends z.ZodType,
> = Description & {
  readonly params?: P;
  readonly query?: Q;
  readonly headers?: H;
  readonly body?: { readonly schema: B; readonly limit: keyof BodyLimits };
  /** Without one the answer is 204. */
  readonly answer?: { readonly about: string; readonly schema: A };
  /** Whether an answer is 201: something was made. Without it none is. */
  readonly created?: (value: z.input<A>) => boolean;
  /** Whether it can be one of a batch. */
  readonly batch?: true;
  handle(
    request: { readonly [K in keyof P]: string } & {
      readonly query: Read<Q>;
      readonly headers: Read<H>;
      readonly body: z.output<B>;
    },
    services: Services,
  ): Promise<Answered<z.input<A>>> | Answered<z.input<A>>;
};

/**
 * A route under the API key. What it takes and answers is written once, here: the handler gets what was read by these
 * schemas, and the OpenAPI document is made of them.
 */
export function route<
  const P extends Params = Record<never, PathParameter>,
  const Q extends Schemas = Record<never, z.ZodType>,
  const H extends Schemas = Record<never, z.ZodType>,
  B extends z.ZodObject = z.ZodObject<Record<never, z.ZodType>>,
  A extends z.ZodType = z.ZodUndefined,
>(definition: Definition<P, Q, H, B, A>): Route {
  const { body, answer, created, handle } = definition;
  const params: Params = definition.params ?? {};
  const query: Schemas = definition.query ?? {};
  const headers: Schemas = definition.headers ?? {};
  const template = definition.path.split('/');

  async function outcomeOf(context: Context<ApiEnv>, services: Services): Promise<Outcome<unknown>> {
    const inPath = readParams(context, template, params);
    if (!inPath.ok) return inPath;
    const inQuery = readQuery(context, query);
    if (!inQuery.ok) return inQuery;
    const inHeaders = readHeaders(context, headers);
    if (!inHeaders.ok) return inHeaders;
    const inBody =
      body === undefined
        ? { ok: true as const, value: {} }
        : await readBody(context, body.schema, services.limits[body.limit]);
    if (!inBody.ok) return inBody;
    return call(inPath.value, inQuery.value, inHeaders.value, inBody.value, services);
  }

  // The schemas have made of each part what its type says; here, where the parts meet, that cannot be shown.
  function call(
    inPath: object,
    inQuery: object,
    inHeaders: object,
    inBody: unknown,
    services: Services,
  ): Promise<Outcome<unknown>> | Outcome<unknown> {
    const request = { ...inPath, query: inQuery, headers: inHeaders, body: inBody };
    return handle(request as unknown as Parameters<typeof handle>[0], services);
  }

  function itemOfBatch(): BatchItem {
    const parts = [params, query, body?.schema.shape ?? {}].map((part) => new Set(Object.keys(part)));
    const inPath = Object.fromEntries(
      Object.entries(params).map(([name, { about, schema }]) => [name, schema.meta({ description: about })]),
    );
    return {
      schema: z.object({ method: z.literal(definition.id), ...inPath, ...query, ...body?.schema.shape }),
      answer: answer?.schema ?? null,
      async run(item, services) {
        const [path, asked, carried] = parts.map((names) =>
          Object.fromEntries(Object.entries(item).filter(([name]) => names.has(name))),
        );
        return call(path ?? {}, asked ?? {}, {}, carried, services);
      },
    };
  }

  const answers: RouteAnswer[] =
    answer === undefined
      ? [{ status: 204, about: 'Done.', schema: null, contentType: null }]
      : [{ status: 200, ...answer, contentType: JSON_TYPE }];
  if (answer !== undefined && created !== undefined)
    answers.push({ status: 201, about: 'It was made.', schema: answer.schema, contentType: JSON_TYPE });

  return {
    ...describe(definition, 'key', {
      params,
      query,
      headers,
      body: body === undefined ? null : { ...body, contentTypes: [JSON_TYPE] },
      answers,
    }),
    batch: definition.batch === true ? itemOfBatch() : null,
    async serve(context, services) {
      const outcome = await outcomeOf(context, services);
      const isNew = outcome.ok && created?.(outcome.value as z.input<A>) === true;
      return services.replies.of(outcome, isNew ? 201 : 200);
    },
  };
}

type Parts = Pick<Route, 'params' | 'query' | 'headers' | 'body' | 'answers'>;

/** A route that reads its request and makes its answer by itself. */
export function rawRoute<
  const P extends Params = Record<never, PathParameter>,
  const Q extends Schemas = Record<never, z.ZodType>,
>(
  definition: Description & {
    readonly access: Access;
    readonly params?: P;
    readonly query?: Q;
    readonly body?: RouteBody;
    readonly answers: readonly RouteAnswer[];
    serve(
      context: Context<ApiEnv>,
      services: Services,
      request: { readonly [K in keyof P]: string } & { readonly query: Read<Q> },
    ): Response | Promise<Response>;
  },
): Route {
  const { access, body, answers } = definition;
  const params: Params = definition.params ?? {};
  const query: Schemas = definition.query ?? {};
  const template = definition.path.split('/');
  return {
    ...describe(definition, access, {
      params,
      query,
      headers: {},
      body: body ?? null,
      answers,
    }),
    batch: null,
    serve(context, services) {
      // Probes and scrapers of all makes add parameters of their own to the operator's endpoints.
      const asked = access === 'key' ? readQuery(context, query) : ({ ok: true, value: {} } as const);
      if (!asked.ok) return services.replies.of(asked);
      const inPath = readParams(context, template, params);
      if (!inPath.ok) return services.replies.of(inPath);
      // As above: what each part is, its own schema has made sure of.
      const request = { ...inPath.value, query: asked.value };
      return definition.serve(context, services, request as Parameters<typeof definition.serve>[2]);
    },
  };
}

function describe(
  { id, method, path, tag, summary, description, errors = [] }: Description,
  access: Access,
  parts: Parts,
): Omit<Route, 'batch' | 'serve'> {
  const { params, body } = parts;
  const refusals = new Set<ErrorCode>([
    ...errors,
    ...Object.values(params).map(({ invalid }) => invalid),
    ...(access === 'anybody' ? [] : (['unauthorized'] as const)),
    // An unknown query parameter, at the least.
    ...(access === 'key' ? (['bad_message'] as const) : []),
    ...(body === null ? [] : (['too_large'] as const)),
    ...(body === null || body.schema === null ? [] : (['bad_json'] as const)),
    'internal',
  ]);
  return {
    ...{ id, method, path, tag, summary, access, ...parts },
    description: description ?? null,
    errors: (Object.keys(ERRORS) as ErrorCode[]).filter((code) => refusals.has(code)),
  };
}
