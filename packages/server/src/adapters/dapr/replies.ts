import type { ServerResponse } from 'node:http';
import { type ErrorCode, ERRORS } from '@carillon/protocol';
import type { DaprSourceOptions } from './dapr-settings.ts';

/** How a sidecar is answered. */
export type Replies = {
  /** With 200 and JSON. */
  ok(response: ServerResponse, body: object): void;
  /**
   * With an error of the catalogue. Of events that means: they come again.
   *
   * @param detail what was wrong and what to do
   */
  refuse(response: ServerResponse, code: ErrorCode, detail: string): void;
};

export function createReplies({ refused }: Pick<DaprSourceOptions, 'refused'>): Replies {
  return {
    ok: (response, body) => send(response, 200, body),
    refuse(response, code, detail) {
      refused(code);
      // The help of the catalogue is for callers of the HTTP API, who have another key.
      send(response, ERRORS[code].http, { error: { code, message: detail } });
    },
  };
}

/** What of the request is still on its way nobody reads: the connection has to end behind the answer. */
export function endsConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed || response.writableEnded) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}
