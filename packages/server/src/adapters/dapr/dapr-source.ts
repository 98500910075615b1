import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Source } from '../../ports/source.ts';
import { createTokenCheck, TOKEN_HEADER } from './app-token.ts';
import type { DaprSourceOptions } from './dapr-settings.ts';
import { createReceiver } from './receiver.ts';
import { createReplies, endsConnection } from './replies.ts';
import { EVENTS_PATH, subscriptionsOf } from './subscriptions.ts';
import { createTaker } from './taker.ts';

/** What the paths of all that a sidecar asks for begin with. */
const DAPR_PATH = '/dapr/';
const SUBSCRIBE_PATH = '/dapr/subscribe';

const TOKEN_ADVICE = `${TOKEN_HEADER} is missing or wrong: the sidecar's APP_API_TOKEN must be what CARILLON_DAPR_APP_TOKEN is here`;

/**
 * A source that Dapr's sidecars post to, over plain HTTP (Dapr, pub/sub API reference, "Optional application routes").
 *
 * - An event is answered `SUCCESS` behind its verdict, `DROP` where it is poison (the sidecar puts it on the dead-letter topic where
 *   there is one), and `RETRY` without a verdict: what comes before `start`, behind `stop` and beyond `deadlineMs` among it.
 * - Nothing under `/dapr/` is answered without the token.
 */
export type DaprSource = Source & {
  /** Answers a request if it is for this source. @returns false where it is not */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
};

/** @throws where the token is empty */
export function createDaprSource(options: DaprSourceOptions): DaprSource {
  const { warn } = options;
  const hasToken = createTokenCheck(options.token);
  const replies = createReplies(options);
  const taker = createTaker(options);
  const receive = createReceiver(options, taker, replies);
  const subscriptions = subscriptionsOf(options);

  function refuseMethod(response: ServerResponse, allow: string): void {
    response.setHeader('allow', allow);
    endsConnection(response);
    replies.refuse(response, 'method_not_allowed', `there is only ${allow}`);
  }

  async function answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!hasToken(request.headers[TOKEN_HEADER])) {
      warn('dapr_token_refused', { presented: request.headers[TOKEN_HEADER] !== undefined });
      endsConnection(response);
      return replies.refuse(response, 'unauthorized', TOKEN_ADVICE);
    }
    if (path === SUBSCRIBE_PATH) {
      if (request.method !== 'GET') return refuseMethod(response, 'GET');
      return replies.ok(response, subscriptions);
    }
    const topic = path.startsWith(EVENTS_PATH) ? decoded(path.slice(EVENTS_PATH.length)) : '';
    if (topic === '') {
      // `/dapr/config` among it: whoever does not answer that with 200 has no actors.
      endsConnection(response);
      return replies.refuse(response, 'not_found', 'there are /dapr/subscribe and /dapr/events/{topic}');
    }
    if (request.method !== 'POST') return refuseMethod(response, 'POST');
    return receive(topic, request, response);
  }

  return {
    name: 'dapr',
    serve(request, response) {
      const path = pathOf(request);
      if (!path.startsWith(DAPR_PATH)) return false;
      answer(path, request, response).catch((error: unknown) => {
        // The sidecar sees its connection end, and sends the same again.
        warn('request_failed', { error: error instanceof Error ? error.stack : String(error) });
        response.destroy();
      });
      return true;
    },
    async start(intake) {
      taker.start(intake);
    },
    stop: () => taker.stop(),
    // It is told of nothing until a sidecar comes: that none does may be as it should.
    trouble: () => null,
    positions: () => taker.positions(),
  };
}

/** Without the query. Proxies may send the absolute form (RFC 9112, section 3.2.2). */
function pathOf({ url = '/' }: IncomingMessage): string {
  const path = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}

/** Empty where it is not percent-encoded UTF-8, or no single part of a path. */
function decoded(part: string): string {
  if (part.includes('/')) return '';
  try {
    return decodeURIComponent(part);
  } catch {
    return ''; // As if there were no such path, for there is none.
  }
}
