import type { GatewaysConfig } from '../config/gateway-settings.ts';
import { createHocuspocusGateway, HOCUSPOCUS_PATH } from '../gateways/yjs/hocuspocus-gateway.ts';
import type { YjsGatewayOptions } from '../gateways/yjs/gateway-options.ts';
import { createYWebsocketGateway, YJS_PATH } from '../gateways/yjs/y-websocket-gateway.ts';

/** Where clients of Yjs enter that other projects made: none, one or both gateways. */
export function openYjsGateways(
  { yjs, hocuspocus }: GatewaysConfig,
  options: Omit<YjsGatewayOptions, 'names'>,
): { close(): Promise<void> } {
  const gateways = [
    ...(yjs === null ? [] : [createYWebsocketGateway({ ...options, names: yjs })]),
    ...(hocuspocus === null ? [] : [createHocuspocusGateway({ ...options, names: hocuspocus })]),
  ];
  return {
    async close() {
      await Promise.all(gateways.map((gateway) => gateway.close()));
    },
  };
}

/** Whether clients of such a gateway come in by this path. */
export function isYjsPath(path: string, { yjs, hocuspocus }: GatewaysConfig): boolean {
  return (
    (yjs !== null && path.startsWith(YJS_PATH)) ||
    (hocuspocus !== null && (path === HOCUSPOCUS_PATH || path === `${HOCUSPOCUS_PATH}/`))
  );
}
