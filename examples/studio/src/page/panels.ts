import type { FunctionComponent } from 'preact';
import { DocumentPanel } from '../document/document-panel.tsx';
import { ConnectionPanel } from '../line/connection-panel.tsx';
import { BoardPanel } from '../lobby/board-panel.tsx';
import { RoomPanel } from '../lobby/room-panel.tsx';
import { FriendsPanel } from '../presence/friends-panel.tsx';
import { OwnStatusPanel } from '../presence/own-status-panel.tsx';
import type { StudioSession } from '../session/studio-session.ts';
import { TasksPanel } from '../tasks/tasks-panel.tsx';
import { WirePanel } from '../wire/wire-panel.tsx';

type PanelEntry = {
  readonly id: string;
  /** Short: on a phone all of them stand beside each other. */
  readonly title: string;
  readonly Panel: FunctionComponent<{ readonly session: StudioSession }>;
};

/**
 * The regions of the desk, in the order in which they are read and stepped through; layout.css says where each stands.
 * `stage` is what Carillon does: it takes as many panels as there are, in as many columns as fit.
 */
export const REGIONS: readonly { readonly name: string; readonly panels: readonly PanelEntry[] }[] = [
  { name: 'self', panels: [{ id: 'you', title: 'You', Panel: OwnStatusPanel }] },
  {
    name: 'stage',
    panels: [
      { id: 'friends', title: 'Friends', Panel: FriendsPanel },
      { id: 'tasks', title: 'Tasks', Panel: TasksPanel },
      { id: 'room', title: 'Room', Panel: RoomPanel },
      { id: 'board', title: 'Board', Panel: BoardPanel },
      { id: 'document', title: 'Text', Panel: DocumentPanel },
    ],
  },
  { name: 'line', panels: [{ id: 'line', title: 'Line', Panel: ConnectionPanel }] },
  { name: 'dock', panels: [{ id: 'wire', title: 'Wire', Panel: WirePanel }] },
];
