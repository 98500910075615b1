import { presenceTopic } from '../../ports/broker.ts';
import type { Keys } from './keys.ts';

/** Where everything of one user lies, in one slot; as `lua/presence-rules.lua` takes it. */
export type UserKeys = {
  readonly user: string;
  /** Devices, record, unsettled, sessions, ended. */
  readonly all: readonly string[];
  readonly devices: string;
  readonly sessions: string;
  readonly ended: string;
  /** The pub/sub channel of the user's presence. */
  readonly channel: string;
};

export function userKeys(keys: Keys, user: string): UserKeys {
  const topic = presenceTopic(user);
  const tag = keys.of(topic, '');
  const devices = `${tag}devices`;
  const sessions = `${tag}sessions`;
  const ended = `${tag}ended`;
  return {
    user,
    all: [devices, `${tag}record`, `${tag}unsettled`, sessions, ended],
    devices,
    sessions,
    ended,
    channel: keys.channel(topic),
  };
}

/** The key of a user's visible record, for reading many. */
export function recordKey(keys: Keys, user: string): string {
  return keys.of(presenceTopic(user), 'record');
}
