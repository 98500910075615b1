import { type DefaultField, type FriendChange, CarillonError, createClient } from '@carillon/client';
import { createOutbox, indexedDbStore } from '@carillon/client/outbox';
import { signal } from '@preact/signals';
import type { Person } from '../account/person.ts';
import type { contract } from '../contract.ts';
import type { DocumentDesk } from '../document/document-desk.ts';
import { createLine } from '../line/cuttable-socket.ts';
import { type FriendView, changeBetween, sentenceFor, viewOf } from '../presence/friend-view.ts';
import { createHighlights } from '../presence/highlights.ts';
import { type OwnStatus, presenceOf, recallOwn, rememberOwn } from '../presence/own-status.ts';
import { createLobby } from '../lobby/lobby.ts';
import { createTaskList } from '../tasks/task-list.ts';
import { createWireLog } from '../wire/wire-log.ts';
import { createConnectionView } from './connection-view.ts';
import { createLoginTokens } from './login-tokens.ts';
import type { StudioSession } from './studio-session.ts';

/** Sentences said at once to a screen reader; a long list of changes would be talked over by the next one anyway. */
const MOST_SENTENCES = 3;

/**
 * Logs a person in and keeps the page's signals in step with the client.
 *
 * @param leave called once the person has logged out
 */
export function openSession(person: Person, people: readonly Person[], leave: () => void): StudioSession {
  const names = new Map(people.map(({ user, name }) => [user, name]));
  const nameOf = (user: string): string => names.get(user) ?? user;

  const line = createLine();
  const isCut = signal(false);
  const isBlocked = signal(false);
  const wire = createWireLog();
  const highlights = createHighlights();
  const friends = signal<ReadonlyMap<string, FriendView> | null>(null);
  const announcement = signal('');
  const own = signal<OwnStatus>(recallOwn(person.user));
  const notice = signal<string | null>(null);
  const tokens = createLoginTokens(person.user);
  const connection = createConnectionView();
  let isLeaving = false;
  let opening: Promise<DocumentDesk> | null = null;
  let desk: DocumentDesk | null = null;

  const client = createClient<typeof contract>({
    url: '/ws',
    username: person.user,
    token: tokens.fetch,
    WebSocket: line.WebSocket,
    fetch: line.fetch,
    outbox: createOutbox({ store: indexedDbStore() }),
    onWire(direction, text) {
      const nowMs = Date.now();
      wire.add(nowMs, direction, text);
      if (direction === 'down') connection.heard(text, nowMs);
    },
  });

  client.presence.subscribe((changes: readonly FriendChange<DefaultField>[]) => {
    // The first list is where things stand and the last one is emptied by leaving: neither is something that happened.
    if (friends.value !== null && !isLeaving) announce(changes);
    friends.value = snapshot();
  });

  client.onConnection((change) => {
    connection.changed(change, client.session, Date.now());
    // Nobody is followed, so no friend will ever change: the empty list is the news.
    if (change.status === 'connected') friends.value ??= snapshot();
  });

  function snapshot(): ReadonlyMap<string, FriendView> {
    return new Map([...client.presence].map((friend) => [friend.id, viewOf(friend)]));
  }

  function announce(changes: readonly FriendChange<DefaultField>[]): void {
    const sentences: string[] = [];
    for (const { before, after } of changes) {
      const change = changeBetween(before && viewOf(before), after && viewOf(after));
      if (change === null) continue;
      highlights.light(change);
      sentences.push(sentenceFor(change, nameOf(change.friend.user)));
    }
    if (sentences.length > 0) announcement.value = sentences.slice(0, MOST_SENTENCES).join(' ');
  }

  function say(change: Partial<OwnStatus>): void {
    client.setStatus(presenceOf(change)).catch((error: unknown) => {
      const code = error instanceof CarillonError ? error.code : 'internal';
      // Leaving is an answer to every change that still waited.
      if (code !== 'logged_out') notice.value = `Your status was not changed (${code}).`;
    });
  }

  const complain = (sentence: string): void => {
    notice.value = sentence;
  };
  const lobby = createLobby(client, complain);

  const tasks = createTaskList(client, { fetch: line.request, token: tokens.current });

  async function openDocument(): Promise<DocumentDesk> {
    const { openDocumentDesk } = await import('../document/document-desk.ts');
    desk = openDocumentDesk(client, person, complain);
    return desk;
  }

  say(own.value);
  client.connect();

  return {
    person,
    people,
    nameOf,
    connection: connection.view,
    isCut,
    setCut(cut) {
      isCut.value = cut;
      if (cut) {
        line.cut();
        return;
      }
      line.mend();
      client.connect();
    },
    isBlocked,
    setBlocked(blocked) {
      isBlocked.value = blocked;
      line.blockWebSockets(blocked);
    },
    retryNow: () => client.connect(),
    friends,
    highlights,
    announcement,
    async setFollow(user, follow) {
      const answer = await tokens.setFollow(user, follow);
      if (!answer.ok)
        notice.value = `${nameOf(user)} was not ${follow ? 'followed' : 'unfollowed'} (${answer.code}).`;
    },
    own,
    setOwn(change) {
      own.value = { ...own.value, ...change };
      rememberOwn(person.user, own.value);
      say(change);
    },
    lobby,
    tasks,
    openDocument() {
      opening ??= openDocument().catch((error: unknown) => {
        opening = null;
        throw error;
      });
      return opening;
    },
    wire,
    async toggleDevtools() {
      const devtools = await import('@carillon/client/devtools');
      devtools.toggleDevtools(client);
    },
    notice,
    dismissNotice() {
      notice.value = null;
    },
    async logout() {
      const { unsent: unsentEdits = 0, unsaved = 0 } = desk?.info.value.saved ?? {};
      const unsent = (client.outbox?.waiting ?? 0) + tasks.waiting.value + unsentEdits + unsaved;
      if (unsent > 0 && !globalThis.confirm(unsentWarning(unsent))) return;
      isLeaving = true;
      rememberOwn(person.user, null);
      await client.logout();
      desk?.close();
      leave();
    },
  };
}

function unsentWarning(count: number): string {
  return `${count === 1 ? 'One thing has' : `${count} things have`} not reached the server and would be lost. Log out all the same?`;
}
