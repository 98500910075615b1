import { MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE, isRole, isUserId, type Role } from '@carillon/protocol';
import { positionOf } from '../../core/channel/feed.ts';
import type { Matched } from '../../core/channel/patterns.ts';
import { EVERYONE_TOPIC, inboxTopic } from '../../ports/broker.ts';
import type { NodeContext } from '../context.ts';
import type { LocalSession } from '../link-state.ts';
import type { Outcome } from '../node-api.ts';
import { failed, invalidUser, run, succeed } from '../outcome.ts';
import type { Asking } from './asking-face.ts';
import type { ChannelParts } from './channel-parts.ts';
import type { ChannelsApi, SessionInfo } from './channels-api.ts';
import { logOf } from './log-of.ts';
import { wrongValues } from './draft.ts';
import type { Publisher } from './publishing.ts';
import { ownerOf } from './rule-rights.ts';
import { check, jsonOf } from './validating.ts';

/** What the app does with channels, from its own process or over HTTP. */
export function createChannelOperations(
  context: NodeContext,
  parts: ChannelParts,
  publisher: Publisher,
  asking: Asking,
): ChannelsApi {
  const { broker, clock, grants, members: list, revocations } = context.ports;
  const { contract, maxGrantMs, revocationMs } = context.settings;

  /** Runs an operation on a channel that the contract declares. */
  function onChannel<T>(
    name: string,
    operation: (matched: Matched) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const matched = parts.patterns.match(name);
    if (!matched.ok) return Promise.resolve(failed(matched.code, matched.detail));
    return run(context, () => operation(matched));
  }

  function wrongLimit(limit: number): Outcome<never> | undefined {
    return Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE
      ? undefined
      : failed('bad_message', `limit: a whole number from 1 to ${MAX_PAGE_SIZE}`);
  }

  async function signGrant(
    user: string,
    channel: string,
    ttlMs: number,
    role: Role | undefined,
  ): Promise<Outcome<{ readonly grant: string; readonly expiresAtMs: number }>> {
    const matched = parts.patterns.match(channel);
    if (!matched.ok) return failed(matched.code, matched.detail);
    const wrong = wrongRole(matched, role);
    if (wrong !== undefined) return wrong;
    const owner = ownerOf(matched);
    if (owner !== undefined && owner !== user)
      return failed('forbidden', 'the channel belongs to another user');
    if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > maxGrantMs)
      return failed('bad_message', `ttlMs: a whole number from 1 to ${maxGrantMs}`);
    const expiresAtMs = clock.nowMs() + ttlMs;
    const given = matched.spec.kind === 'document' ? (role ?? 'read') : null;
    return succeed({ grant: await grants.sign({ user, channel, expiresAtMs, role: given }), expiresAtMs });
  }

  function wrongRole({ spec }: Matched, role: Role | undefined): Outcome<never> | undefined {
    if (spec.beside !== null)
      return failed(
        'kind_mismatch',
        `the right to it is the role on the document: grant that (${spec.beside})`,
      );
    if (role === undefined) return undefined;
    if (spec.kind !== 'document') return failed('kind_mismatch', 'only documents have roles');
    return isRole(role) && role !== 'none'
      ? undefined
      : failed('bad_message', 'role: expected read, comment or write');
  }

  function infoOf(session: LocalSession): SessionInfo {
    return {
      session: session.id,
      user: session.user,
      device: session.device,
      ...(session.name === null ? {} : { name: session.name }),
      connected: session.link !== null,
      channels: [...(session.channels?.subscriptions.keys() ?? [])],
    };
  }

  return {
    publish: ({ channel, data, key, del, version, ttlMs, id, ref, expect }) =>
      onChannel(channel, async (matched) => {
        const draft = {
          channel,
          data,
          key,
          version,
          ttlMs,
          id,
          // Lanes are a client's: a server that repeats itself does so within the window of `id`.
          queue: undefined,
          number: undefined,
          expect,
          del: del === true,
          by: null,
          echo: undefined,
          ref,
          eventMs: undefined,
          scope: undefined,
        };
        const wrong = wrongValues(draft);
        if (wrong !== undefined) return failed(wrong.code, wrong.detail);
        const result = await publisher.publish(draft, matched);
        if (!result.ok) {
          const { code, detail, path, top, retryAfterMs } = result;
          return { ok: false, code, detail, particulars: { path, position: top, retryAfterMs } };
        }
        const { epoch, offset } = result.position ?? { epoch: '', offset: 0 };
        return succeed({ epoch, offset, duplicate: result.duplicate, outdated: result.outdated });
      }),

    history: ({ channel, offset, reverse, limit, sinceMs }) =>
      onChannel(channel, async ({ spec }) => {
        if (spec.kind === 'signal') return failed('kind_mismatch', 'a signal has no history');
        const size = limit ?? DEFAULT_PAGE_SIZE;
        const wrong = wrongLimit(size);
        if (wrong !== undefined) return wrong;
        const query = {
          offset: offset ?? null,
          reverse: reverse === true,
          limit: size,
          sinceMs: sinceMs ?? null,
        };
        return succeed(await logOf(context, spec).history(channel, query, spec.retention, clock.nowMs()));
      }),

    entries: (channel, after, limit) =>
      onChannel(channel, async ({ spec }) => {
        if (spec.kind !== 'map') return failed('kind_mismatch', 'only maps have entries');
        return wrongLimit(limit) ?? succeed(await logOf(context, spec).entries(channel, after, limit));
      }),

    channelInfo: (name) =>
      onChannel(name, async ({ spec }) => {
        const channel = parts.hub.get(name);
        const feed = channel?.feed ?? null;
        const position =
          spec.kind === 'signal'
            ? null
            : feed === null
              ? await logOf(context, spec).top(name)
              : positionOf(feed);
        return succeed({
          channel: name,
          pattern: spec.pattern,
          kind: spec.kind,
          position,
          subscribers: channel?.subscriptions.size ?? 0,
          members: spec.members ? (await list.count(name)).count : null,
        });
      }),

    members: (name, after, limit) =>
      onChannel(name, async ({ spec }) => {
        if (!spec.members) return failed('kind_mismatch', 'the contract declares no members of this channel');
        return wrongLimit(limit) ?? succeed(await list.page(name, after, limit));
      }),

    async channels(after, limit) {
      const wrong = wrongLimit(limit);
      if (wrong !== undefined) return wrong;
      const { names, next } = parts.hub.occupied(after, limit);
      return succeed({ channels: names, next });
    },

    broadcast: (name, data) =>
      run(context, async () => {
        const validate = contract.broadcasts.get(name);
        if (validate === undefined)
          return failed('channel_unknown', `the contract declares no broadcast ${JSON.stringify(name)}`);
        const checked = await check(clock, validate, data);
        if (!checked.ok)
          return { ...failed(checked.code, checked.detail), particulars: { path: checked.path } };
        const text = jsonOf(checked.value ?? null);
        if (text === undefined) return failed('payload_invalid', 'no JSON value');
        await broker.publish(EVERYONE_TOPIC, { kind: 'broadcast', name, data: text });
        return succeed(undefined);
      }),

    grant: async (user, channel, ttlMs, role) =>
      invalidUser(user) ?? run(context, () => signGrant(user, channel, ttlMs, role)),

    subscribeUser: async (user, channel, ttlMs, role) =>
      invalidUser(user) ??
      run(context, async () => {
        const signed = await signGrant(user, channel, ttlMs, role);
        if (!signed.ok) return signed;
        await broker.publish(inboxTopic(user), {
          kind: 'subscription',
          user,
          channel,
          grant: signed.value.grant,
        });
        return succeed(undefined);
      }),

    unsubscribeUser: async (user, channel) =>
      invalidUser(user) ??
      onChannel(channel, async () => {
        await broker.publish(inboxTopic(user), { kind: 'subscription', user, channel, grant: null });
        return succeed(undefined);
      }),

    recheckRole: async (user, channel) =>
      (user === null ? undefined : invalidUser(user)) ??
      onChannel(channel, async ({ spec }) => {
        if (spec.kind !== 'document') return failed('kind_mismatch', 'only documents have roles');
        return (await parts.roles.recheck(channel, user))
          ? succeed(undefined)
          : failed('unavailable', 'the rule could not be asked about everybody: it is asked again');
      }),

    async disconnect(user, session) {
      const invalid = invalidUser(user);
      if (invalid !== undefined) return invalid;
      let disconnected = 0;
      for (const { id, link } of [...(context.sessionsOf.get(user) ?? [])]) {
        if (link === null || (session !== undefined && id !== session)) continue;
        context.closeLink(link, 'disconnected');
        disconnected++;
      }
      return succeed({ disconnected });
    },

    revoke: async (target) =>
      invalidUser(target.user) ??
      run(context, async () => {
        const nowMs = clock.nowMs();
        const tokenId = 'tokenId' in target ? target.tokenId : null;
        if (tokenId === '') return failed('bad_message', 'tokenId: expected the `jti` of a token');
        await revocations.revoke(
          tokenId === null
            ? { kind: 'user', user: target.user, issuedUpToMs: nowMs }
            : { kind: 'token', tokenId },
          nowMs + revocationMs,
        );
        // Behind what is remembered: whoever logs in from here on is refused, and whoever did before is ended.
        await broker.publish(inboxTopic(target.user), {
          kind: 'end',
          user: target.user,
          reason: 'revoked',
          tokenId,
        });
        return succeed(undefined);
      }),

    sessionsOf: async (user) =>
      isUserId(user)
        ? succeed([...(context.sessionsOf.get(user) ?? [])].map(infoOf))
        : failed('user_id_invalid', 'not a valid user id'),

    async session(id) {
      const session = context.sessions.get(id);
      return session === undefined ? failed('session_unknown', 'no such session') : succeed(infoOf(session));
    },

    ask: asking.ask,
  };
}
