import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Hono } from 'hono';
import type { ApiEnv, Replies } from './replies.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

/** The names a build has. No dots in a row and no slashes: none leads out of the folder. */
const FILE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/;

/** The page may load nothing from elsewhere. */
const POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Serves the built studio page: the page itself always fresh, its assets for ever, for their names carry a hash. */
export function addStudioFiles(app: Hono<ApiEnv>, folder: string, replies: Replies): void {
  async function send(path: readonly string[], cache: string): Promise<Response> {
    const name = path.at(-1) ?? '';
    const type = TYPES[extname(name)];
    if (!FILE.test(name) || type === undefined) return replies.fail('not_found');
    try {
      const body = await readFile(join(folder, ...path));
      return new Response(new Uint8Array(body), {
        headers: {
          'content-type': type,
          'cache-control': cache,
          'content-security-policy': POLICY,
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
        },
      });
    } catch {
      // A file that is not there, or a folder: to a browser both are "no such page".
      return replies.fail('not_found');
    }
  }

  app.get('/', () => send(['index.html'], 'no-cache'));
  app.get('/assets/:file', (context) =>
    send(['assets', context.req.param('file')], 'public, max-age=31536000, immutable'),
  );
  app.get('/:file', (context) => send([context.req.param('file')], 'no-cache'));
}
