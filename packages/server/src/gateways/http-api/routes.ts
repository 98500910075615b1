import { batchRoute } from './batch-route.ts';
import { callRoutes } from './call-routes.ts';
import { channelRoutes } from './channel-routes.ts';
import { documentRoutes } from './document-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { importRoutes } from './import-route.ts';
import { opsRoutes } from './ops-routes.ts';
import { presenceRoutes } from './presence-routes.ts';
import { publishRoutes } from './publish-routes.ts';
import { rosterRoutes } from './roster-routes.ts';
import type { Route } from './route.ts';
import { sessionRoutes } from './session-routes.ts';
import { subscriptionRoutes } from './subscription-routes.ts';
import { userRoutes } from './user-routes.ts';
import { versionRoutes } from './version-routes.ts';

const single: readonly Route[] = [
  ...userRoutes,
  ...presenceRoutes,
  ...rosterRoutes,
  ...importRoutes,
  ...eventRoutes,
  ...publishRoutes,
  ...channelRoutes,
  ...documentRoutes,
  ...versionRoutes,
  ...subscriptionRoutes,
  ...sessionRoutes,
  ...callRoutes,
  ...opsRoutes,
];

/** Every resource the server has over plain HTTP. docs/http-api.md and docs/openapi.json are kept equal to it. */
export const apiRoutes: readonly Route[] = [...single, batchRoute(single)];
