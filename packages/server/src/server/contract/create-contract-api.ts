import type { Contract } from '@carillon/contract';
import { channelName, DEFAULT_PAGE_SIZE, type Role } from '@carillon/protocol';
import type { MapEntry, Publication } from '../../ports/log.ts';
import type { Answer, ChannelsApi } from '../../runtime/channels/channels-api.ts';
import type { DocumentsApi } from '../../runtime/documents/documents-api.ts';
import type { Outcome } from '../../runtime/node-api.ts';
import type {
  AnswerOf,
  ContractApi,
  HistoryOptions,
  KeptEntry,
  KeptPublication,
  MapPublishOptions,
  PageOptions,
  PublishOptions,
  SignalPublishOptions,
} from './contract-api.ts';
import { createDocumentApi } from './document-api.ts';

type Params = Readonly<Record<string, string>>;
type AnyOptions = Partial<PublishOptions & MapPublishOptions & SignalPublishOptions>;

/** Everything of the node that goes by channels and calls, in the words of any contract; its type says of which. */
export function createContractApi(node: ChannelsApi, documents: DocumentsApi): ContractApi<Contract> {
  /** Runs an operation on the channel that a pattern stands for. */
  function on<T>(
    pattern: string,
    params: Params,
    operation: (channel: string) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const named = channelName(pattern, params);
    return named.ok
      ? operation(named.name)
      : Promise.resolve({ ok: false, code: 'channel_invalid', detail: named.detail });
  }

  return {
    publish: (pattern, params, data, options: AnyOptions = {}) =>
      on(pattern, params, (channel) => node.publish({ ...options, channel, data })),
    deleteKey: (pattern, params, key, options = {}) =>
      on(pattern, params, (channel) => node.publish({ ...options, channel, key, del: true })),
    history: (pattern, params, options: HistoryOptions = {}) =>
      on(pattern, params, async (channel) => {
        const page = await node.history({ ...options, channel });
        if (!page.ok) return page;
        const { top, publications, more } = page.value;
        return { ok: true, value: { top, publications: publications.map(kept), more } };
      }),
    entries: (pattern, params, { after = null, limit = DEFAULT_PAGE_SIZE }: PageOptions = {}) =>
      on(pattern, params, async (channel) => {
        const page = await node.entries(channel, after, limit);
        if (!page.ok) return page;
        const { top, entries, next } = page.value;
        return { ok: true, value: { top, entries: entries.map(entry), next } };
      }),
    channelInfo: (pattern, params) => on(pattern, params, (channel) => node.channelInfo(channel)),
    members: (pattern, params, { after = null, limit = DEFAULT_PAGE_SIZE }: PageOptions = {}) =>
      on(pattern, params, (channel) => node.members(channel, after, limit)),
    document: (pattern, params) =>
      createDocumentApi(documents, (operation) => on(pattern, params, operation)),
    broadcast: (name, data) => node.broadcast(name, data),
    ask: async (target, name, input, { timeoutMs } = {}) => {
      const asked = await node.ask(target, name, input, timeoutMs);
      return asked.ok ? { ok: true, value: asked.value.map(answer) } : asked;
    },
    grant: (user, pattern, params, ttlMs, role?: Role) =>
      on(pattern, params, (channel) => node.grant(user, channel, ttlMs, role)),
    subscribeUser: (user, pattern, params, ttlMs, role?: Role) =>
      on(pattern, params, (channel) => node.subscribeUser(user, channel, ttlMs, role)),
    recheckRole: (user, pattern, params) => on(pattern, params, (channel) => node.recheckRole(user, channel)),
    unsubscribeUser: (user, pattern, params) =>
      on(pattern, params, (channel) => node.unsubscribeUser(user, channel)),
    disconnect: node.disconnect,
    revoke: node.revoke,
    sessionsOf: node.sessionsOf,
    session: node.session,
  };
}

/** What the contract of its day made of the payload; nobody checks it anew. */
function kept({ data, ...publication }: Publication): KeptPublication<unknown> {
  return { ...publication, data: data === null ? null : (JSON.parse(data) as unknown) };
}

function entry({ data, key, ...publication }: MapEntry): KeptEntry<unknown> {
  return { ...kept({ ...publication, data, key }), data: JSON.parse(data) as unknown, key };
}

function answer(given: Answer): AnswerOf<never> {
  const { session } = given;
  if (given.ok) return { session, ok: true, output: given.output as never };
  // Only an error that the contract declares comes as `call_failed`: anything else is `payload_invalid`.
  return given.code === 'call_failed'
    ? { session, ok: false, code: 'call_failed', error: { code: given.error, data: given.data } as never }
    : { session, ok: false, code: given.code };
}
