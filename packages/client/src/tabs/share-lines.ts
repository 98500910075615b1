import { PROTOCOL_VERSION } from '@carillon/protocol';
import { type Hub, createHub } from './hub.ts';
import { type Leadership, joinTabs } from './leadership.ts';
import type { TabChannelLike, TabHost } from './tab-host.ts';
import { type LineNews, type TabMessage, tabMessageOf } from './tab-messages.ts';
import type { SharedLines, TabSharingParts } from './tab-sharing.ts';
import { type TabWatch, tabOf, watchTabs } from './watch-tabs.ts';
import { createTabLines } from './tab-lines.ts';
import type { TabSocket } from './tab-socket.ts';
import type { WebSocketLike } from '../platform.ts';

/** Raised with every change of what tabs say to each other: pages of two SDKs do not understand each other. */
const TABS_VERSION = 2;

/** The close code of a session that was logged out. */
const LOGGED_OUT_CLOSE = 4205;

/** A session that is taken twice within this time is taken on purpose, ms. */
const FIGHT_MS = 60_000;

const UNHEARD = -1;

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
  /** How often it has spoken to lines, by its own count; `UNHEARD` before this tab was told. */
  said: number;
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
  const tab = platform.random().toString(36) + platform.random().toString(36);
  let member: Member | null = null;
  let resume = NO_RESUME;
  let forget = (): void => {};
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

  const tabNames = { own: (other: string) => `${name}:${other}`, resume: `${name} ` };

  function join(): Member {
    const channel = open(name);
    channel.addEventListener('message', ({ data }) => {
      const message = tabMessageOf(data);
      if (message !== null && member === joined) take(joined, message);
    });
    const leadership = joinTabs({
      platform,
      locks,
      name,
      ownName: tabNames.own(tab),
      ping: () => member === joined && channel.postMessage({ k: 'ping' } satisfies TabMessage),
      onReady(alone) {
        if (member !== joined) return;
        joined.ready = alone ? 'alone' : 'together';
        for (const socket of tabLines.all()) ask(joined, socket);
      },
      onLead(term, held) {
        if (member !== joined) return;
        find(held);
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
      onLeader(term, held) {
        if (member !== joined) return;
        find(held);
        follow(joined, term);
      },
    });
    const joined: Member = {
      channel,
      leadership,
      ready: false,
      term: null,
      said: UNHEARD,
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
    pong(joined);
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
    joined.said = joined.hub === null ? UNHEARD : 0;
    for (const socket of tabLines.all()) {
      if (socket.term === null) ask(joined, socket);
      else if (socket.term !== term) tabLines.move(socket);
    }
    keeper.hope();
  }

  /**
   * Each tab that knows the newest token holds a lock that is named by it: whoever comes, or comes back, while all others stand
   * still and tell it nothing, finds it there. The browser keeps it no longer than a tab, and shows it to pages of the origin alone.
   */
  function know(next: Resume): void {
    resume = next;
    forget();
    const { token, at } = next;
    if (token === null) return;
    const held = (): Promise<void> =>
      new Promise((release) => {
        if (resume === next) forget = release;
        else release();
      });
    // Refused, it is only not found.
    locks.request(`${tabNames.resume}${at} ${token}`, { mode: 'shared' }, held).catch(() => {});
  }

  function find(held: readonly string[]): void {
    for (const lock of held) {
      if (!lock.startsWith(tabNames.resume)) continue;
      const [at, token = ''] = lock.slice(tabNames.resume.length).split(' ');
      if (Number(at) > resume.at) know({ token, at: Number(at) });
    }
  }

  /** Says to all who leads. */
  function pong(joined: Member): void {
    const { channel, term, said, hub } = joined;
    if (member !== joined || hub === null || term === null) return;
    const idle = platform.page?.hidden() === true && !hub.busy();
    channel.postMessage({ k: 'pong', term, n: said, idle } satisfies TabMessage);
  }

  function hubParts(
    joined: Member,
    term: string,
    first: WebSocketLike | null,
  ): Parameters<typeof createHub>[0] {
    /** Hands on what is for this tab, and says what is for others. */
    function spread(news: LineNews): void {
      const lines = news.lines.filter((line) => tabOf(line) !== tab);
      if (lines.length > 0)
        joined.channel.postMessage({ ...news, lines, term, n: ++joined.said } satisfies TabMessage);
      takeForLines(news, term);
    }
    return {
      username,
      fields,
      first,
      dial: (give) => own.dial(give),
      opened: (lines) => spread({ k: 'opened', lines }),
      tell: (lines, text) => spread({ k: 'down', lines, text }),
      closed: (lines, code) => spread({ k: 'closed', lines, code }),
      resume: {
        get: () => resume.token,
        set(token, at) {
          know({ token, at: Math.max(at, resume.at) });
          joined.channel.postMessage({ ...resume, k: 'resume' } satisfies TabMessage);
          // Somebody got through: whoever waits for an attempt need not wait.
          keeper.hope();
        },
      },
      isOthers: () => isOthers(joined),
      platform,
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
    const { hub, leadership } = joined;
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
        return pong(joined);
      case 'pong':
        count(joined, message, 0);
        return leadership.heard(message.term, message.idle);
      case 'resume':
        // A tab that stood still may answer with what it knew before.
        if (message.at < resume.at) return;
        know(message);
        return keeper.hope();
      case 'logout':
        return takeLogout(joined);
      case 'opened':
      case 'down':
      case 'closed':
        if (count(joined, message, 1)) takeForLines(message, message.term);
    }
  }

  /**
   * Where this tab was not told all that the leader said, its lines begin anew: what was said of friends nobody says again.
   *
   * @returns whether it is the leader who speaks
   */
  function count(
    joined: Member,
    { term, n }: { readonly term: string; readonly n: number },
    by: 0 | 1,
  ): boolean {
    if (joined.hub !== null || term !== joined.term) return false;
    const missed = joined.said !== UNHEARD && n !== joined.said + by;
    joined.said = n;
    if (missed) for (const socket of tabLines.all()) if (socket.term !== null) tabLines.move(socket);
    return true;
  }

  function takeForLines(news: LineNews, term: string): void {
    for (const line of news.lines) {
      const socket = tabLines.get(line);
      if (socket === undefined) continue;
      if (news.k === 'opened') tabLines.opened(socket, term);
      else if (news.k === 'down') socket.tell('message', { data: news.text });
      else tabLines.end(socket, news.code);
    }
  }

  /** The user logged out in another tab. */
  function takeLogout(joined: Member): void {
    loggedOut = true;
    know(NO_RESUME);
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

  /** Of the line to the server only whoever has it learns. */
  const hasLine = (): boolean => member?.hub != null || member?.ready === 'alone';

  function leave(): void {
    const left = member;
    member = null;
    if (left === null) return;
    tabLines.clear();
    // Before the lock is free: the next leader is to find the session without a line.
    left.hub?.end();
    endWatching(left);
    left.leadership.leave();
    forget();
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
      if (hasLine()) own.follow(before, after);
      if (after.name === 'idle' || after.name === 'stopped') leave();
    },
    wake(moved) {
      if (hasLine()) own.wake(moved);
    },
    transport: () => (hasLine() ? own.transport() : null),
    hear(event) {
      if (event.type === 'start') loggedOut = false;
      if (event.type !== 'logout') return;
      know(NO_RESUME);
      member?.channel.postMessage({ k: 'logout' } satisfies TabMessage);
    },
  };
}
