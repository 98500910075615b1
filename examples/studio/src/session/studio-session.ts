import type { ConnectionChange, ConnectionStatus } from '@carillon/client';
import type { ReadonlySignal } from '@preact/signals';
import type { Person } from '../account/person.ts';
import type { DocumentDesk } from '../document/document-desk.ts';
import type { Lobby } from '../lobby/lobby.ts';
import type { OwnStatus } from '../presence/own-status.ts';
import type { FriendView } from '../presence/friend-view.ts';
import type { HighlightStore } from '../presence/highlights.ts';
import type { TaskList } from '../tasks/task-list.ts';
import type { WireLog } from '../wire/wire-log.ts';

/** What the page knows of its connection. Times are ms since the epoch by this machine's clock. */
export type ConnectionView = {
  readonly status: ConnectionStatus;
  /** What carries it; null while there is none. */
  readonly transport: NonNullable<ConnectionChange['transport']> | null;
  /** Session id, once there was a login. */
  readonly session: string | null;
  /** Whether the last login went on with the session before it. */
  readonly resumed: boolean;
  /** How long the server waits for a session whose connection dropped, ms; null until it said so. */
  readonly graceMs: number | null;
  /** Whether the line was lost, or could not be had, and is not back. */
  readonly isLost: boolean;
  /** When the connection dropped; null while there is one. */
  readonly droppedAtMs: number | null;
  /** When the server was last heard before the connection dropped: how old what the page shows is. Null while there is one. */
  readonly asOfMs: number | null;
  /** The last time that a connection was lost, also after it is back; null where none was. */
  readonly lastDrop: { readonly atMs: number; readonly reason: string | null } | null;
  /** When the next attempt begins; null where none is planned. */
  readonly retryAtMs: number | null;
  /** Why the line is down, as a code; null while it is not. */
  readonly reason: string | null;
};

/** One person's time at the desk, from login to logout. */
export type StudioSession = {
  readonly person: Person;
  readonly people: readonly Person[];
  nameOf(user: string): string;

  readonly connection: ReadonlySignal<ConnectionView>;
  readonly isCut: ReadonlySignal<boolean>;
  setCut(cut: boolean): void;
  /** Whether WebSockets are blocked, as behind a proxy that breaks them: everything else goes through. */
  readonly isBlocked: ReadonlySignal<boolean>;
  setBlocked(blocked: boolean): void;
  /** Tries at once to connect, whatever the pause; after the server ended the session, with a new one. */
  retryNow(): void;

  /** Null until the first `sync`. */
  readonly friends: ReadonlySignal<ReadonlyMap<string, FriendView> | null>;
  readonly highlights: HighlightStore;
  /** The newest change in a sentence, for screen readers. */
  readonly announcement: ReadonlySignal<string>;
  setFollow(user: string, follow: boolean): Promise<void>;

  readonly own: ReadonlySignal<OwnStatus>;
  setOwn(change: Partial<OwnStatus>): void;

  readonly lobby: Lobby;
  readonly tasks: TaskList;
  /** Loads what documents need, and opens the page's one: once. @throws where it cannot be loaded; asked again it tries again */
  openDocument(): Promise<DocumentDesk>;
  readonly wire: WireLog;
  /** Opens the client's devtools, which are loaded for that, or closes them. */
  toggleDevtools(): Promise<void>;
  /** The last thing that went wrong and that a person should know, or null. */
  readonly notice: ReadonlySignal<string | null>;
  dismissNotice(): void;

  logout(): Promise<void>;
};
