import type { Outcome, RealtimeNode } from '@carillon/server/simulation';
import type { NodeProcess } from '../node/node-process.ts';
import { type Plan, type VirtualTime, createOwner } from '../time/virtual-time.ts';

/** A request to the HTTP API, sent again until it is answered for good: what is asked for may happen more than once. */
export type ApiCall = {
  /** Calls about the same thing follow each other. `*`: about everything. */
  readonly about: string;
  /** For people who read what happened. */
  readonly name: string;
  begin(): void;
  run(node: RealtimeNode): Promise<Outcome<unknown>>;
  done(): void;
  refused(code: string): void;
};

/** The app's own server: whoever edits rosters and sets statuses. */
export type ApiCaller = {
  ask(call: ApiCall): void;
  /** Requests under way will not be answered any more: they are sent again. */
  nodeDied(): void;
  readonly unanswered: number;
};

const RETRY_MS = 500;

export function createApiCaller(
  time: VirtualTime,
  process: () => NodeProcess,
  onNote?: (text: string) => void,
): ApiCaller {
  const owner = createOwner('api caller');
  const waiting: ApiCall[] = [];
  const underWay = new Map<ApiCall, { attempt: number; retry: Plan | null }>();

  function mayBegin(call: ApiCall, before: readonly ApiCall[]): boolean {
    return [...underWay.keys(), ...before].every(
      (other) => other.about !== '*' && call.about !== '*' && other.about !== call.about,
    );
  }

  function beginWhatMay(): void {
    for (let i = 0; i < waiting.length; i++) {
      const call = waiting[i] as ApiCall;
      if (!mayBegin(call, waiting.slice(0, i))) continue;
      waiting.splice(i--, 1);
      underWay.set(call, { attempt: 0, retry: null });
      call.begin();
      send(call);
    }
  }

  function send(call: ApiCall): void {
    const state = underWay.get(call);
    const { node } = process();
    if (state === undefined) return;
    const attempt = ++state.attempt;
    state.retry = null;
    onNote?.(`api: ${call.name}, attempt ${attempt}`);
    if (node === null) return sendAgain(call);
    void call.run(node).then((outcome) => {
      if (state.attempt !== attempt || !underWay.has(call)) return;
      if (!outcome.ok && outcome.code === 'unavailable') return sendAgain(call);
      underWay.delete(call);
      onNote?.(`api: ${call.name}: ${outcome.ok ? 'ok' : outcome.code}`);
      if (outcome.ok) call.done();
      else call.refused(outcome.code);
      beginWhatMay();
    });
  }

  function sendAgain(call: ApiCall): void {
    const state = underWay.get(call);
    if (state !== undefined) state.retry ??= time.plan(RETRY_MS, owner, () => send(call));
  }

  return {
    ask(call) {
      waiting.push(call);
      beginWhatMay();
    },
    nodeDied() {
      for (const [call, state] of underWay) {
        state.attempt++;
        sendAgain(call);
      }
    },
    get unanswered() {
      return waiting.length + underWay.size;
    },
  };
}
