import type { Hono } from 'hono';
import { proxy } from 'hono/proxy';
import { rawPath } from './paths.ts';
import type { ApiEnv, Replies } from './replies.ts';

/** What the app's own backend is reached under: on the page's origin, as behind one proxy in production. */
const PREFIX = '/app';

/**
 * Hands requests for `/app/…` to the app's backend, without the prefix.
 *
 * @param url where it listens; null while it does not
 */
export function addAppProxy(app: Hono<ApiEnv>, url: () => string | null, replies: Replies): void {
  app.all(`${PREFIX}/*`, async (context) => {
    const { incoming } = context.env;
    const target = url();
    if (target === null) return replies.fail('unavailable', 'the app is being started');
    const query = /\?.*/.exec(incoming.url ?? '')?.[0] ?? '';
    try {
      return await proxy(`${target}${rawPath(incoming).slice(PREFIX.length)}${query}`, {
        raw: context.req.raw,
        redirect: 'manual',
      });
    } catch (error) {
      if (context.req.raw.signal.aborted) throw error;
      // It ended a moment ago, or broke its answer off.
      return replies.fail('unavailable', 'the app does not answer');
    }
  });
}
