import { heldUnits } from '../core/outbox/outbox.ts';
import { createWatchList } from '../core/presence/watch-list.ts';
import { newRate } from '../core/session/message-rate.ts';
import { areShared } from '../ports/revocations.ts';
import type { Connection } from '../ports/transport.ts';
import type { NodeContext } from './context.ts';
import { addSession, pacingOf } from './context.ts';
import { createChannels } from './channels/channels.ts';
import { createClusterRuntime } from './cluster/cluster-runtime.ts';
import { createDueQueue } from './due-queue.ts';
import { closeLink, expireSession } from './ending.ts';
import { createFlusher } from './flusher.ts';
import { askHeartbeat, checkHeartbeat } from './heartbeats.ts';
import { createKeyedRate } from './keyed-rate.ts';
import { createLeases } from './leases.ts';
import { createLeaving } from './leaving.ts';
import { ConnectionLink } from './link.ts';
import { RETRY_UNAVAILABLE_MS } from './retry.ts';
import { type Lease, type LinkState, type LocalSession, newLink, newLocalSession } from './link-state.ts';
import type { LinesApi, RealtimeNode } from './node-api.ts';
import { createNodeMessages } from './node-messages.ts';
import type { NodeOptions } from './node-options.ts';
import { createPresenceAudit } from './presence-audit.ts';
import { createRestoredGrace } from './restored-grace.ts';
import { createRosterEdits } from './roster-edits.ts';
import { createRevokedSessions } from './revoked-sessions.ts';
import { createSessionAudit } from './session-audit.ts';
import { createTopics } from './topics.ts';
import { createUsers } from './users.ts';

/** One node: the runtime that carries out what the core decides, over the ports it is given. */
export function createNode(options: NodeOptions): RealtimeNode {
  const { ports, settings } = options;
  const { clock } = ports;
  const context = createContext(options);
  const { restoredGrace } = context;
  const leases = createLeases(context);

  const receive = createNodeMessages(context, leases);
  const audit = createPresenceAudit(context, receive);
  const sessionAudit = createSessionAudit(context);
  if (areShared(ports.revocations)) ports.revocations.onLearned(createRevokedSessions(context));
  ports.broker.listen(
    (_topic, message) => {
      // An edge may have been taken away unheard: nobody is shown anything before that is known.
      if (message.kind === 'presence' && audit.isBlind) return;
      receive(message);
    },
    () => {
      context.channels.afterGap();
      if (context.cluster !== null) leases.afterGap();
      sessionAudit.afterGap();
      return audit.afterGap();
    },
    () => audit.blind(),
  );

  async function start(): Promise<void> {
    // First: with the lease comes the time that all nodes go by.
    await context.cluster?.start((kept) => leases.restore(kept));
    const nowMs = ports.steadyMs();
    for (const record of await ports.sessions.restore()) {
      const session = newLocalSession(
        record.id,
        record.user,
        record.device,
        record.generation,
        pacingOf(context, record.user, record.device),
      );
      addSession(context, session);
      await context.topics.subscribeInbox(record.user);
      const usedMs = record.detachedAtMs === null ? 0 : nowMs - record.detachedAtMs;
      restoredGrace.add(session, Math.max(0, settings.graceMs - usedMs));
    }
    leases.restore(await ports.presence.leases());
    await context.channels.start();
    audit.start();
    sessionAudit.start();
    if (context.state === 'starting') context.state = 'ready';
  }

  async function drain(windowMs: number): Promise<void> {
    context.state = 'draining';
    for (const link of [...context.links])
      closeLink(context, link, 'draining', ports.secrets.fraction() * windowMs);
  }

  async function stop(): Promise<void> {
    for (const link of [...context.links]) {
      closeLink(context, link, 'draining');
      link.connection.terminate();
    }
    context.state = 'stopped';
    for (const queue of [context.loginDeadlines, context.heartbeats, context.answerDeadlines, context.grace])
      queue.clear();
    restoredGrace.clear();
    context.leaving.stop();
    audit.stop();
    sessionAudit.stop();
    for (const session of context.sessions.values()) session.pacing.timer?.cancel();
    await leases.stop();
    context.channels.stop();
    await context.cluster?.stop();
  }

  return {
    get state() {
      return context.state;
    },
    tickets: context.channels.tickets,
    documents: context.channels.documents,
    intake: context.channels.intake,
    lines: context.cluster?.lines ?? loneLines(ports.secrets.id()),
    counts() {
      let attached = 0;
      let followers = 0;
      for (const session of context.sessions.values())
        if (session.isFollower) followers++;
        else if (session.link !== null) attached++;
      let units = 0;
      let streams = 0;
      let polls = 0;
      let yjs = 0;
      let hocuspocus = 0;
      for (const { outbox, connection } of context.links) {
        units += heldUnits(outbox);
        if (connection.transport === 'sse') streams++;
        else if (connection.transport === 'poll') polls++;
        else if (connection.transport === 'yjs') yjs++;
        else if (connection.transport === 'hocuspocus') hocuspocus++;
      }
      const watched = context.watchList.counts();
      const { channels, subscriptions, calls, timers } = context.channels.counts();
      return {
        connections: context.links.size,
        streams,
        polls,
        yjs,
        hocuspocus,
        attached,
        detached: context.sessions.size - attached - followers,
        watchedUsers: watched.users,
        watchEdges: watched.edges,
        channels,
        subscriptions,
        calls,
        timers:
          context.loginDeadlines.size +
          context.heartbeats.size +
          context.answerDeadlines.size +
          context.grace.size +
          restoredGrace.size +
          leases.size +
          context.leaving.size +
          (context.cluster?.timers ?? 0) +
          audit.timers +
          sessionAudit.timers +
          timers,
        heldUnits: units,
      };
    },
    start,
    drain,
    stop,
    open(connection: Connection) {
      const link = newLink(connection, newRate(settings.messageRate, clock.monotonicMs()));
      context.links.add(link);
      context.loginDeadlines.add(link);
      ports.telemetry.connectionOpened();
      if (context.state === 'draining' || context.state === 'stopped') closeLink(context, link, 'draining');
      if (context.state === 'cut_off') closeLink(context, link, 'unavailable', RETRY_UNAVAILABLE_MS);
      return new ConnectionLink(context, link);
    },
    ...createRosterEdits(context),
    ...createUsers(context),
    setStatus: (user, device, message, ttlMs) => leases.setStatus(user, device, message, ttlMs),
    ...context.channels.api,
    ...spreadOperations(context),
    clearStatus: (user, device) => leases.clearStatus(user, device),
  };
}

