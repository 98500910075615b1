import type { RedisArgument, RedisLink, Reply } from './redis-link.ts';
import type { Script } from './script.ts';

/** What it takes for a replica to have what is answered. */
export type Replicas = {
  /** A line of its own: whoever waits for a replica there holds up what is sent behind it. */
  readonly link: RedisLink;
  /** ms that a replica may take to have it. */
  readonly waitMs: number;
};

/** How what must be kept is written: at once, or so that a replica has it when that resolves. */
export type Writes = {
  run(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<Reply>;
};

export function createWrites(link: RedisLink, replicas: Replicas | null): Writes {
  if (replicas === null) return link;
  return { run: (script, keys, args) => replicas.link.runReplicated(script, keys, args, replicas.waitMs) };
}
