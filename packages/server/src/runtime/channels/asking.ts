import type { Reply } from '@carillon/protocol';
import type { CallSpec } from '../../core/channel/channel-spec.ts';
import { controlFrame } from '../../core/outbox/frame.ts';
import { type NodeContext, sendError } from '../context.ts';
import type { LinkState, LocalSession } from '../link-state.ts';
import { failed, succeed } from '../outcome.ts';
import type { Answer, ChannelsApi } from './channels-api.ts';
import { type AskedReply, channelsOf } from '../link-state.ts';
import { check, jsonOf } from './validating.ts';

/** Calls of the server to clients that wait for their answers. */
export type Asking = Pick<ChannelsApi, 'ask'> & {
  readonly size: number;
  reply(link: LinkState, session: LocalSession, message: Reply): void;
  /** The session's connection is gone: whether what it was asked was carried out is not known. */
  gone(session: LocalSession): void;
};

export function createAsking(context: NodeContext): Asking {
  const { clock, telemetry } = context.ports;
  const { contract, callsPerSession } = context.settings;
  let size = 0;

  async function askOne(
    session: LocalSession,
    spec: CallSpec,
    /** As JSON; '' where there is none. */
    input: string,
    timeoutMs: number,
  ): Promise<Answer> {
    const { link } = session;
    const channels = channelsOf(session);
    if (link === null || link.phase !== 'live' || channels.asked.size >= callsPerSession)
      return refusal(session, 'session_unknown');
    const number = ++channels.lastAsk;
    const replied = Promise.withResolvers<AskedReply | 'late'>();
    channels.asked.set(number, replied.resolve);
    size++;
    const timer = clock.setTimer(timeoutMs, () => replied.resolve('late'));
    const head = JSON.stringify({ t: 'call', i: number, n: spec.name, ms: timeoutMs });
    context.flusher.send(link, controlFrame(input === '' ? head : `${head.slice(0, -1)},"d":${input}}`));
    const reply = await replied.promise;
    size--;
    timer.cancel();
    channels.asked.delete(number);
    if (reply === 'late') return refusal(session, 'deadline_exceeded');
    if (reply.kind === 'gone') return refusal(session, 'session_unknown');
    return answerOf(session, spec, reply);
  }

  async function answerOf(
    session: LocalSession,
    spec: CallSpec,
    { d, code }: Extract<AskedReply, { kind: 'reply' }>,
  ): Promise<Answer> {
    const validate = code === undefined ? spec.validateOutput : spec.errors.get(code);
    // What the contract does not declare is not handed to the app as if it did.
    if (validate === undefined) return refusal(session, 'payload_invalid');
    const checked = await check(clock, validate, d);
    if (!checked.ok) return refusal(session, 'payload_invalid');
    telemetry.clientCall(code === undefined ? 'ok' : 'call_failed');
    return code === undefined
      ? { session: session.id, ok: true, output: checked.value }
      : { session: session.id, ok: false, code: 'call_failed', error: code, data: checked.value };
  }

  function refusal(
    { id }: LocalSession,
    code: 'deadline_exceeded' | 'session_unknown' | 'payload_invalid',
  ): Answer {
    telemetry.clientCall(code);
    return { session: id, ok: false, code, error: null, data: undefined };
  }

  return {
    get size() {
      return size;
    },
    async ask(target, name, input, timeoutMs) {
      const spec = contract.clientCalls.get(name);
      if (spec === undefined) return failed('call_unknown', `${JSON.stringify(name)} is not in the contract`);
      if (timeoutMs !== undefined && !(Number.isInteger(timeoutMs) && timeoutMs >= 1))
        return failed('bad_message', 'timeoutMs: a whole number of at least 1');
      const taken = await check(clock, spec.validateInput, input);
      if (!taken.ok) return failed(taken.code, `${taken.path}: ${taken.detail}`);
      // Once for all, and before anything waits for an answer: an app's `toJSON` may throw.
      const text = taken.value === undefined ? '' : jsonOf(taken.value);
      if (text === undefined) return failed('payload_invalid', 'no JSON value');
      const sessions =
        'session' in target
          ? [context.sessions.get(target.session)].filter((session) => session !== undefined)
          : [...(context.sessionsOf.get(target.user) ?? [])];
      const connected = sessions.filter(({ link }) => link?.phase === 'live');
      if (connected.length === 0) return failed('session_unknown', 'nobody is connected');
      const waitMs = Math.min(timeoutMs ?? spec.timeoutMs, spec.timeoutMs);
      return succeed(await Promise.all(connected.map((session) => askOne(session, spec, text, waitMs))));
    },
    reply(link, session, { r, d, code }) {
      const resolve = session.channels?.asked.get(r);
      if (resolve === undefined)
        return sendError(context, link, 'reply_unknown', `no call ${r} waits for an answer`);
      session.channels?.asked.delete(r);
      resolve({ kind: 'reply', d, code });
    },
    gone(session) {
      for (const resolve of [...(session.channels?.asked.values() ?? [])]) resolve({ kind: 'gone' });
    },
  };
}
