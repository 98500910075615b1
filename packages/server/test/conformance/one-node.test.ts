import { CHANNEL_CONFIG } from '../wire/scene/channel-config.ts';
import { openScene } from '../wire/scene/scene.ts';
import { type Place, TRANSPORTS, transportSuite } from './suite.ts';

const SETTINGS = { CARILLON_SESSIONS_HEARTBEAT_MS: '400', CARILLON_SESSIONS_GRACE_MS: '5000' };

async function oneNode(): Promise<Place> {
  const scene = await openScene(SETTINGS, { configModule: CHANNEL_CONFIG });
  return {
    port: scene.server.port,
    api: (method, path, body) => scene.server.api(method, path, body),
    close: () => scene.close(),
  };
}

for (const transport of TRANSPORTS) transportSuite(transport, oneNode);
