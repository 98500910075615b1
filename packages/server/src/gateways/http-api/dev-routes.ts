import type { IncomingHttpHeaders } from 'node:http';
import type { Context, Hono } from 'hono';
import type { Outcome, RealtimeNode } from '../../runtime/node-api.ts';
import { bearerOf } from './api-key.ts';
import { addAppProxy } from './app-proxy.ts';
import { isLocalCaller } from './caller.ts';
import { readJsonBody } from './json-body.ts';
import { isDecodable } from './paths.ts';
import { type ApiEnv, json, type Replies } from './replies.ts';
import { param, resource } from './resource.ts';
import { addStudioFiles } from './studio-files.ts';

/** Someone a developer may log in as. */
export type SamplePerson = { readonly user: string; readonly name: string };

/** What `carillon dev` adds: logins for whoever sits at this machine. Never part of `serve`. */
export type Development = {
  /** Null where logins are checked by somebody else's keys: then there are none to hand out. */
  readonly logins: {
    readonly people: readonly SamplePerson[];
    issueToken(user: string): Promise<string>;
    /** Whom a login token speaks for. */
    userOf(token: string): Promise<Outcome<string>>;
  } | null;
  /** Folder of the built studio page; null serves none. */
  readonly studioFolder: string | null;
  /** The app's own backend, which answers under `/app/`; null: there is none. */
  readonly app: {
    /** Where it listens; null while it does not. */
    url(): string | null;
  } | null;
};

export type DevRouteOptions = {
  readonly node: RealtimeNode;
  readonly replies: Replies;
  readonly development: Development;
  readonly requestBytes: number;
};

export function addDevRoutes(
  app: Hono<ApiEnv>,
  { node, replies, development, requestBytes }: DevRouteOptions,
): void {
  const { logins, studioFolder } = development;
  if (studioFolder !== null) addStudioFiles(app, studioFolder, replies);

  for (const path of ['/dev/*', '/app/*'])
    app.use(path, async (context, next) => {
      if (!isDecodable(context.req.path))
        return replies.fail('user_id_invalid', 'the path is not percent-encoded UTF-8');
      if (isLocalCaller(context.env.incoming) && isOwnPage(context.env.incoming.headers)) return next();
      return replies.fail('origin_refused', 'this is for pages of this server, on this machine');
    });
  if (development.app !== null) addAppProxy(app, development.app.url, replies);
  if (logins === null) return;

  resource(app, '/dev/logins', replies, { GET: () => json({ people: logins.people }, 200) });

  resource(app, '/dev/token', replies, {
    POST: async (context) => {
      const read = await readJsonBody(context.req.raw, requestBytes);
      if (!read.ok) return replies.fail(read.code, read.detail);
      const { user } = read.body;
      const person = logins.people.find((candidate) => candidate.user === user);
      if (person === undefined) return replies.fail('user_unknown', 'user: not one of the sample people');
      return json({ token: await logins.issueToken(person.user) }, 200);
    },
  });

  const edit = (change: typeof node.follow) => async (context: Context<ApiEnv>) => {
    const token = bearerOf(context.req.header('authorization'));
    if (token === null) return replies.fail('token_invalid', 'no login token in Authorization: Bearer');
    const user = await logins.userOf(token);
    return replies.of(user.ok ? await change(user.value, param(context, 'other')) : user);
  };
  resource(app, '/dev/follows/:other', replies, {
    PUT: edit((user, other) => node.follow(user, other)),
    DELETE: edit((user, other) => node.unfollow(user, other)),
  });
}

/**
 * Whether a request was made to this machine by name, and by a page of this server if by a page at all. A foreign page
 * can let its own name point here (DNS rebinding); the name then stands in Host.
 */
function isOwnPage({ host = '', origin }: IncomingHttpHeaders): boolean {
  if (!/^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)) return false;
  return origin === undefined || origin === `http://${host}`;
}
