import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import type { Log } from '../../ports/log.ts';
import type { NodePorts } from '../node-options.ts';

/** Where the history of a channel is kept. */
export function logOf(context: { readonly ports: Pick<NodePorts, 'logs'> }, spec: ChannelSpec): Log {
  return context.ports.logs[spec.durability];
}
