import { type ChannelNotice, channelTopic } from '../../ports/broker.ts';
import type { NodePorts } from '../node-options.ts';

/**
 * Tells the nodes what happened in a channel. A node that does not hear of it finds it by itself: in the log, or when it is told again. So whatever
 * becomes of the notice, also where the broker throws, what it tells of has happened, and nobody must be told otherwise.
 */
export function tellNodes(
  { broker, telemetry }: Pick<NodePorts, 'broker' | 'telemetry'>,
  notice: ChannelNotice,
): void {
  const { channel } = notice;
  const untold = (error: unknown): void =>
    telemetry.warn('publish_failed', { channel, error: String(error) });
  try {
    broker.publish(channelTopic(channel), notice)?.catch(untold);
  } catch (error) {
    untold(error);
  }
}