function createContext(options: NodeOptions): NodeContext {
  const { ports, settings } = options;
  const { clock } = ports;
  const context: NodeContext = {
    ...options,
    state: 'starting',
    links: new Set<LinkState>(),
    sessions: new Map<string, LocalSession>(),
    sessionsOf: new Map<string, Set<LocalSession>>(),
    followersOf: new Map<string, Set<LocalSession>>(),
    newSessions: createKeyedRate(settings.newSessionRate),
    watchList: createWatchList<LinkState>(settings.fields, (link, frame) => {
      // A connection that is still joining gets this state in its sync.
      if (link.phase === 'live') context.flusher.send(link, frame);
    }),
    leases: new Map<string, Map<string, Lease>>(),
    topics: createTopics(ports.broker),
    get channels() {
      return channels;
    },
    get cluster() {
      return cluster;
    },
    flusher: createFlusher(options, () => context.watchList, {
      overflow: (link) => closeLink(context, link, 'slow_consumer'),
      resync: (link, { name }) => context.channels.stalled(link, name),
    }),
    loginDeadlines: createDueQueue<LinkState>(clock, settings.loginTimeoutMs, (link) =>
      link.phase === 'opened'
        ? closeLink(context, link, 'login_timeout')
        : closeLink(context, link, 'unavailable', RETRY_UNAVAILABLE_MS),
    ),
    heartbeats: createDueQueue<LinkState>(clock, settings.heartbeatMs, (link) => askHeartbeat(context, link)),
    answerDeadlines: createDueQueue<LinkState>(clock, settings.heartbeatMs / 2, (link) =>
      checkHeartbeat(context, link),
    ),
    grace: createDueQueue<LocalSession>(clock, settings.graceMs, (session) =>
      expireSession(context, session),
    ),
    restoredGrace: createRestoredGrace(clock, (session) => expireSession(context, session)),
    leaving: createLeaving(ports),
    closeLink: (link, reason, afterMs) => closeLink(context, link, reason, afterMs),
  };
  const cluster = createClusterRuntime(context);
  const channels = createChannels(context);
  return context;
}

/** Of a node that is alone: every other that a line names was an earlier life of it. */
function loneLines(name: string): LinesApi {
  return { name, serve: () => undefined, ask: () => Promise.resolve({ result: 'gone' }) };
}

/** Those whose answer lies on other nodes too. */
function spreadOperations({ cluster }: NodeContext): Partial<RealtimeNode> {
  if (cluster === null) return {};
  const { disconnect, sessionsOf, session, channels, channelInfo, unsubscribeUser, recheckRole } =
    cluster.operations;
  return { disconnect, sessionsOf, session, channels, channelInfo, unsubscribeUser, recheckRole };
}
