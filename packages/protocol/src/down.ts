import { type Token, token } from './messages/login.ts';
import { type Heartbeat, heartbeat } from './messages/heartbeat.ts';
import {
  type Offline,
  type Online,
  type Sync,
  type Update,
  offline,
  online,
  sync,
  update,
} from './messages/presence.ts';
import { type Bye, type Err, type Ok, bye, err, ok } from './messages/result.ts';

/** Every message a server may send. */
export type DownMessage = Token | Sync | Update | Online | Offline | Heartbeat | Ok | Err | Bye;

export const DOWN_SHAPES = {
  token,
  sync,
  u: update,
  o: online,
  x: offline,
  hb: heartbeat,
  ok,
  err,
  bye,
} as const;
