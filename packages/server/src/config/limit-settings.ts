import { DEFAULT_MESSAGE_BYTES } from '@carillon/protocol';
import * as z from 'zod';
import { LANE_LIMITS, type LaneLimits } from '../core/channel/lane-marks.ts';
import { DEFAULT_SETTINGS } from '../runtime/node-options.ts';
import { whole } from './setting.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

export const sessionsSchema = z.strictObject({
  graceMs: whole(
    'How long a session waits for its client after the connection dropped; friends see nothing until then.',
    DEFAULT_SETTINGS.graceMs,
    0,
    24 * HOUR,
  ),
  heartbeatMs: whole(
    'How often the server asks whether a client is still there; two misses end the connection.',
    DEFAULT_SETTINGS.heartbeatMs,
    100,
    HOUR,
  ),
  loginTimeoutMs: whole(
    'A connection without a login for this long is closed.',
    DEFAULT_SETTINGS.loginTimeoutMs,
    100,
    10 * 60 * SECOND,
  ),
  revocationMs: whole(
    'How long a revocation is remembered: no shorter than login tokens are good.',
    DEFAULT_SETTINGS.revocationMs,
    60 * SECOND,
    3_650 * 24 * HOUR,
  ),
});

export const channelsSchema = z.strictObject({
  publishRightMs: whole(
    'How long the right to publish lasts that an `authorize` rule gave without a time of its own.',
    DEFAULT_SETTINGS.publishRightMs,
    SECOND,
    24 * HOUR,
  ),
  roleKeptMs: whole(
    'How long somebody keeps their role on a document where nobody can be asked about it again; then the subscription ends.',
    DEFAULT_SETTINGS.roleKeptMs,
    0,
    24 * HOUR,
  ),
  awarenessMs: whole(
    'How often a node tells again who is in its documents; what it does not tell again goes from other nodes a grace later.',
    DEFAULT_SETTINGS.awarenessMs,
    SECOND,
    25 * SECOND,
  ),
  topCheckMs: whole(
    'How often what a node has of its channels is compared with the log, for a broker loses silently.',
    DEFAULT_SETTINGS.topCheckMs,
    100,
    HOUR,
  ),
});

/**
 * Every bound that can be moved. docs/limits.md lists them, and a test keeps the two equal.
 */
