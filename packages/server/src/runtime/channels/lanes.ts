import { type NodeContext, sendError } from '../context.ts';
import { type Lanes, type LinkState, isClosed } from '../link-state.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';

/**
 * Does a piece of work behind what was sent before it on the same channel; at once where nothing waits. A piece that fails
 * is answered `unavailable`.
 */
export function inLane(
  context: NodeContext,
  link: LinkState,
  channel: string,
  request: number | undefined,
  work: () => void | Promise<void>,
): void {
  const lanes: Lanes = (link.lanes ??= { tails: new Map<string, Promise<void>>(), waiting: 0 });
  const before = lanes.tails.get(channel);
  if (lanes.waiting >= context.settings.publicationsInFlight) {
    sendError(context, link, 'rate_limited', 'too many requests wait', request, RETRY_UNAVAILABLE_MS);
    return;
  }

  function failed(error: unknown): void {
    context.ports.telemetry.warn('channel_request_failed', { channel, error: String(error) });
    if (!isClosed(link))
      sendError(
        context,
        link,
        'unavailable',
        'the server could not carry this out',
        request,
        RETRY_UNAVAILABLE_MS,
      );
  }

  let running: Promise<void>;
  if (before === undefined) {
    try {
      const done = work();
      if (!(done instanceof Promise)) return;
      running = done;
    } catch (error) {
      failed(error);
      return;
    }
  } else running = before.then(() => (isClosed(link) ? undefined : work()));
  lanes.waiting++;
  const tail: Promise<void> = running.catch(failed).then(() => {
    lanes.waiting--;
    if (lanes.tails.get(channel) === tail) lanes.tails.delete(channel);
  });
  lanes.tails.set(channel, tail);
}
