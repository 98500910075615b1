import type { RedisLink, Reply } from '../../src/adapters/redis/redis-link.ts';
import type { Script } from '../../src/adapters/redis/script.ts';

/** How scripts ask for the time. */
const ASKS_TIME = "redis.call('TIME')";

/** A link over which Redis's clock stands where the test says, and which knows when nothing is under way. */
export type TimedLink = RedisLink & {
  /** Resolves once nothing is under way, nor was begun by what came back. */
  idle(): Promise<void>;
  /** Commands and scripts under way. */
  readonly underWay: number;
  /** How many were sent in all. */
  readonly sent: number;
};

/** @param time Redis's clock, ms since the epoch */
export function createTimedLink(link: RedisLink, time: { readonly nowMs: number }): TimedLink {
  const underWay = new Set<Promise<unknown>>();
  let sent = 0;
  /** Texts with the time in them, by name: one at a time, so that each is loaded once for each moment. */
  const timed = new Map<string, { readonly atMs: number; readonly script: Script }>();

  function atThisTime(script: Script): Script {
    if (!script.lua.includes(ASKS_TIME)) return script;
    const atMs = time.nowMs;
    const known = timed.get(script.name);
    if (known?.atMs === atMs) return known.script;
    const answer = `{ '${Math.floor(atMs / 1000)}', '${(atMs % 1000) * 1000}' }`;
    const made = { ...script, lua: script.lua.replaceAll(ASKS_TIME, answer) };
    timed.set(script.name, { atMs, script: made });
    return made;
  }

  function follow<T>(answer: Promise<T>): Promise<T> {
    sent++;
    underWay.add(answer);
    const over = (): void => void underWay.delete(answer);
    answer.then(over, over);
    return answer;
  }

  return {
    ...link,
    get up() {
      return link.up;
    },
    prefix: link.prefix,
    run: (script, keys, args) => follow(link.run(atThisTime(script), keys, args)),
    command: (key, ...args): Promise<Reply> => follow(link.command(key, ...args)),
    getMany: (keys) => follow(link.getMany(keys)),
    async idle() {
      do {
        await Promise.allSettled(underWay);
        // What came back may begin something else.
        await new Promise((resolve) => void setImmediate(resolve));
      } while (underWay.size > 0);
    },
    get underWay() {
      return underWay.size;
    },
    get sent() {
      return sent;
    },
  };
}
