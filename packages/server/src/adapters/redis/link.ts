import type { RedisLinkDeps } from './link-deps.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisSettings } from './redis-settings.ts';
import { createSingleLink } from './single-link.ts';

/** The line to Redis as the settings name it; `open` connects. */
export function createRedisLink(settings: RedisSettings, deps: RedisLinkDeps): RedisLink {
  const { topology } = settings;
  switch (topology.kind) {
    case 'single':
      return createSingleLink(settings, deps, async () => topology.address);
    case 'sentinel':
    case 'cluster':
      throw new Error('not yet');
  }
}
