import type { ChannelsApi } from '../../runtime/channels/channels-api.ts';
import type { DocumentsApi } from '../../runtime/documents/documents-api.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';

/** The node of the moment: a restart puts another in its place, and who holds the server goes on with that. */
type Present = () => RealtimeNode;

/** What a test does with people and who follows whom. Each answers with a value or a code, as the rest of the server. */
export type RosterApi = Pick<
  RealtimeNode,
  | 'createUser'
  | 'follow'
  | 'unfollow'
  | 'block'
  | 'unblock'
  | 'setClose'
  | 'presenceOf'
  | 'setStatus'
  | 'clearStatus'
>;

export function presentRoster(node: Present): RosterApi {
  return {
    createUser: (user) => node().createUser(user),
    follow: (user, other) => node().follow(user, other),
    unfollow: (user, other) => node().unfollow(user, other),
    block: (user, other) => node().block(user, other),
    unblock: (user, other) => node().unblock(user, other),
    setClose: (user, other, close) => node().setClose(user, other, close),
    presenceOf: (user) => node().presenceOf(user),
    setStatus: (user, device, message, ttlMs) => node().setStatus(user, device, message, ttlMs),
    clearStatus: (user, device) => node().clearStatus(user, device),
  };
}

export function presentChannels(node: Present): ChannelsApi {
  return {
    publish: (request) => node().publish(request),
    history: (request) => node().history(request),
    entries: (channel, after, limit) => node().entries(channel, after, limit),
    channelInfo: (channel) => node().channelInfo(channel),
    members: (channel, after, limit) => node().members(channel, after, limit),
    channels: (after, limit) => node().channels(after, limit),
    broadcast: (name, data) => node().broadcast(name, data),
    subscribeUser: (user, channel, ttlMs, role) => node().subscribeUser(user, channel, ttlMs, role),
    recheckRole: (user, channel) => node().recheckRole(user, channel),
    unsubscribeUser: (user, channel) => node().unsubscribeUser(user, channel),
    grant: (user, channel, ttlMs, role) => node().grant(user, channel, ttlMs, role),
    disconnect: (user, session) => node().disconnect(user, session),
    revoke: (target) => node().revoke(target),
    sessionsOf: (user) => node().sessionsOf(user),
    session: (id) => node().session(id),
    ask: (target, name, input, timeoutMs) => node().ask(target, name, input, timeoutMs),
  };
}

export function presentDocuments(node: Present): DocumentsApi {
  return {
    limits: (channel) => node().documents.limits(channel),
    sizes: () => node().documents.sizes(),
    state: (channel) => node().documents.state(channel),
    json: (channel) => node().documents.json(channel),
    edit: (channel, request) => node().documents.edit(channel, request),
    import: (channel, update, by) => node().documents.import(channel, update, by),
    authors: (channel) => node().documents.authors(channel),
    versions: (channel, before, limit) => node().documents.versions(channel, before, limit),
    saveVersion: (channel, name, by) => node().documents.saveVersion(channel, name, by),
    version: (channel, id) => node().documents.version(channel, id),
    versionJson: (channel, id) => node().documents.versionJson(channel, id),
    diff: (channel, id, other) => node().documents.diff(channel, id, other),
    restore: (channel, id, by) => node().documents.restore(channel, id, by),
    removeVersion: (channel, id) => node().documents.removeVersion(channel, id),
    delete: (channel) => node().documents.delete(channel),
  };
}
