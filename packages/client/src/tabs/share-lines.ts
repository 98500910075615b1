import { PROTOCOL_VERSION } from '@carillon/protocol';
import { type Hub, createHub } from './hub.ts';
import { type Leadership, joinTabs } from './leadership.ts';
import type { TabChannelLike, TabHost } from './tab-host.ts';
import { type TabMessage, tabMessageOf } from './tab-messages.ts';
import type { SharedLines, TabSharingParts } from './tab-sharing.ts';
import { type TabWatch, tabOf, watchTabs } from './watch-tabs.ts';
import { createTabLines } from './tab-lines.ts';
import type { TabSocket } from './tab-socket.ts';
import type { WebSocketLike } from '../platform.ts';

/** Raised with every change of what tabs say to each other: pages of two SDKs do not understand each other. */
const TABS_VERSION = 1;

/** The close code of a session that was logged out. */
const LOGGED_OUT_CLOSE = 4205;

/** A session that is taken twice within this time is taken on purpose, ms. */
const FIGHT_MS = 60_000;

/** The newest resume token, and the server's stamp of it. */
type Resume = { readonly token: string | null; readonly at: number };

const NO_RESUME: Resume = { token: null, at: 0 };

/** What this tab has while it takes part. */
type Member = {
  readonly channel: TabChannelLike;
  readonly leadership: Leadership;
  /** Whether lines may be asked for; `alone`: each for itself. */
  ready: false | 'alone' | 'together';
  /** Of whoever leads. */
  term: string | null;
  /** Where this tab leads. */
  hub: Hub | null;
  watch: TabWatch | null;
};

