import type { Script } from './script.ts';

export type RedisArgument = string | Buffer;

/** What Redis answers, as RESP3 has it: bulk strings as text, integers as numbers, nil as null. */
export type Reply = string | number | boolean | null | readonly Reply[] | Map<Reply, Reply>;

/**
 * The line to Redis, whether that is one server, one found by Sentinel, or a Cluster. Every adapter here speaks through it.
 *
 * - Commands MUST be sent in the order of the calls, at once (pipelined), and answered in it; in a Cluster, for each slot.
 * - A command MUST NOT be sent again by itself, for whether it was carried out is not known; but where Redis answers that it was
 *   not: the script is not known (`NOSCRIPT`), the slot is elsewhere (`MOVED`, `ASK`, `TRYAGAIN`). What was in flight beside it
 *   goes on; whatever is called since waits until it was sent again.
 * - `run` and `command` MUST reject with `storeUnavailable` while the line is down, where it breaks before the answer, and
 *   where no answer comes within `commandTimeoutMs`; then the line is given up and made anew, so that a server that hangs
 *   is noticed once, not by each command. An error that Redis answers rejects as it is (`ErrorReply`), but `storeUnavailable`
 *   where it only means "not now": loading, no primary, no memory left (redis-errors.ts).
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
  /**
   * Runs a script, and resolves once a replica has what it wrote: what WAIT says on the very connection that it ran on. It rejects with
   * `storeUnavailable` where none has it in time; it was carried out then, and may be lost or not. What a script found and did not
   * write is not waited for. Whatever is called behind it on this line waits as well, so it is for lines that nothing else uses.
   *
   * @param waitMs less than `commandTimeoutMs`
   */
  runReplicated(
    script: Script,
    keys: readonly string[],
    args: readonly RedisArgument[],
    waitMs: number,
  ): Promise<Reply>;
  /** A command whose answer is a list of strings of bytes, which are no texts. */
  bytes(key: string, ...args: RedisArgument[]): Promise<readonly (Buffer | null)[]>;
  /** @param key says which slot; null: any server */
  command(key: string | null, ...args: RedisArgument[]): Promise<Reply>;
  /** The values of string keys, in the order asked: one command where that is one server, one for each slot in a Cluster. */
  getMany(keys: readonly string[]): Promise<readonly (string | null)[]>;
  /**
   * Called each time the line stands, also the first, one listener after the other in the order they were added. What a listener
   * calls and awaits is let through, whatever it goes by; what it leaves running is not. Where it rejects, the line is given up and
   * tried again; at the first time `open` rejects.
   */
  onUp(listener: () => Promise<void>): void;
  /** Called once each time the line goes down after it stood. The reason is for the log. */
  onDown(listener: (reason: string) => void): void;
  /**
   * In a Cluster: called when slots are served by another server than before although no line broke, before anything is sent to
   * that one; nobody knows whether it holds all that was acknowledged. Called again, with `replaced`, once it is known that some
   * primary serves nothing any more: most likely its replica took over.
   */
  onTakeover(listener: (replaced: boolean) => void): void;
  /**
   * Resolves when the line stands and every `onUp` listener has resolved; rejects with a `RedisRefusal` where it cannot: its text is
   * one line that names the setting, and says what to change. Tried once; later failures are tried again by themselves.
   */
  open(): Promise<void>;
  /** Ends everything; what is in flight rejects. */
  close(): Promise<void>;
}
