import type { Call, Cancel, ErrorCode } from '@carillon/protocol';
import type { CallSpec } from '../../core/channel/channel-spec.ts';
import { controlFrame } from '../../core/outbox/frame.ts';
import { type NodeContext, sendControl, sendError } from '../context.ts';
import { type LinkState, type LocalSession, isClosed } from '../link-state.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import { isCallFailure, thrownText } from './call-handler.ts';
import { channelsOf } from '../link-state.ts';

/** What a call came to. */
type Outcome =
  /** `text`: as JSON; undefined where there is none. */
  | { readonly kind: 'output'; readonly text: string | undefined }
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly detail: string; readonly path?: string }
  | {
      readonly kind: 'failure';
      readonly name: string;
      readonly text: string | undefined;
      readonly detail: string;
    };

/** Calls of clients that are being served on this node. */
export type ServingCalls = {
  readonly size: number;
  serve(link: LinkState, session: LocalSession, message: Call): void;
  cancel(link: LinkState, session: LocalSession, message: Cancel): void;
  /** The session is over: what it waits for is called off. */
  ended(session: LocalSession): void;
};

export function createServingCalls(context: NodeContext): ServingCalls {
  const { clock, telemetry } = context.ports;
  const { contract, callHandlers, callsPerSession } = context.settings;
  let size = 0;

  function serve(link: LinkState, session: LocalSession, message: Call): void {
    const spec = contract.calls.get(message.n);
    const handler = callHandlers.get(message.n);
    if (spec === undefined || handler === undefined)
      return refuse(link, message, 'call_unknown', `${JSON.stringify(message.n)} is not served`);
    const { served } = channelsOf(session);
    const name = nameOf(link, message.i);
    if (served.has(name)) return refuse(link, message, 'bad_message', 'i: a call of this id is being served');
    if (served.size >= callsPerSession)
      return refuse(
        link,
        message,
        'rate_limited',
        `calls of one session at once: ${callsPerSession}`,
        RETRY_UNAVAILABLE_MS,
      );

    const startedMs = clock.monotonicMs();
    const timeoutMs = Math.min(message.ms ?? spec.timeoutMs, spec.timeoutMs);
    const aborting = new AbortController();
    let over = false;

    /** The first to come decides: the handler, the deadline, the caller, or the end of the session. */
    function finish(outcome: Outcome): void {
      if (over) return;
      over = true;
      size--;
      timer.cancel();
      served.delete(name);
      if (outcome.kind === 'error') aborting.abort(new Error(outcome.code));
      telemetry.callServed(codeOf(outcome), clock.monotonicMs() - startedMs);
      // On the line that asked: its request ids mean nothing on another.
      if (!isClosed(link)) answer(link, message, outcome);
    }

    size++;
    const timer = clock.setTimer(timeoutMs, () =>
      finish({ kind: 'error', code: 'deadline_exceeded', detail: `not answered within ${timeoutMs} ms` }),
    );
    served.set(name, {
      cancel: () => finish({ kind: 'error', code: 'cancelled', detail: 'called off' }),
    });
    const { user, id, device } = session;
    const key = message.id ?? null;
    const caller = { user, session: id, device, key, signal: aborting.signal, timeoutMs };
    carryOut(spec, message.d, (input) => handler(input, caller)).then(finish, (error: unknown) => {
      telemetry.warn('call_failed', { call: spec.name, error: thrownText(error) });
      finish({ kind: 'error', code: 'internal', detail: 'the call failed' });
    });
  }

  function refuse(
    link: LinkState,
    { i }: Call,
    code: ErrorCode,
    detail: string,
    retryAfterMs?: number,
  ): void {
    telemetry.callServed(code, 0);
    sendError(context, link, code, detail, i, retryAfterMs);
  }

  function answer(link: LinkState, { i }: Call, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'output':
        context.flusher.send(link, controlFrame(withData(JSON.stringify({ t: 'ok', i }), outcome.text)));
        return;
      case 'failure':
        telemetry.error('call_failed');
        context.flusher.send(
          link,
          controlFrame(
            withData(
              JSON.stringify({
                t: 'err',
                code: 'call_failed',
                m: outcome.detail.slice(0, 512),
                i,
                n: outcome.name,
              }),
              outcome.text,
            ),
          ),
        );
        return;
      case 'error':
        telemetry.error(outcome.code);
        sendControl(context, link, {
          t: 'err',
          code: outcome.code,
          m: outcome.detail.slice(0, 512),
          i,
          ...(outcome.path === undefined ? {} : { path: outcome.path.slice(0, 256) }),
        });
    }
  }

  return {
    get size() {
      return size;
    },
    serve,
    cancel(link, session, { r }) {
      // A call that is answered already needs no answer to its end; one of another connection is not this one's.
      session.channels?.served.get(nameOf(link, r))?.cancel();
    },
    ended(session) {
      for (const call of [...(session.channels?.served.values() ?? [])]) call.cancel();
    },
  };
}

/** What a call goes by within its session: what an older connection asked for is served on, under a number of that one's. */
function nameOf({ connection }: LinkState, request: number): string {
  return `${connection.id}:${request}`;
}

function codeOf(outcome: Outcome): 'ok' | ErrorCode {
  if (outcome.kind === 'output') return 'ok';
  return outcome.kind === 'failure' ? 'call_failed' : outcome.code;
}

/** @throws what the handler throws, unless the contract declares it as an error of the call */
async function carryOut(
  spec: CallSpec,
  input: unknown,
  handler: (input: unknown) => unknown,
): Promise<Outcome> {
  const taken = await spec.validateInput(input);
  if (!taken.ok) return { kind: 'error', code: 'payload_invalid', detail: taken.detail, path: taken.path };
  let output: unknown;
  try {
    output = await handler(taken.value);
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    const validate = spec.errors.get(error.callError);
    if (validate === undefined) throw error;
    const data = await validate(error.data);
    if (!data.ok)
      throw new Error(`the data of the error ${error.callError} does not fit: ${data.detail}`, {
        cause: error,
      });
    return {
      kind: 'failure',
      name: error.callError,
      text: jsonText(data.value),
      detail: error.message,
    };
  }
  const given = await spec.validateOutput(output);
  if (!given.ok)
    throw new Error(
      `the output of ${spec.name} does not fit at ${JSON.stringify(given.path)}: ${given.detail}`,
    );
  return { kind: 'output', text: jsonText(given.value) };
}

/** Made here and not where it is sent: what an app's `toJSON` throws is a failure of the call like any other. */
function jsonText(value: unknown): string | undefined {
  return JSON.stringify(value);
}

function withData(head: string, text: string | undefined): string {
  return text === undefined ? head : `${head.slice(0, -1)},"d":${text}}`;
}
