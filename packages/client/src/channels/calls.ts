import { CarillonError } from '../carillon-error.ts';
import type { OutboxPart } from '../outbox/outbox-part.ts';
import { noOutbox } from './channel.ts';
import type { ChannelShell, OtherNews } from './channel-shell.ts';
import { toJson } from './json.ts';
import { rejected } from '../quiet.ts';
import { type Listeners, type Report, createListeners } from '../listeners.ts';

/** How long a call waits for its answer unless it says otherwise, ms. */
export const DEFAULT_CALL_MS = 10_000;

export type CallOptions = {
  /** How long to wait for the answer, ms, also for a connection; at most 10 minutes, absent: 10 s. */
  readonly timeoutMs?: number | undefined;
  /** Calls the call off when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Puts the call into the client's outbox: it outlives the page and is sent until it is answered, at least once. The function is
   * given the same key each time. `timeoutMs` is that of each attempt; a `signal` does not go with it. Absent: false.
   */
  readonly durable?: boolean | undefined;
};

/** What a handler is given beside the input, whatever the call. */
export type AnyHandlerContext = {
  /** How long the server waits, ms; null where it did not say. */
  readonly timeoutMs: number | null;
  /** Answers with an error of the app's. Never returns. */
  readonly fail: (code: string, data: unknown, message?: string) => never;
};

export type AnyHandler = (input: unknown, context: AnyHandlerContext) => unknown;

/** Which of a call's own errors a rejection is; undefined where it is none. */
export function callErrorOf(error: unknown): { readonly code: string; readonly data: unknown } | undefined {
  return error instanceof CarillonError && error.error !== undefined
    ? { code: error.error, data: error.data }
    : undefined;
}

/** Calls both ways, and broadcasts. */
export type Calls = {
  call(name: string, input: unknown, options?: CallOptions): Promise<unknown>;
  /** Serves a call of the server; a later handler takes the place of an earlier one. @returns serves it no more */
  onCall(name: string, handler: AnyHandler): () => void;
  onBroadcast(name: string, listener: (data: unknown) => void): () => void;
  take(news: OtherNews): void;
};

export function createCalls(
  shell: () => ChannelShell,
  report: Report,
  outbox: () => OutboxPart | undefined,
): Calls {
  const handlers = new Map<string, AnyHandler>();
  const broadcasts = new Map<string, Listeners<unknown>>();

  async function serve({ call, name, input, timeoutMs }: Extract<OtherNews, { do: 'serve' }>): Promise<void> {
    const handler = handlers.get(name);
    if (handler === undefined) return answer(call, null, 'call_unknown');
    try {
      const outcome = await outcomeOf(handler, input, timeoutMs);
      answer(call, outcome.data === undefined ? null : textOf(outcome.data), outcome.code, outcome.detail);
    } catch (error) {
      // What went wrong in the app is for the app alone.
      report(error);
      answer(call, null, 'internal');
    }
  }

  function answer(call: number, output: string | null, code?: string, detail?: string): void {
    shell().dispatch({ type: 'answer', call, output, code, detail });
  }

  return {
    call(name, input, { timeoutMs = DEFAULT_CALL_MS, signal, durable } = {}) {
      if (signal?.aborted === true) return rejected(new CarillonError('cancelled', ''));
      const text = input === undefined ? null : toJson(input);
      if (text instanceof CarillonError) return rejected(text);
      if (durable === true) return outbox()?.call({ name, input: text, timeoutMs }) ?? noOutbox();
      const { ticket, settled } = shell().ask((number) => ({
        type: 'call',
        ticket: number,
        name,
        input: text,
        timeoutMs,
      }));
      const cancel = (): void => shell().dispatch({ type: 'cancel', ticket });
      signal?.addEventListener('abort', cancel);
      const forget = (): void => signal?.removeEventListener('abort', cancel);
      settled.then(forget, forget);
      return settled;
    },
    onCall(name, handler) {
      handlers.set(name, handler);
      return () => {
        if (handlers.get(name) === handler) handlers.delete(name);
      };
    },
    onBroadcast(name, listener) {
      const listeners = broadcasts.get(name) ?? createListeners<unknown>(report);
      broadcasts.set(name, listeners);
      const remove = listeners.add(listener);
      return () => {
        remove();
        if (listeners.size === 0 && broadcasts.get(name) === listeners) broadcasts.delete(name);
      };
    },
    take(news) {
      if (news.do === 'broadcast') broadcasts.get(news.name)?.tell(news.data);
      else serve(news).catch(report);
    },
  };
}

type Outcome = { readonly data: unknown; readonly code?: string; readonly detail?: string };

/** What a handler returned, or handed to `fail`. @throws what else it threw */
async function outcomeOf(handler: AnyHandler, input: unknown, timeoutMs: number | null): Promise<Outcome> {
  try {
    return { data: await handler(input, { timeoutMs, fail }) };
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { data: error.data, code: error.callError, detail: error.message };
  }
}

/** @throws what cannot be written as JSON fails like the handler itself */
function textOf(output: unknown): string {
  const text = toJson(output);
  if (text instanceof CarillonError) throw text;
  return text;
}

type Failure = { readonly callError: string; readonly data: unknown; readonly message: string };

function fail(code: string, data: unknown, message: string = code): never {
  throw Object.assign(new Error(message), { callError: code, data });
}

function isFailure(error: unknown): error is Failure {
  return error instanceof Error && 'callError' in error;
}
