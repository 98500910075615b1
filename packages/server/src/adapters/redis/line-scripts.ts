import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { storeUnavailable } from '../../ports/unavailable.ts';
import type { Line } from './line.ts';
import { errorWord, reasonOf } from './redis-errors.ts';
import type { RedisArgument, Reply } from './redis-link.ts';
import type { Script } from './script.ts';

/** Asks the server itself; for where a text that holds the answer is not known to it. */
const ASK_RUN = `local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')\n`;

/**
 * Runs scripts and commands on one line.
 *
 * With `asking` the server of a Cluster is told that it was named by another (`ASK`), for that one command.
 */
export type LineCommands = {
  run(
    script: Script,
    keys: readonly string[],
    args: readonly RedisArgument[],
    asking: boolean,
  ): Promise<Reply>;
  send(args: readonly RedisArgument[], asking: boolean): Promise<Reply>;
  sendForBytes(args: readonly RedisArgument[], asking: boolean): Promise<Reply>;
  /**
   * Resolves once a replica has everything that was answered on this line; rejects with `storeUnavailable` where none has within
   * `waitMs`.
   */
  replicated(waitMs: number): Promise<void>;
};

/** Whoever waits for an answer; told in one step, or one that was sent again would be told behind one that came after it. */
type Settle = { readonly resolve: (reply: Reply) => void; readonly reject: (error: unknown) => void };

const UNHEARD: Settle = { resolve: () => undefined, reject: () => undefined };

/**
 * Scripts by their digest: each is loaded ahead of its first use, on the same line, so that it is known when it is run. Where
 * it is not (SCRIPT FLUSH), everything that was in flight is waited for, what was not carried out is sent as a text, in its
 * order, and only then what was called meanwhile.
 *
 * @param runId of the server at the other end of the line
 */
export function createLineCommands(line: Line, runId: string): LineCommands {
  const digests = new Map<Script, string>();
  /** What was not carried out because a script was not known, in order; null: nothing. */
  let again: (() => void)[] | null = null;
  /** What was called since. */
  let held: (() => void)[] = [];
  let sent = 0;
  let answered = 0;
  /** What is sent again goes once all up to here were answered. */
  let lastBefore = 0;

  /** @param unknown what to send instead, later, where the script is not known */
  function count(
    args: readonly RedisArgument[],
    asking: boolean,
    { resolve, reject }: Settle,
    unknown?: () => readonly RedisArgument[],
    forBytes = false,
  ): void {
    // What becomes of it, the command itself shows.
    if (asking) count(['ASKING'], false, UNHEARD);
    sent++;
    // In one step each: what is to be sent again must be noted before another answer lets it go.
    (forBytes ? line.sendForBytes(args) : line.send(args)).then(
      (reply) => {
        answered++;
        resolve(reply);
        release();
      },
      (error: unknown) => {
        answered++;
        if (unknown !== undefined && errorWord(error) === 'NOSCRIPT')
          sendAgain(() => count(unknown(), asking, { resolve, reject }));
        else reject(error);
        release();
      },
    );
  }

  function sendAgain(go: () => void): void {
    if (again === null) {
      again = [];
      lastBefore = sent;
      digests.clear();
    }
    again.push(go);
  }

  /** Goes on once everything that had been in flight was answered. */
  function release(): void {
    if (again === null || answered < lastBefore) return;
    const [first, then] = [again, held];
    again = null;
    held = [];
    for (const go of first) go();
    for (const go of then) go();
  }

  function digestOf(script: Script): string {
    const known = digests.get(script);
    if (known !== undefined) return known;
    const text = script.knowsRun ? `local run_id = '${runId}'\n${script.lua}` : script.lua;
    const digest = createHash('sha1').update(text).digest('hex');
    digests.set(script, digest);
    // Where it could not be loaded it is not known when it is run; where the line is at its end, that is told there.
    count(['SCRIPT', 'LOAD', text], false, UNHEARD);
    return digest;
  }

  function runNow(
    script: Script,
    keys: readonly string[],
    args: readonly RedisArgument[],
    asking: boolean,
    settle: Settle,
  ): void {
    const rest = [String(keys.length), ...keys, ...args];
    count(['EVALSHA', digestOf(script), ...rest], asking, settle, () => [
      'EVAL',
      script.knowsRun ? ASK_RUN + script.lua : script.lua,
      ...rest,
    ]);
  }

  function inTurn(go: (settle: Settle) => void): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (again === null) go({ resolve, reject });
      else held.push(() => go({ resolve, reject }));
    });
  }

  /** Who waits for a replica, and is not asked for yet: one WAIT is under way at most, for it holds up the line. */
  let unsure: PromiseWithResolvers<void>[] = [];
  let isWaiting = false;

  async function waitForReplica(waitMs: number): Promise<void> {
    // What is answered in the same turn shares it.
    await nextTurn();
    const asked = unsure;
    unsure = [];
    try {
      const replicas = await inTurn((settle) => count(['WAIT', '1', String(waitMs)], false, settle));
      if (typeof replicas !== 'number' || replicas < 1)
        throw storeUnavailable(`Redis: no replica had it within ${waitMs} ms`);
      for (const { resolve } of asked) resolve();
    } catch (error) {
      const refusal = storeUnavailable(reasonOf(error), error);
      for (const { reject } of asked) reject(refusal);
    }
    if (unsure.length > 0) void waitForReplica(waitMs);
    else isWaiting = false;
  }

  return {
    run: (script, keys, args, asking) => inTurn((settle) => runNow(script, keys, args, asking, settle)),
    send: (args, asking) => inTurn((settle) => count(args, asking, settle)),
    sendForBytes: (args, asking) => inTurn((settle) => count(args, asking, settle, undefined, true)),
    replicated(waitMs) {
      const one = Promise.withResolvers<void>();
      unsure.push(one);
      if (!isWaiting) {
        isWaiting = true;
        void waitForReplica(waitMs);
      }
      return one.promise;
    },
  };
}
