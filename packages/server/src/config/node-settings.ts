import type * as z from 'zod';
import { DEFAULT_SETTINGS, type NodeSettings } from '../runtime/node-options.ts';
import { contractFields } from './contract-settings.ts';
import { toAudience, toFieldSpecs } from './presence-settings.ts';
import type { configSchema } from './schema.ts';

/** The part of a configuration that the runtime works by. */
export function toNodeSettings(
  config: z.output<typeof configSchema>,
): Omit<NodeSettings, 'contract' | 'callHandlers' | 'feeds'> {
  const { contract, presence, sessions, channels, limits } = config;
  return {
    fields: contract === undefined ? toFieldSpecs(presence.fields) : contractFields(contract),
    audience: toAudience(presence.audience),
    followsOf: presence.followsOf ?? null,
    conflateMs: presence.conflateMs,
    graceMs: sessions.graceMs,
    heartbeatMs: sessions.heartbeatMs,
    loginTimeoutMs: sessions.loginTimeoutMs,
    stampMarginMs: DEFAULT_SETTINGS.stampMarginMs,
    messageRate: { perSecond: limits.messagesPerSecond, burst: limits.messageBurst },
    outbox: { heldControlUnits: limits.outboxBytes, heldFriends: limits.heldFriends },
    newSessionRate: { perSecond: limits.newSessionsPerSecond, burst: limits.newSessionBurst },
    sessionsPerUser: limits.sessionsPerUser,
    leasesPerUser: limits.httpStatusesPerUser,
    maxStatusTtlMs: limits.statusTtlMs,
    followsPerUser: limits.followsPerUser,
    subscriptionsPerSession: limits.subscriptionsPerSession,
    publicationsInFlight: limits.publicationsInFlight,
    callsPerSession: limits.callsPerSession,
    maxGrantMs: limits.grantMs,
    publishRightMs: channels.publishRightMs,
    roleKeptMs: channels.roleKeptMs,
    awarenessMs: channels.awarenessMs,
    topCheckMs: channels.topCheckMs,
    presenceAuditMs: presence.auditMs,
    revocationMs: sessions.revocationMs,
  };
}