/** The lines of one client, on the connection of whichever tab leads. */
export function shareLines(parts: TabSharingParts, { locks, open }: TabHost, version: string): SharedLines {
  const { platform, username, fields, line: keeper } = parts;
  const name = JSON.stringify([
    'carillon',
    TABS_VERSION,
    PROTOCOL_VERSION,
    parts.url,
    username,
    parts.device,
    fields,
    version,
  ]);
  // A duplicated tab is another tab: nothing of this is stored.
  const tab = (platform.random() + platform.random()).toString(36) + platform.random().toString(36);
  let member: Member | null = null;
  let resume = NO_RESUME;
  let loggedOut = false;
  let replacedAtMs = -Infinity;

  const own = parts.make({ ...keeper, climb }, () =>
    member?.hub?.busy() === true ? 'call' : parts.underWay(),
  );

  const tabLines = createTabLines({
    platform,
    keeper,
    tab,
    dial: (give) => own.dial(give),
    ask: (socket) => member !== null && ask(member, socket),
    up({ line, term }, text) {
      if (member?.hub != null) member.hub.up(line, text);
      else if (term !== null) member?.channel.postMessage({ k: 'up', term, line, text } satisfies TabMessage);
    },
    gaveUp(line) {
      if (member?.hub != null) member.hub.leave(line);
      else member?.channel.postMessage({ k: 'close', line } satisfies TabMessage);
    },
  });

  const tabNames = { lock: name, own: (other: string) => `${name}:${other}` };

  function join(): Member {
    const channel = open(name);
    const post = (message: TabMessage): void => {
      if (member === joined) channel.postMessage(message);
    };
    channel.addEventListener('message', ({ data }) => {
      const message = tabMessageOf(data);
      if (message !== null && member === joined) take(joined, message);
    });
    const leadership = joinTabs({
      platform,
      locks,
      name: tabNames.lock,
      ownName: tabNames.own(tab),
      post,
      onReady(alone) {
        if (member !== joined) return;
        joined.ready = alone ? 'alone' : 'together';
        if (!alone) channel.postMessage({ k: 'hello' } satisfies TabMessage);
        for (const socket of tabLines.all()) ask(joined, socket);
      },
      onLead(term) {
        if (member !== joined) return;
        lead(joined, term, null);
      },
      onLost() {
        const { hub } = joined;
        joined.hub = null;
        hub?.end();
        endWatching(joined);
        // What looks for a better line looks no more.
        own.follow(keeper.state().phase, { name: 'idle' });
      },
      onLeader: (term) => member === joined && follow(joined, term),
    });
    const joined: Member = {
      channel,
      leadership,
      ready: false,
      term: null,
      hub: null,
      watch: null,
    };
    return joined;
  }

  function lead(joined: Member, term: string, first: WebSocketLike | null): void {
    joined.hub?.end();
    joined.watch ??= watchTabs(locks, tabNames.own, (line) => joined.hub?.leave(line, true));
    joined.hub = createHub(hubParts(joined, term, first));
    follow(joined, term);
  }

  /** A better line stands open beside that of the hub: all lines move to it, as to another leader. */
  function climb(socket: WebSocketLike): boolean {
    const joined = member;
    if (joined?.ready === 'alone') return keeper.climb(socket);
    const term = joined?.leadership.renew() ?? null;
    if (joined === null || term === null) return false;
    lead(joined, term, socket);
    return true;
  }

  /** Lines go on with whoever leads now. */
  function follow(joined: Member, term: string): void {
    joined.term = term;
    for (const socket of tabLines.all()) {
      if (socket.term === null) ask(joined, socket);
      else if (socket.term !== term) tabLines.move(socket);
    }
    keeper.hope();
  }

  /** Whoever leads next goes on with the session, even a tab that has only just come. */
  function tellResume({ channel }: Member): void {
    channel.postMessage({ k: 'resume', ...resume } satisfies TabMessage);
  }

  function hubParts(
    joined: Member,
    term: string,
    first: WebSocketLike | null,
  ): Parameters<typeof createHub>[0] {
    /** Hands on what is for this tab, and says what is for others. */
    function spread(
      lines: readonly string[],
      here: (socket: TabSocket) => void,
      there: (lines: readonly string[]) => TabMessage,
    ): void {
      const others = lines.filter((line) => tabOf(line) !== tab);
      if (others.length > 0) joined.channel.postMessage(there(others));
      for (const line of lines) {
        const socket = tabLines.get(line);
        if (socket !== undefined) here(socket);
      }
    }
    return {
      username,
      fields,
      first,
      dial: (give) => own.dial(give),
      opened: (lines) =>
        spread(
          lines,
          (socket) => tabLines.opened(socket, term),
          (others) => ({ k: 'opened', term, lines: others }),
        ),
      tell: (lines, text) =>
        spread(
          lines,
          (socket) => socket.tell('message', { data: text }),
          (others) => ({ k: 'down', term, lines: others, text }),
        ),
      closed: (lines, code) =>
        spread(
          lines,
          (socket) => tabLines.end(socket, code),
          (others) => ({ k: 'closed', term, lines: others, code }),
        ),
      resume: {
        get: () => resume.token,
        set(token, at) {
          resume = { token, at: Math.max(at, resume.at) };
          tellResume(joined);
          // Somebody got through: whoever waits for an attempt need not wait.
          keeper.hope();
        },
      },
      isOthers: () => isOthers(joined),
      nowMs: () => platform.nowMs(),
      report: platform.report,
    };
  }

  /**
   * A tab that stood still holds the lock no more. Where this one does, a login of the leader before it may have come late: it goes
   * on once, and is told if that is taken for a fight.
   */
  async function isOthers({ leadership }: Member): Promise<boolean> {
    if (!(await leadership.holds())) return false;
    const beforeMs = replacedAtMs;
    replacedAtMs = platform.nowMs();
    return replacedAtMs - beforeMs < FIGHT_MS;
  }

  function take(joined: Member, message: TabMessage): void {
    const { hub, leadership, channel } = joined;
    switch (message.k) {
      case 'open':
        if (hub === null) return;
        joined.watch?.opened(message.line);
        return hub.open(message.line);
      case 'up':
        return message.term === joined.term ? hub?.up(message.line, message.text) : undefined;
      case 'close':
        joined.watch?.closed(message.line);
        return hub?.leave(message.line);
      case 'ping':
        if (hub === null || joined.term === null) return;
        return channel.postMessage({
          k: 'pong',
          term: joined.term,
          idle: platform.page?.hidden() === true && !hub.busy(),
        } satisfies TabMessage);
      case 'lead':
      case 'pong':
        return leadership.heard(message.term, message.k === 'pong' && message.idle);
      case 'hello':
        return resume.token === null ? undefined : tellResume(joined);
      case 'resume':
        // A tab that stood still may answer with what it knew before.
        if (message.at < resume.at) return;
        resume = { token: message.token, at: message.at };
        return keeper.hope();
      case 'logout':
        return takeLogout(joined);
      case 'opened':
      case 'down':
      case 'closed':
        if (hub === null && message.term === joined.term) takeForLines(message);
    }
  }

  function takeForLines(message: Extract<TabMessage, { readonly lines: readonly string[] }>): void {
    for (const line of message.lines) {
      const socket = tabLines.get(line);
      if (socket === undefined) continue;
      if (message.k === 'opened') tabLines.opened(socket, message.term);
      else if (message.k === 'down') socket.tell('message', { data: message.text });
      else tabLines.end(socket, message.code);
    }
  }

  /** The user logged out in another tab. */
  function takeLogout(joined: Member): void {
    loggedOut = true;
    resume = NO_RESUME;
    joined.hub?.logout();
    for (const socket of tabLines.all()) tabLines.end(socket, LOGGED_OUT_CLOSE);
    // Whoever waits for an attempt learns of it by the attempt.
    keeper.hope();
  }

  function endWatching(left: Member): void {
    left.watch?.end();
    left.watch = null;
  }

  function ask(joined: Member, socket: TabSocket): void {
    if (joined.ready === 'alone') return tabLines.ride(socket);
    if (joined.ready === false) return;
    if (joined.hub !== null) return joined.hub.open(socket.line);
    // Else it is asked as soon as it is known who leads.
    if (joined.term !== null)
      joined.channel.postMessage({ k: 'open', line: socket.line } satisfies TabMessage);
    joined.leadership.ask();
  }

  function leave(): void {
    const left = member;
    member = null;
    if (left === null) return;
    tabLines.clear();
    // Before the lock is free: the next leader is to find the session without a line.
    left.hub?.end();
    endWatching(left);
    left.leadership.leave();
    left.channel.close();
  }

  return {
    dial(give) {
      const joined = (member ??= join());
      const socket = tabLines.make();
      give(socket.socket);
      // Not before the caller listens.
      platform.later(() => {
        if (loggedOut) tabLines.end(socket, LOGGED_OUT_CLOSE);
        else if (member === joined && tabLines.get(socket.line) !== undefined) ask(joined, socket);
      });
    },
    follow(before, after) {
      // Of the line to the server only whoever has it learns.
      if (member?.hub != null || member?.ready === 'alone') own.follow(before, after);
      if (after.name === 'idle' || after.name === 'stopped') leave();
    },
    wake(moved) {
      if (member?.hub != null || member?.ready === 'alone') own.wake(moved);
    },
    transport: () => (member?.hub != null || member?.ready === 'alone' ? own.transport() : null),
    hear(event) {
      if (event.type === 'start') loggedOut = false;
      if (event.type !== 'logout') return;
      resume = NO_RESUME;
      member?.channel.postMessage({ k: 'logout' } satisfies TabMessage);
    },
  };
}
