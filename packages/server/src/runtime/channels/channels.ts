import { compilePatterns } from '../../core/channel/patterns.ts';
import { controlFrame } from '../../core/outbox/frame.ts';
import { type BroadcastNotice, EVERYONE_TOPIC, type SubscriptionOrder } from '../../ports/broker.ts';
import type { Timer } from '../../ports/clock.ts';
import { type NodeContext, sendControl } from '../context.ts';
import { type DueQueue, createDueQueue } from '../due-queue.ts';
import type { LocalSession, Subscription } from '../link-state.ts';
import { createIntake } from '../intake/intake.ts';
import { createAwareness } from '../documents/awareness.ts';
import { createDocumentService } from '../documents/document-service.ts';
import { createDocuments } from '../documents/documents.ts';
import { createAsking } from './asking.ts';
import { createChannelOperations } from './channel-operations.ts';
import type { ChannelParts } from './channel-parts.ts';
import { createChannelRequests } from './channel-requests.ts';
import type { Channels } from './channels-face.ts';
import { createHub } from './hub.ts';
import { createMapExpiry } from './map-expiry.ts';
import { createMemberList } from './member-list.ts';
import { createMemberTelling } from './member-telling.ts';
import { createPublisher } from './publishing.ts';
import { createRightExpiries } from './right-expiries.ts';
import { createRoles } from './roles.ts';
import { createServingCalls } from './serving-calls.ts';
import { createSignalSender } from './signals.ts';
import { soon } from './soon.ts';
import { createTicketDesk } from './tickets.ts';
import { createUserVisibility, type UserVisibility } from './user-visibility.ts';

/** How long after a resume a client may take to name its channels again ([CHN6]), ms. */
const NAME_AGAIN_MS = 30_000;

