import { type Auth, type Login, type Logout, auth, login, logout } from './messages/login.ts';
import { type Heartbeat, heartbeat } from './messages/heartbeat.ts';
import { type StatusUpdate, statusUpdate } from './messages/presence.ts';

/** Every message a client may send. */
export type UpMessage = Login | Logout | Auth | StatusUpdate | Heartbeat;

export const UP_SHAPES = { login, logout, auth, statusUpdate, hb: heartbeat } as const;
