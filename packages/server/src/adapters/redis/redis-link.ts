import type { Script } from './script.ts';

export type RedisArgument = string | Buffer;

/** What Redis answers, as RESP3 has it: bulk strings as text, integers as numbers, nil as null. */
export type Reply = string | number | boolean | null | readonly Reply[] | Map<Reply, Reply>;

/**
 * The line to Redis, whether that is one server, one found by Sentinel, or a Cluster. Every adapter here speaks through it.
 *
 * - Commands MUST be sent in the order of the calls, at once (pipelined), and answered in it; in a Cluster, for each slot.
 * - A command MUST NOT be sent again by itself: whether it was carried out is not known.
 * - `run` and `command` MUST reject with `storeUnavailable` while the line is down, where it breaks before the answer, and
 *   where no answer comes within `commandTimeoutMs`; then the line is given up and made anew, so that a server that hangs
 *   is noticed once, not by each command. An error that Redis answers rejects as it is (`RedisError`).
 * - After the line was down nothing is let through before every `onUp` listener has resolved: leases are renewed first.
 */
export interface RedisLink {
  readonly up: boolean;
  /** What begins every key and every channel. */
  readonly prefix: string;
  /**
   * Runs a script.
   *
   * @param keys all in one slot; the first says which
   */
  run(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<Reply>;
  /** @param key says which slot; null: any server */
  command(key: string | null, ...args: RedisArgument[]): Promise<Reply>;
  /** The values of string keys, in the order asked: one command where that is one server, one for each slot in a Cluster. */
  getMany(keys: readonly string[]): Promise<readonly (string | null)[]>;
  /**
   * Called each time the line stands, also the first. Commands of the listener itself are let through; where it rejects,
   * the line is given up and tried again.
   */
  onUp(listener: () => Promise<void>): void;
  onDown(listener: (reason: string) => void): void;
  /** Resolves when the line stands; rejects (StartError text) where it cannot: wrong URL, password, version, setting. */
  open(): Promise<void>;
  close(): Promise<void>;
}
