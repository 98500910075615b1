import type { ErrorCode } from '@carillon/protocol';
import type { Context } from 'hono';
import type * as z from 'zod';
import type { Outcome, RealtimeNode } from '../../runtime/node-api.ts';
import type { ApiKeyCheck } from './api-key.ts';
import type { ApiEnv, Encoded, Replies } from './replies.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** The parts of docs/http-api.md, and the tags of the OpenAPI document. */
export const TAGS = {
  Users: 'Users, what others see of them, and what is kept about them.',
  Roster: 'Who follows whom, who blocked whom, who is close.',
  Import: 'Whole rosters at once.',
  Feeds: 'Events of other systems.',
  Channels: 'Publishing, and what channels keep.',
  Documents: 'What documents say, their versions, and changes by the app itself.',
  Subscriptions: 'Who is subscribed, and the right to be.',
  Sessions: 'Who is connected, and for how long.',
  Calls: 'Calls of the server to clients, and messages to everyone.',
  Operations: 'For operators.',
} as const;
export type Tag = keyof typeof TAGS;

/** What the operator's endpoints ask of the server. */
export type Operations = {
  /** Whether this process can ever serve again; false: only a new one helps. */
  alive(): boolean;
  /** Whether this server can serve, and if not why not. Never rejects. */
  readiness(): Promise<{ readonly ready: boolean; readonly reason: string }>;
  /** Everything measured, in the Prometheus text format. */
  /** Rejects with a StoreUnavailable, whose message anybody may read, where they cannot be had at the moment. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
};

/** The largest bodies, in bytes. */
export type BodyLimits = {
  /** Of a request about one thing. */
  readonly requestBytes: number;
  /** Of a request that carries a payload of the app's. */
  readonly publicationBytes: number;
  /** Of a request about many things. */
  readonly batchBytes: number;
  /** Of a request with events of other systems. */
  readonly eventsBytes: number;
};

/** What the handlers of all routes work with. */
export type Services = {
  readonly node: RealtimeNode;
  readonly replies: Replies;
  readonly operations: Operations;
  readonly hasApiKey: ApiKeyCheck;
  /** Whether there is a key to have. Without one only this machine may read the metrics. */
  readonly apiKeyConfigured: boolean;
  readonly limits: BodyLimits;
  readonly importEdges: (context: Context<ApiEnv>) => Promise<Response>;
  readonly takeEvents: (context: Context<ApiEnv>) => Promise<Response>;
  /** The OpenAPI document as JSON text. */
  readonly openApiText: () => string;
};

/**
 * `key`: for whoever has the API key; `anybody`; `operator`: with the key, or where none is configured from this machine.
 */
export type Access = 'key' | 'anybody' | 'operator';

/** A part of a path. The operation itself checks it; what is not even encoded is answered with `invalid`. */
export type PathParameter = {
  readonly about: string;
  readonly schema: z.ZodType<string>;
  readonly invalid: ErrorCode;
};

/** One answer that a route gives when all is well. */
export type RouteAnswer = {
  readonly status: number;
  readonly about: string;
  /** Null where there is no body, or none in JSON. */
  readonly schema: z.ZodType | null;
  readonly contentType: string | null;
};

export type RouteBody = {
  /** Null: whatever is sent, as it comes. */
  readonly schema: z.ZodType | null;
  readonly contentTypes: readonly string[];
  /** `documentBytes`: what the contract has for the channel. */
  readonly limit: keyof BodyLimits | 'importBytes' | 'documentBytes';
};

/** Carries out one request of a batch. */
export type BatchItem = {
  /** What the request is made of: its method, and what would stand in path, query and body. */
  readonly schema: z.ZodObject;
  readonly answer: z.ZodType | null;
  run(item: Readonly<Record<string, unknown>>, services: Services): Promise<Outcome<unknown>>;
};

/** A method on a resource: what it takes and answers, once, for the handler and for the OpenAPI document alike. */
export type Route = {
  /** `operationId`, and the name of the method in a batch. */
  readonly id: string;
  readonly method: Method;
  /** `/v1/users/{user}/presence`. */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description: string | null;
  readonly access: Access;
  readonly params: Readonly<Record<string, PathParameter>>;
  readonly query: Readonly<Record<string, z.ZodType>>;
  readonly headers: Readonly<Record<string, z.ZodType>>;
  readonly body: RouteBody | null;
  readonly answers: readonly RouteAnswer[];
  /** What it is refused with, in the order of docs/errors.md. */
  readonly errors: readonly ErrorCode[];
  readonly batch: BatchItem | null;
  serve(context: Context<ApiEnv>, services: Services): Response | Promise<Response>;
};

/** What a handler answers: a value of the route's schema, one that was encoded before, or a refusal. */
export type Answered<T> = Outcome<T | Encoded>;
