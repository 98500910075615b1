import type { CallSpec } from '../../core/channel/channel-spec.ts';
import { controlFrame } from '../../core/outbox/frame.ts';
import { type NodeContext, sendError } from '../context.ts';
import type { LocalSession } from '../link-state.ts';
import { failed, run, succeed } from '../outcome.ts';
import type { Asking, AskTarget, CollectElsewhere, RawAnswer } from './asking-face.ts';
import type { Answer } from './channels-api.ts';
import { type AskedReply, channelsOf } from '../link-state.ts';
import { check, jsonOf } from './validating.ts';

export function createAsking(context: NodeContext, elsewhere: CollectElsewhere | null): Asking {
  const { clock, telemetry } = context.ports;
  const { contract, callsPerSession } = context.settings;
  let size = 0;

  async function collectOne(
    session: LocalSession,
    name: string,
    input: string,
    timeoutMs: number,
  ): Promise<RawAnswer> {
    const { link } = session;
    const channels = channelsOf(session);
    if (link === null || link.phase !== 'live' || channels.asked.size >= callsPerSession)
      return { session: session.id, reply: 'gone' };
    const number = ++channels.lastAsk;
    const replied = Promise.withResolvers<AskedReply | 'late'>();
    channels.asked.set(number, replied.resolve);
    size++;
    const timer = clock.setTimer(timeoutMs, () => replied.resolve('late'));
    const head = JSON.stringify({ t: 'call', i: number, n: name, ms: timeoutMs });
    context.flusher.send(link, controlFrame(input === '' ? head : `${head.slice(0, -1)},"d":${input}}`));
    const reply = await replied.promise;
    size--;
    timer.cancel();
    channels.asked.delete(number);
    if (reply === 'late' || reply.kind === 'gone')
      return { session: session.id, reply: reply === 'late' ? 'late' : 'gone' };
    return { session: session.id, reply: { d: reply.d, code: reply.code } };
  }

  async function collect(
    target: AskTarget,
    name: string,
    input: string,
    timeoutMs: number,
  ): Promise<readonly RawAnswer[]> {
    const sessions =
      'session' in target
        ? [context.sessions.get(target.session)].filter((session) => session !== undefined)
        : [...(context.sessionsOf.get(target.user) ?? [])];
    const connected = sessions.filter(({ link }) => link?.phase === 'live');
    return Promise.all(connected.map((session) => collectOne(session, name, input, timeoutMs)));
  }

  /** Holds what a session answered against the contract. */
  async function judge(spec: CallSpec, { session, reply }: RawAnswer): Promise<Answer> {
    if (reply === 'late') return refusal(session, 'deadline_exceeded');
    if (reply === 'gone') return refusal(session, 'session_unknown');
    const { code } = reply;
    const validate = code === undefined ? spec.validateOutput : spec.errors.get(code);
    // What the contract does not declare is not handed to the app as if it did.
    if (validate === undefined) return refusal(session, 'payload_invalid');
    const checked = await check(clock, validate, reply.d);
    if (!checked.ok) return refusal(session, 'payload_invalid');
    telemetry.clientCall(code === undefined ? 'ok' : 'call_failed');
    return code === undefined
      ? { session, ok: true, output: checked.value }
      : { session, ok: false, code: 'call_failed', error: code, data: checked.value };
  }

  function refusal(
    session: string,
    code: 'deadline_exceeded' | 'session_unknown' | 'payload_invalid',
  ): Answer {
    telemetry.clientCall(code);
    return { session, ok: false, code, error: null, data: undefined };
  }

  return {
    get size() {
      return size;
    },
    collect,
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
      const waitMs = Math.min(timeoutMs ?? spec.timeoutMs, spec.timeoutMs);
      return run(context, async () => {
        const [here, there] = await Promise.all([
          collect(target, name, text, waitMs),
          elsewhere?.(target, name, text, waitMs) ?? [],
        ]);
        if (here.length + there.length === 0) return failed('session_unknown', 'nobody is connected');
        return succeed(await Promise.all([...here, ...there].map((raw) => judge(spec, raw))));
      });
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