export function createChannels(context: NodeContext): Channels {
  const { broker, clock, logs } = context.ports;
  const { contract, topCheckMs } = context.settings;
  const signals = createSignalSender(context);
  const telling = createMemberTelling(context.ports);
  const documents = createDocuments(context);
  const awareness = createAwareness(context, () => visibility);
  const hub = createHub(context, signals, telling, awareness, {
    closed: documents.closed,
    lost: documents.lost,
    delivered(channel, notice) {
      documents.delivered(channel, notice);
      documentService.changed(channel);
    },
  });
  const patterns = compilePatterns(contract.channels);
  const documentService = createDocumentService(context, patterns, hub, documents, awareness);
  const visibility: UserVisibility = createUserVisibility(context, (user, visible) => {
    members.seen(user, visible);
    awareness.seen(user);
  });
  const members = createMemberList(context, telling, () => visibility);
  const expiries = createRightExpiries(context, end);
  const mapExpiry = createMapExpiry(context, [...new Set([logs.memory, logs.stored, logs.replicated])]);
  const publisher = createPublisher(
    context,
    // A schema may answer behind the user's last session: nothing would ever end the watch that began then.
    (user) => !context.sessionsOf.has(user) || soon(visibility.of(user), (visible) => !visible),
    mapExpiry.changed,
  );
  const calls = createServingCalls(context);
  const asking = createAsking(context, context.cluster?.operations.collectElsewhere ?? null);
  const unnamed: DueQueue<LocalSession> = createDueQueue(clock, NAME_AGAIN_MS, endUnnamed);
  let topCheck: Timer | null = null;
  let stopped = false;

  const roles = createRoles(context, patterns, end);
  const parts: ChannelParts = {
    patterns,
    hub,
    documents,
    awareness,
    documentService,
    members,
    visibility,
    expiries,
    roles,
    end,
  };
  const desk = createTicketDesk(context, parts);
  const intake = createIntake(context, parts.patterns, publisher);
  const requests = createChannelRequests(context, parts, publisher, calls, asking, desk);

  function end(subscription: Subscription): void {
    const { session, channel, state } = subscription;
    if (!channel.subscriptions.has(subscription)) return;
    if (state.name !== 'waiting') {
      context.flusher.dropHeld(state.link, channel);
      awareness.dropHeld(state.link, channel);
    }
    subscription.state = { name: 'waiting' };
    session.channels?.subscriptions.delete(channel.name);
    expiries.forget(subscription);
    members.go(subscription);
    awareness.left(subscription);
    hub.remove(subscription);
  }

  function endUnnamed(session: LocalSession): void {
    for (const subscription of [...(session.channels?.subscriptions.values() ?? [])])
      if (subscription.state.name === 'waiting') end(subscription);
  }

  /** The next one counts from the end of this: where the log is slow, they do not pile up. */
  async function checkTops(): Promise<void> {
    await hub.compareTops();
    if (!stopped) topCheck = clock.setTimer(topCheckMs, () => void checkTops());
  }

  function order({ user, channel, grant }: SubscriptionOrder): void {
    const followers = context.followersOf.get(user) ?? [];
    for (const session of [...(context.sessionsOf.get(user) ?? []), ...followers]) {
      const { link } = session;
      if (grant !== null) {
        if (link?.phase === 'live') sendControl(context, link, { t: 'sub', c: channel, g: grant });
        continue;
      }
      const subscription = session.channels?.subscriptions.get(channel);
      if (subscription === undefined) continue;
      end(subscription);
      roles.end(session, channel);
      if (link?.phase === 'live')
        sendControl(context, link, {
          t: 'unsub',
          c: channel,
          code: 'forbidden',
          m: 'the app ended the subscription',
        });
    }
  }

  function broadcast({ name, data }: BroadcastNotice): void {
    const frame = controlFrame(`{"t":"msg","n":${JSON.stringify(name)},"d":${data}}`);
    for (const link of context.links) if (link.phase === 'live') context.flusher.send(link, frame);
  }

  const api = createChannelOperations(context, parts, publisher, asking);
  return {
    api,
    tickets: desk.api,
    documents: documentService.api,
    intake,
    local: { ...api, collect: asking.collect },
    afterGap() {
      void hub.compareTops();
      awareness.afterGap();
    },
    async start() {
      if (contract.channels.some(({ kind, members: told }) => kind !== 'signal' || told))
        topCheck = clock.setTimer(topCheckMs, () => void checkTops());
      mapExpiry.changed();
      await broker.subscribe(EVERYONE_TOPIC);
    },
    stop() {
      stopped = true;
      intake.close();
      topCheck?.cancel();
      topCheck = null;
      hub.stop();
      documentService.stop();
      documents.stop();
      awareness.stop();
      telling.stop();
      expiries.stop();
      roles.stop();
      mapExpiry.stop();
      unnamed.clear();
      for (const session of context.sessions.values()) {
        calls.ended(session);
        asking.gone(session);
      }
    },
    counts: () => ({
      channels: hub.size,
      subscriptions: hub.subscriptions,
      calls: calls.size + asking.size,
      timers:
        hub.timers +
        documents.timers +
        awareness.timers +
        documentService.timers +
        telling.timers +
        signals.timers +
        unnamed.size +
        expiries.size +
        roles.timers +
        calls.size +
        asking.size +
        mapExpiry.timers +
        intake.timers,
    }),
    handle: requests.handle,
    receive(message) {
      switch (message.kind) {
        case 'broadcast':
          return broadcast(message);
        case 'subscription':
          return order(message);
        default:
          return hub.receive(message);
      }
    },
    presence: (record) => visibility.presence(record),
    attached(session) {
      if (session.channels !== null && session.channels.subscriptions.size > 0) unnamed.add(session);
    },
    gone: documents.gone,
    detached(session) {
      unnamed.remove(session);
      asking.gone(session);
      for (const subscription of session.channels?.subscriptions.values() ?? [])
        subscription.state = { name: 'waiting' };
    },
    ended(session) {
      unnamed.remove(session);
      calls.ended(session);
      asking.gone(session);
      for (const subscription of [...(session.channels?.subscriptions.values() ?? [])]) end(subscription);
      roles.ended(session);
      if ((context.sessionsOf.get(session.user)?.size ?? 0) === 0) visibility.forget(session.user);
    },
    stalled(link, name) {
      const subscription = link.session?.channels?.subscriptions.get(name);
      if (subscription?.state.name === 'live') subscription.state = { name: 'stalled', link };
    },
  };
}
