import type { Clock } from '../../ports/clock.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import type { LineCommands } from './line-scripts.ts';
import { errorWord, isClusterDown, isElsewhere } from './redis-errors.ts';
import type { Reply } from './redis-link.ts';
import type { RedisAddress } from './redis-settings.ts';
import { redirection } from './shard-map.ts';
import type { Shard } from './shards.ts';
import { SLOTS } from './slot.ts';

/** ms between attempts while the keys of one command lie on two servers. */
const TRY_AGAIN_MS = 10;

export type Send = (commands: LineCommands, asking: boolean) => Promise<Reply>;

/** Sends commands to whoever serves their slot, in the order of the calls. */
export type SlotTurns = {
  call(slot: number, send: Send): Promise<Reply>;
  /** Rejects whatever waits. */
  drop(reason: string): void;
};

export type SlotTurnsDeps = {
  readonly clock: Clock;
  /** ms a command may wait for its slot. */
  readonly limitMs: number;
  /** Undefined where there is no line to it. */
  serving(slot: number): Shard | undefined;
  /** Connects where there is no line yet. */
  reach(address: RedisAddress): Promise<Shard>;
  /** A server said that another one serves the slot from now on. */
  moved(slot: number, address: RedisAddress): void;
  /** A server knows of nobody who serves the slot: it may be the one that does not know. */
  unserved(): void;
};

type Waiting = {
  readonly send: Send;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
  readonly untilMs: number;
  /** The answer that sent it elsewhere, and who gave it; null: it was not sent yet. */
  answer: { readonly error: Error; readonly from: RedisAddress } | null;
};

/** A slot that is under way: its commands go one at a time until they are where it is. */
type Detour = {
  /** What had been sent already and was sent elsewhere, in order; ahead of `held`. */
  readonly again: Waiting[];
  readonly held: Waiting[];
  running: boolean;
  dropped: string | null;
};

/**
 * Follows a Cluster that moves slots. While none moves, commands are pipelined. The first answer that sends a command elsewhere
 * (it was not carried out, so sending it again does nothing twice) stops the pipeline of that slot: what is in flight is waited
 * for, and then everything goes one by one, first what came back, then what was called since. So order is kept.
 */
export function createSlotTurns(deps: SlotTurnsDeps): SlotTurns {
  const inFlight = new Int32Array(SLOTS);
  const detours = new Map<number, Detour>();

  function detourOf(slot: number): Detour {
    let detour = detours.get(slot);
    if (detour === undefined) {
      detour = { again: [], held: [], running: false, dropped: null };
      detours.set(slot, detour);
    }
    return detour;
  }

  function waiting(send: Send, resolve: Waiting['resolve'], reject: Waiting['reject']): Waiting {
    return { send, resolve, reject, untilMs: deps.clock.monotonicMs() + deps.limitMs, answer: null };
  }

  function pipelined(slot: number, shard: Shard, send: Send): Promise<Reply> {
    (inFlight[slot] as number)++;
    return new Promise((resolve, reject) => {
      send(shard.commands, false).then(
        (reply) => {
          (inFlight[slot] as number)--;
          resolve(reply);
          if (detours.size > 0) advance(slot);
        },
        (error: unknown) => {
          (inFlight[slot] as number)--;
          if (isElsewhere(error)) {
            const back = waiting(send, resolve, reject);
            back.answer = { error, from: shard.address };
            detourOf(slot).again.push(back);
          } else refuse(reject, error);
          if (detours.size > 0) advance(slot);
        },
      );
    });
  }

  function refuse(reject: Waiting['reject'], error: unknown): void {
    if (isClusterDown(error)) deps.unserved();
    reject(error);
  }

  function advance(slot: number): void {
    const detour = detours.get(slot);
    if (detour === undefined || detour.running || inFlight[slot] !== 0) return;
    detour.running = true;
    void follow(slot, detour);
  }

  async function follow(slot: number, detour: Detour): Promise<void> {
    for (;;) {
      const next = detour.again.shift() ?? detour.held.shift();
      if (next === undefined) break;
      try {
        next.resolve(await carryOut(slot, detour, next));
      } catch (error) {
        refuse(next.reject, error);
      }
    }
    if (detours.get(slot) === detour) detours.delete(slot);
  }

  async function carryOut(slot: number, detour: Detour, command: Waiting): Promise<Reply> {
    for (;;) {
      const shard = await whither(slot, command.answer);
      if (detour.dropped !== null) throw storeUnavailable(`Redis: ${detour.dropped}`);
      try {
        return await command.send(shard.commands, isAsk(command.answer));
      } catch (error) {
        if (!isElsewhere(error)) throw error;
        if (deps.clock.monotonicMs() >= command.untilMs)
          throw storeUnavailable('Redis Cluster: the slot is being moved', error);
        command.answer = { error, from: shard.address };
      }
    }
  }

  async function whither(slot: number, answer: Waiting['answer']): Promise<Shard> {
    if (answer !== null) {
      const address = redirection(answer.error.message, answer.from);
      if (address !== null) {
        if (!isAsk(answer)) deps.moved(slot, address);
        return deps.reach(address);
      }
      await new Promise<void>((resolve) => void deps.clock.setTimer(TRY_AGAIN_MS, resolve));
    }
    const shard = deps.serving(slot);
    if (shard === undefined) throw storeUnavailable('Redis Cluster: nobody serves the slot');
    return shard;
  }

  return {
    call(slot, send) {
      const detour = detours.size === 0 ? undefined : detours.get(slot);
      if (detour !== undefined)
        return new Promise((resolve, reject) => detour.held.push(waiting(send, resolve, reject)));
      const shard = deps.serving(slot);
      if (shard !== undefined) return pipelined(slot, shard, send);
      return Promise.reject(storeUnavailable('Redis Cluster: nobody serves the slot'));
    },
    drop(reason) {
      for (const detour of detours.values()) {
        detour.dropped = reason;
        for (const { reject } of [...detour.again.splice(0), ...detour.held.splice(0)])
          reject(storeUnavailable(`Redis: ${reason}`));
      }
      detours.clear();
    },
  };
}

function isAsk(answer: Waiting['answer']): boolean {
  return answer !== null && errorWord(answer.error) === 'ASK';
}
