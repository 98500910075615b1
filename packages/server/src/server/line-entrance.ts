import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Door } from '../gate/door.ts';
import { createLineHttp } from '../gate/line-http.ts';
import { createLines } from '../gate/lines.ts';
import { createPollGateway } from '../gateways/longpoll/poll-gateway.ts';
import { createSseGateway } from '../gateways/sse/sse-gateway.ts';
import type { Clock } from '../ports/clock.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { RealtimeNode } from '../runtime/node-api.ts';

/** Where clients come in that have no WebSocket. */
export const SSE_PATH = '/sse';
export const POLL_PATH = '/poll';

export type LineEntranceOptions = {
  readonly node: RealtimeNode;
  readonly door: Door;
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, 'token'>;
  readonly telemetry: Telemetry;
  readonly limits: {
    readonly messageBytes: number;
    readonly lineBytes: number;
    readonly sseKeepAliveMs: number;
    readonly pollWaitMs: number;
    readonly pollGapMs: number;
    readonly ticketStreams: number;
  };
};

/** How clients come in over plain HTTP, on whosever HTTP server. */
export type LineEntrance = {
  /** Answers a request if it is for a line. @returns false where it is not */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  /** Waits for the streams to end that were closed, and forgets the lines. */
  close(): Promise<void>;
};

export function createLineEntrance(options: LineEntranceOptions): LineEntrance {
  const { node, door, clock, secrets, telemetry, limits } = options;
  const http = createLineHttp({ door, telemetry, lineBytes: limits.lineBytes });
  const lines = createLines({ node: node.lines, clock, secrets, limits });
  const sse = createSseGateway({
    ...{ node, door, http, lines, clock },
    keepAliveMs: limits.sseKeepAliveMs,
    ticketStreams: limits.ticketStreams,
  });
  const polls = createPollGateway({ node, door, http, lines, clock, limits });

  function gatewayFor({ url = '' }: IncomingMessage): typeof sse.serve | null {
    const query = url.indexOf('?');
    switch (query < 0 ? url : url.slice(0, query)) {
      case SSE_PATH:
        return sse.serve;
      case POLL_PATH:
        return polls.serve;
      default:
        return null;
    }
  }

  return {
    serve(request, response) {
      const serve = gatewayFor(request);
      if (serve === null) return false;
      serve(request, response).catch((error: unknown) => {
        telemetry.warn('request_failed', { error: error instanceof Error ? error.stack : String(error) });
        response.destroy();
      });
      return true;
    },
    async close() {
      lines.close();
      polls.close();
      await sse.close();
    },
  };
}
