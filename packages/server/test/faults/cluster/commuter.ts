import { setTimeout as pass } from 'node:timers/promises';
import { type BareClient, connectBare, type Wire } from '../../wire/scene/bare-client.ts';
import { createFriendView, type FriendView } from '../../wire/scene/friend-view.ts';
import { loginToken } from '../../wire/scene/login-token.ts';

/** A publication as a reader applied it. */
export type Applied = { readonly epoch: string; readonly offset: number; readonly data: unknown };

/**
 * A client of literal frames that goes on whatever happens to its connection: it connects to wherever it is sent,
 * resumes, names its channel with the position it has, and sends again, under its id, what was not answered.
 */
export type Commuter = {
  readonly user: string;
  readonly view: FriendView;
  readonly client: BareClient | null;
  readonly applied: readonly Applied[];
  /** The last publication applied, or what a `gap` put in its place. */
  readonly position: { readonly epoch: string; readonly offset: number } | null;
  /** What it was told that it missed, by reason. */
  readonly told: readonly string[];
  /** Payloads that were acknowledged, with their offset. */
  readonly acknowledged: ReadonlyMap<string, { readonly epoch: string; readonly offset: number }>;
  /** Codes of refusals of publications. */
  readonly refusals: readonly string[];
  /** Logins behind the first that resumed its session, and that did not. */
  readonly resumed: number;
  readonly lost: number;
  /** A publication was sent and not answered. */
  readonly inFlight: boolean;
  /** Goes on with publishing, one behind the other. */
  keepPublishing(): void;
  stopPublishing(): void;
  /** Resolves when it is connected, subscribed, and nothing is in flight. */
  idle(): Promise<void>;
  stop(): void;
};

export type CommuterOptions = {
  readonly user: string;
  /** Where to connect to, asked each time. */
  readonly port: () => number;
  readonly channel: string;
  /** Settings of its login. */
  readonly device?: string;
};

/** Behind a connection that ended without a word, ms. */
const RECONNECT_MS = 50;

export function createCommuter({ user, port, channel, device }: CommuterOptions): Commuter {
  const view = createFriendView();
  const applied: Applied[] = [];
  const told: string[] = [];
  const acknowledged = new Map<string, { readonly epoch: string; readonly offset: number }>();
  const refusals: string[] = [];
  const idlers: (() => void)[] = [];
  let client: BareClient | null = null;
  let resume: string | undefined;
  let at = 0;
  let resumed = 0;
  let lost = 0;
  let position: { epoch: string; offset: number } | null = null;
  let subscribed = false;
  let publishing = false;
  let stopped = false;
  let sent = 0;
  /** The payload that is under way, until it is answered. */
  let underWay: string | null = null;

  function isIdle(): boolean {
    return subscribed && underWay === null;
  }

  function look(): void {
    if (isIdle()) for (const resolve of idlers.splice(0)) resolve();
  }

  function publish(): void {
    if (client === null || !subscribed) return;
    if (underWay === null) {
      if (!publishing) return look();
      underWay = `${user} ${++sent}`;
    }
    client.send({ t: 'pub', c: channel, d: underWay, id: underWay, i: 1_000 + sent });
  }

  function apply(offset: number, data: unknown): void {
    applied.push({ epoch: position!.epoch, offset, data });
    position = { epoch: position!.epoch, offset };
  }

  function take(message: Wire): void {
    view.read(message);
    switch (message.t) {
      case 'token':
        if (resume !== undefined) {
          if (message['resumed'] === true) resumed++;
          else lost++;
        }
        resume = message['token'] as string;
        at = message['at'] as number;
        return subscribe();
      case 'hb':
        if (typeof message['at'] === 'number') at = message['at'];
        return;
      case 'p':
        if (message['c'] === channel) apply(message['o'] as number, message['d']);
        return;
      case 'ps':
        for (const item of message['ps'] as { o: number; d: unknown }[]) apply(item.o, item.d);
        return;
      case 'gap':
        told.push(message['why'] as string);
        if (message['e'] !== undefined)
          position = { epoch: message['e'] as string, offset: message['o'] as number };
        return;
      case 'ok':
        if (message['i'] === 1) return entered(message);
        return answered(message);
      case 'err':
        return refused(message);
    }
  }

  function subscribe(): void {
    subscribed = false;
    client?.send({
      t: 'sub',
      c: channel,
      i: 1,
      ...(position === null ? {} : { e: position.epoch, o: position.offset }),
    });
  }

  function entered(message: Wire): void {
    const top = { epoch: message['e'] as string, offset: message['o'] as number };
    if (position === null) position = top;
    else if (message['rec'] !== true) {
      told.push(`not recovered: ${String(message['why'])}`);
      position = top;
    }
    subscribed = true;
    publish();
    look();
  }

  function answered(message: Wire): void {
    if (message['i'] !== 1_000 + sent || underWay === null) return;
    acknowledged.set(underWay, { epoch: message['e'] as string, offset: message['o'] as number });
    underWay = null;
    publish();
  }

  function refused(message: Wire): void {
    const again = (what: () => void): void => {
      const on = client;
      setTimeout(
        () => {
          if (client === on && !stopped) what();
        },
        (message['retryAfterMs'] as number | undefined) ?? 200,
      );
    };
    if (message['i'] === 1) return again(subscribe);
    if (message['i'] !== 1_000 + sent) return;
    refusals.push(message['code'] as string);
    again(publish);
  }

  async function travel(): Promise<void> {
    const token = await loginToken(user);
    while (!stopped) {
      let afterMs = RECONNECT_MS;
      try {
        const next = await connectBare(port());
        client = next;
        next.onMessage = (message) => {
          if (message.t === 'bye' && typeof message['afterMs'] === 'number') afterMs = message['afterMs'];
          if (client === next) take(message);
        };
        next.send({
          t: 'login',
          v: 1,
          username: user,
          token,
          ...(device === undefined ? {} : { device }),
          ...(resume === undefined ? {} : { resume, at }),
        });
        await next.closed;
      } catch {
        // Nobody listens there at the moment.
      }
      client = null;
      subscribed = false;
      if (!stopped) await pass(afterMs * (0.5 + Math.random() / 2));
    }
  }

  void travel();
  return {
    user,
    view,
    applied,
    told,
    acknowledged,
    refusals,
    get client() {
      return client;
    },
    get position() {
      return position;
    },
    get resumed() {
      return resumed;
    },
    get lost() {
      return lost;
    },
    get inFlight() {
      return underWay !== null;
    },
    keepPublishing() {
      publishing = true;
      if (underWay === null) publish();
    },
    stopPublishing() {
      publishing = false;
    },
    idle() {
      if (isIdle()) return Promise.resolve();
      return new Promise((resolve) => idlers.push(resolve));
    },
    stop() {
      stopped = true;
      client?.drop();
    },
  };
}
