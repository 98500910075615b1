import type { IncomingMessage } from 'node:http';
import { rawPath } from './paths.ts';
import { apiRoutes } from './routes.ts';

/** What the paths of all resources begin with: `v1`, `health`, … */
const FIRST_PARTS: ReadonlySet<string> = new Set(apiRoutes.map(({ path }) => firstPart(path)));

/** Whether a request is for the HTTP API, whatever it answers: the rest is free for an app on the same server. */
export function isForApi(incoming: Pick<IncomingMessage, 'url'>): boolean {
  return FIRST_PARTS.has(firstPart(rawPath(incoming)));
}

function firstPart(path: string): string {
  const end = path.indexOf('/', 1);
  return path.slice(1, end === -1 ? undefined : end);
}