export const limitsSchema = z.strictObject({
  messageBytes: whole(
    'The largest message from a client; a larger one closes the connection (1009). A login token alone may take 8 KB.',
    DEFAULT_MESSAGE_BYTES,
    KIB,
    16 * MIB,
  ),
  messagesPerSecond: whole(
    'Messages a connection may send on average; more are answered `rate_limited`.',
    DEFAULT_SETTINGS.messageRate.perSecond,
    1,
    100_000,
  ),
  messageBurst: whole(
    'Messages a connection may send at once.',
    DEFAULT_SETTINGS.messageRate.burst,
    1,
    1_000_000,
  ),
  connections: whole(
    'Connections of this node; more are refused with 503 before the upgrade.',
    100_000,
    1,
    10_000_000,
  ),
  connectionsPerAddress: whole(
    'Connections from one address, trusted proxies resolved; more are refused with 429 before the upgrade.',
    1_000,
    1,
    10_000_000,
  ),
  connectsPerSecond: whole(
    'Connections that one address may open on average; more are refused with 429 before the upgrade.',
    200,
    1,
    1_000_000,
  ),
  connectBurst: whole(
    'Connections that one address may open at once; never fewer than `limits.connectionsPerAddress`.',
    20_000,
    1,
    10_000_000,
  ),
  outboxBytes: whole(
    'What is held back for a client that does not read, presence apart; beyond it the connection is closed as `slow_consumer`.',
    DEFAULT_SETTINGS.outbox.heldControlUnits,
    16 * KIB,
    256 * MIB,
  ),
  heldFriends: whole(
    'Friends whose changes are held one by one for a client that does not read; beyond it the client gets one full sync.',
    DEFAULT_SETTINGS.outbox.heldFriends,
    0,
    1_000_000,
  ),
  newSessionsPerSecond: whole(
    'Sessions that one user may begin on average; more are answered `rate_limited`. A resume begins none.',
    DEFAULT_SETTINGS.newSessionRate.perSecond,
    1,
    100_000,
  ),
  newSessionBurst: whole(
    'Sessions that one user may begin at once.',
    DEFAULT_SETTINGS.newSessionRate.burst,
    1,
    1_000_000,
  ),
  sessionsPerUser: whole(
    'Sessions of one user, those in their grace included.',
    DEFAULT_SETTINGS.sessionsPerUser,
    1,
    100_000,
  ),
  httpStatusesPerUser: whole(
    'Devices of one user whose status was set over HTTP.',
    DEFAULT_SETTINGS.leasesPerUser,
    1,
    10_000,
  ),
  statusTtlMs: whole(
    'The longest time to live of a status set over HTTP.',
    DEFAULT_SETTINGS.maxStatusTtlMs,
    SECOND,
    30 * 24 * HOUR,
  ),
  followsPerUser: whole(
    'People that one user follows; an import leaves out what goes beyond.',
    DEFAULT_SETTINGS.followsPerUser,
    1,
    10_000_000,
  ),
  subscriptionsPerSession: whole(
    'Channels that one session is subscribed to; one more is refused with `limit_reached`.',
    DEFAULT_SETTINGS.subscriptionsPerSession,
    1,
    100_000,
  ),
  publicationsInFlight: whole(
    'Publications of one connection that wait for a schema, a rule or the disk; more are `rate_limited`.',
    DEFAULT_SETTINGS.publicationsInFlight,
    1,
    10_000,
  ),
  laneDays: whole(
    'Days behind its last number for which a lane is remembered, so that what a client sends again after so long is not published twice.',
    LANE_LIMITS.laneMs / DAY,
    1,
    365,
  ),
  lanesPerUser: whole(
    'Lanes of one user on one channel; one more is refused with `limit_reached`.',
    LANE_LIMITS.lanesPerUser,
    1,
    100_000,
  ),
  lanes: whole(
    'Lanes of all channels that this process keeps itself, in memory or in SQLite; one more is refused with `limit_reached`.',
    LANE_LIMITS.lanes,
    1,
    100_000_000,
  ),
  callsPerSession: whole(
    'Calls of one session that are served at once, and as many to it that wait for their answer; more are `rate_limited`.',
    DEFAULT_SETTINGS.callsPerSession,
    1,
    10_000,
  ),
  grantMs: whole(
    'The longest that a grant to subscribe is good.',
    DEFAULT_SETTINGS.maxGrantMs,
    SECOND,
    365 * 24 * HOUR,
  ),
  requestBytes: whole('The largest JSON body of an HTTP request.', 16 * KIB, KIB, 16 * MIB),
  lineBytes: whole(
    'The largest request of a client that has no WebSocket (`/sse`, `/poll`), and what such requests may hold while they wait for one that they overtook.',
    128 * KIB,
    KIB,
    256 * MIB,
  ),
  lineBytesPerSecond: whole(
    'Bytes of such requests that one address may send on average, each counted as 1 KiB at least; more are answered 429 `rate_limited`.',
    16 * MIB,
    KIB,
    1024 * MIB,
  ),
  lineBytesBurst: whole(
    'Bytes of such requests that one address may send at once; never fewer than `limits.lineBytes`.',
    64 * MIB,
    KIB,
    4096 * MIB,
  ),
  sseKeepAliveMs: whole(
    'The longest that a stream says nothing: then a comment is sent, for proxies end what is silent.',
    8 * SECOND,
    100,
    HOUR,
  ),
  pollWaitMs: whole(
    'The longest that a poll waits for something to answer with.',
    25 * SECOND,
    100,
    10 * 60 * SECOND,
  ),
  pollGapMs: whole(
    'A client that polls for its messages is taken for gone when it has not for this long.',
    30 * SECOND,
    100,
    HOUR,
  ),
  ticketStreams: whole(
    'Streams by ticket of one user on this node; more are refused with `limit_reached`.',
    16,
    1,
    10_000,
  ),
  publicationBytes: whole(
    'The largest HTTP request that carries a payload: a publication, a broadcast, a call. What a channel takes, the contract says.',
    256 * KIB,
    KIB,
    256 * MIB,
  ),
  batchBytes: whole(
    'The largest HTTP request about many things: a batch, or the presence of many users.',
    MIB,
    KIB,
    256 * MIB,
  ),
  eventsBytes: whole('The largest `POST /v1/events`.', 4 * MIB, KIB, 256 * MIB),
  eventsInFlight: whole(
    'Events of `POST /v1/events` that wait to be kept, of all requests together; more are answered `rate_limited`.',
    10_000,
    1,
    1_000_000,
  ),
  eventsWaitMs: whole(
    'An event of `POST /v1/events` that is not kept after so long is answered `unavailable`.',
    10_000,
    10,
    10 * 60 * SECOND,
  ),
  importBytes: whole('The largest import over HTTP, after unpacking.', 1024 * MIB, KIB, 64 * 1024 * MIB),
});

/** The limits of lanes as logs take them. */
export function toLaneLimits({
  laneDays,
  lanesPerUser,
  lanes,
}: Pick<z.output<typeof limitsSchema>, 'laneDays' | 'lanesPerUser' | 'lanes'>): LaneLimits {
  return { laneMs: laneDays * DAY, lanesPerUser, lanes };
}
